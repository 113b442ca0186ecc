"""How does a run outlive its process? A safetensors file with all that an optimizer holds, whole or not at all."""

from onepass.checkpoint.loading import load
from onepass.checkpoint.saving import save

__all__ = ["load", "save"]
