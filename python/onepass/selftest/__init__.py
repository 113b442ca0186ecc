"""Does onepass compute here what its formulas say, to the bit? Hashes of the NumPy formulas ship with it."""
