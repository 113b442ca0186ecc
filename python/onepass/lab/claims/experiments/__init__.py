"""One module per claim, which defines CLAIM."""
