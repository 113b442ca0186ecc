"""What do torch, DeepSpeed and onepass make of the same inputs? Each in a process of its own, which may end badly.

python bench/faults/table.py            # the table of docs/comparison.md
"""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent
WAYS = ["fused", "foreach", "deepspeed", "onepass"]


def cases() -> list[Path]:
    return sorted(path for path in HERE.glob("*.py") if path.stem not in ("table", "ways"))


def outcome(script: Path, way: str) -> str:
    done = subprocess.run([sys.executable, str(script), way], capture_output=True, text=True, timeout=600, check=False)
    if done.returncode < 0:
        return "a signal ends the process"
    *_, last = done.stdout.strip().splitlines()
    return "not measured" if "No module named 'deepspeed'" in last else last


def title(script: Path) -> str:
    """What its first line says of the input."""
    return (ast.get_docstring(ast.parse(script.read_text())) or "").splitlines()[0]


def row(script: Path) -> str:
    outcomes = " | ".join(outcome(script, way) for way in WAYS)
    return f"| `{script.stem}` | {title(script)} | {outcomes} |"


if __name__ == "__main__":
    print("| | input | torch, fused | torch, foreach | DeepSpeed | onepass |\n|---|---|---|---|---|---|", flush=True)
    for script in cases():
        print(row(script), flush=True)
