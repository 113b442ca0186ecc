"""How are lists of arrays stepped by L-BFGS? `LBFGS`, with torch's interface."""
