"""How fast is onepass beside its peers? The parts of `bench/compare.py`."""
