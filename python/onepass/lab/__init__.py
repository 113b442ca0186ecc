"""Experiments with every optimizer, on the terminal and as pictures; they need ``pip install "onepass[lab]"``."""
