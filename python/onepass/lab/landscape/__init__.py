"""`onepass landscape`: the loss around trained networks, and the paths that led there."""
