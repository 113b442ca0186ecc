"""What the experiments learn from: what comes along, and what lies in a folder that the user names."""
