"""Kernels compiled by numba over UTF-8 buffers. Each has a plain Python twin that says the same, only slower.

Where numba is missing, for little work, or where `NIGHTSCHOOL_NUMBA=0` is set, the twins are used; with `1` kernels are used
however little there is, and tests compare both. Little is what the process has read in all: many small batches are much.
Kernels that call each other stand in one file: numba's cache on disk notices a changed file, but not a changed file behind it.
"""

import os
import sys
from importlib.util import find_spec

_SWITCH = "NIGHTSCHOOL_NUMBA"
_LITTLE = 1_000_000
"""Characters that Python reads in the time in which numba and its kernels are loaded, .35 s and 140 MB here; ours."""
_read = 0


def enabled(work: int = _LITTLE) -> bool:
    """Whether kernels are to be used: numba is installed, and loaded already or worth loading.

    Args:
        work: Characters to read, or numbers to compare.
    """
    global _read
    _read += work
    switch = os.environ.get(_SWITCH)
    if switch == "0" or find_spec("numba") is None:
        return False
    return switch == "1" or _read >= _LITTLE or "numba" in sys.modules
