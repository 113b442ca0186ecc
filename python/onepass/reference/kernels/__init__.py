"""What do kernels compute beside the rules? Sums and vectors, random numbers, scalars, L-BFGS, Levenberg-Marquardt."""
