"""The one way in which kernels are compiled: without the interpreter's lock, cached on disk where that is possible."""

from collections.abc import Callable
from typing import Any, TypeVar

import numba

Function = TypeVar("Function", bound=Callable[..., Any])


def jit(function: Function) -> Function:
    """Compile a kernel at its first call; the machine code is kept beside the file or in the user's cache folder."""
    try:
        compiled: Function = numba.njit(nogil=True, cache=True)(function)
    except RuntimeError:  # numba finds no folder that it may write its cache to
        compiled = numba.njit(nogil=True)(function)
    return compiled
