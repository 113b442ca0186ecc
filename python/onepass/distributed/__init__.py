"""How do many processes share one optimizer? Each keeps a part of its state, and all get the bits of one process."""

from onepass.distributed.checkpoint import load, save
from onepass.distributed.communicator import Communicator, Overlapping
from onepass.distributed.sharded import Sharded

__all__ = ["Communicator", "Overlapping", "Sharded", "load", "save"]
