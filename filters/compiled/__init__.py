"""Kernels compiled by numba over UTF-8 buffers. Each has a plain Python twin that says the same, only slower.

Where numba is missing, or `NIGHTSCHOOL_NUMBA=0` is set, the twins are used; tests compare both. Kernels that call each
other stand in one file: numba's cache on disk notices a changed file, but not a changed file behind it.
"""

import os
from importlib.util import find_spec

_SWITCH = "NIGHTSCHOOL_NUMBA"


def enabled() -> bool:
    """Whether kernels may be used: numba is installed and `NIGHTSCHOOL_NUMBA` is not 0."""
    return os.environ.get(_SWITCH) != "0" and find_spec("numba") is not None
