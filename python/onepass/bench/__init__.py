"""What would a user gain on this machine? Steps of onepass in turn with those of what else is installed."""
