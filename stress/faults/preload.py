"""Builds a C file of this folder as a library that programs are loaded with (LD_PRELOAD)."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest


def library(name: str, folder: Path) -> Path:
    """Compile `NAME.c` into a folder; a machine that cannot skips the test."""
    compiler = shutil.which("cc") or shutil.which("gcc")
    if sys.platform != "linux" or compiler is None:
        pytest.skip("needs Linux and a C compiler")
    built = folder / f"{name}.so"
    source = Path(__file__).parent / f"{name}.c"
    subprocess.run([compiler, "-shared", "-fPIC", "-O1", "-o", str(built), str(source), "-ldl"], check=True)  # noqa: S603
    return built
