"""`onepass tune`: a genetic algorithm searches the hyper-parameters of a recurrent network on a time series."""
