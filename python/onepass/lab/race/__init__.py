"""`onepass race`: optimizers on surfaces with two parameters or one."""
