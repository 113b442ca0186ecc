"""What do these pages have that Sphinx has not? Formulas, and what is asked from the live package at build time."""
