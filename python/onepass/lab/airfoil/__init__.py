"""`onepass airfoil`: least squares on measurements of a wing's noise, with every optimizer."""
