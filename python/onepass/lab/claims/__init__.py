"""`onepass claims`: what is said about optimizers, put to the test."""
