"""What does `python -m onepass` do? The same as the command `onepass`."""

from onepass.cli import main

if __name__ == "__main__":
    raise SystemExit(main())
