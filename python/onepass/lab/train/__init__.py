"""`onepass train`: one network, every optimizer."""
