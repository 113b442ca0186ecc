"""Does an installed wheel work where nothing was compiled? Every optimizer, on every level, against its reference."""

import importlib.util
import shutil

import numpy as np

import onepass as op
from onepass.signatures import signatures

for tool in ("cc", "gcc", "g++", "c++", "clang", "cmake", "ninja"):
    assert shutil.which(tool) is None, f"{tool} is in sight"
for extra in ("matplotlib", "sklearn", "rich", "torch", "scipy"):
    assert importlib.util.find_spec(extra) is None, f"{extra} is installed"

rng = np.random.default_rng(0)
for isa in op.isas():
    with op.use_isa(isa):
        for signature in signatures.values():
            arrays = [rng.standard_normal(40_001).astype(np.float32) ** 2 for _ in range(2 + len(signature.slots))]
            copies = [array.copy() for array in arrays]
            scalars = {name: np.array(0.5) for name in signature.scalars}
            copied_scalars = {name: value.copy() for name, value in scalars.items()}
            getattr(op.functional, signature.function_name)(*arrays, step=3, **scalars)
            getattr(op.reference, signature.function_name)(*copies, step=3, **copied_scalars)
            assert all(map(np.array_equal, arrays, copies)), (isa, signature.rule)
config = op.show_config()
print(f"{len(signatures)} rules on {', '.join(op.isas())}: equal to their references, with {config['threads']} threads")
print("threading layers:", *config["threading_layers"], sep="\n  ")
