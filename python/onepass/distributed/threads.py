"""How many threads does a process take that shares its machine's cores with others? Its part of them."""

from __future__ import annotations

import os
import socket

from onepass.config import get_num_threads, usable_cores
from onepass.distributed.communicator import Communicator


def threads_of_rank(comm: Communicator) -> int:
    """Collective: the cores that it may use over the processes that use the same, and no more than it takes alone."""
    cores = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else []
    own = f"{socket.gethostname()} {cores}".encode()
    return min(get_num_threads(), max(1, usable_cores() // comm.gather(own).count(own)))
