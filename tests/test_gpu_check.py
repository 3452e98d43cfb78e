"""`make gpu-check`: a sentence where there is no GPU or a package is missing, and its cases work, as far as a CPU can tell."""

import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).resolve().parent.parent / "scripts" / "gpu_check.py"


def run(*arguments, python=(sys.executable,)):
    return subprocess.run([*python, str(SCRIPT), *arguments], capture_output=True, text=True)


@pytest.mark.slow
def test_a_machine_without_a_gpu_is_told_so_and_the_cases_are_rehearsed():
    import torch

    if torch.cuda.is_available():
        pytest.skip("there is a GPU: make gpu-check tries it")
    done = run("--rehearse")
    lines = done.stdout.splitlines()
    assert (done.returncode, lines[0]) == (0, "a CPU, to rehearse"), done.stdout + done.stderr
    assert [line.split()[:2] for line in lines[1:]] == [["sft", "ok"], ["lora", "ok"]]
    done = run()
    assert (done.returncode, done.stdout) == (0, "no GPU: torch sees none, so nothing was run\n")


def test_a_python_without_the_packages_is_told_which():
    done = run(python=(sys.executable, "-S"))  # no site-packages
    assert done.returncode == 0 and "torch: not installed in" in done.stdout
    assert done.stdout.endswith("install them, or name another Python: make gpu-check PYTHON=...\n")
