"""What does `python -m onepass.selftest` do? It prints the golden hashes as the formulas give them; --write keeps them.

They change when a rule is added, or a formula is meant to give other bits; no line of another rule may change then.
"""

from __future__ import annotations

import argparse
import sys

from onepass.selftest.golden import FILE, lines


def main() -> None:
    """Print the file, or write it."""
    parser = argparse.ArgumentParser(prog="python -m onepass.selftest", description=__doc__)
    parser.add_argument("--write", action="store_true", help=f"into {FILE.name}, beside the program")
    text = "".join(lines())
    if parser.parse_args().write:
        FILE.write_text(text, encoding="utf-8")
    else:
        sys.stdout.write(text)


if __name__ == "__main__":
    main()
