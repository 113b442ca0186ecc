"""How is a whole step made in NumPy? Storage, gradients, sparse rows, one parameter, and `Twin` over all of them."""
