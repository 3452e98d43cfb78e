"""The machine: Python and its packages, memory, disk, GPU, and the device that torch would train on."""

import platform
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

import psutil

from flows.doctor.finding import Finding, Level, fail, ok, warn

ROOT = Path(__file__).parent.parent.parent
FREE_GIB = 10.0
"""Less free space is worth a warning; a tenth of it is a failure. Our own choice: a 0.6B checkpoint takes 1.2 GiB."""
BUSY = 0.2
"""A GPU of whose memory more than this share is in use is worth a warning. Our own choice."""


def check_environment() -> Iterator[Finding]:
    """Look at Python, its environment, memory and cores."""
    state = f"{platform.python_version()} on {platform.system()} {platform.machine()}"
    if (3, 11) <= sys.version_info[:2] < (3, 14):
        yield ok("Python", state)
    else:
        yield fail("Python", state, "use Python 3.11, 3.12 or 3.13")
    if sys.prefix == sys.base_prefix:
        yield warn("environment", "no virtual environment", "`make env`, then .venv/bin/nightschool")
    memory, cores = psutil.virtual_memory(), psutil.cpu_count() or 1
    yield ok("machine", f"{cores} cores, {memory.available / 2**30:.1f} of {memory.total / 2**30:.1f} GiB free")


def check_versions() -> Iterator[Finding]:
    """Compare what is installed with constraints.txt, what was tested together; direct dependencies must be there.

    Prevents nights that never begin: under SQLAlchemy 2.1 the scheduler of Prefect 3.8's server makes no run, in its log only.
    """
    pins = dict(re.findall(r"^([A-Za-z0-9_.-]+)==(\S+)", _read(ROOT / "constraints.txt"), re.M))
    dependencies = _read(ROOT / "pyproject.toml").split("[project.opt")[0]
    direct = re.findall(r'^    "([A-Za-z0-9_.-]+)[^"]*",', dependencies, re.M)
    missing, other = [], []
    for name, pin in pins.items():
        try:
            installed = metadata.version(name)
        except metadata.PackageNotFoundError:
            missing += [name] if name in direct else []
            continue
        if installed.partition("+")[0] != pin.partition("+")[0]:
            other.append(f"{name} {installed} (tested with {pin})")
    remedy = "pip install --constraint constraints.txt --editable ."
    if missing:
        yield fail("versions", f"not installed: {', '.join(missing)}", f"`make env`, or {remedy}")
    if other:
        more = f" and {len(other) - 5} more" if len(other) > 5 else ""
        yield warn("versions", ", ".join(other[:5]) + more, remedy)
    if not missing and not other:
        nothing = "no constraints.txt beside the program to compare with"
        yield ok("versions", f"{len(pins)} packages as tested together" if pins else nothing)


def check_disk(root: Path) -> Iterator[Finding]:
    """Look at the space for a workspace, which need not exist yet."""
    folder = next(folder for folder in (root.absolute(), *root.absolute().parents) if folder.exists())
    usage = shutil.disk_usage(folder)
    free = usage.free / 2**30
    level: Level = "ok" if free >= FREE_GIB else "warn" if free >= FREE_GIB / 10 else "fail"
    remedy = "" if level == "ok" else "free some space; `nightschool model prune` removes old checkpoints"
    yield Finding("disk", level, f"{free:,.1f} of {usage.total / 2**30:,.1f} GiB free at {folder}", remedy)


def check_sandbox() -> Iterator[Finding]:
    """Look whether programs of models can be run here; only `kind: code` and the environment `python` want that."""
    from synth.sandbox import SandboxError
    from synth.sandbox import check_sandbox as check

    try:
        check()
    except SandboxError as error:
        yield ok("sandbox", f"none, so `kind: code` and the environment `python` do not run: {error}")
        return
    yield ok("sandbox", "bubblewrap works")


def check_gpu() -> Iterator[Finding]:
    """Ask the NVIDIA driver for its GPUs and how much of their memory is in use."""
    program = shutil.which("nvidia-smi")
    if program is None:
        yield ok("GPU", "no NVIDIA driver; everything runs on the CPU")
        return
    command = [program, "--query-gpu=name,memory.total,memory.used,driver_version", "--format=csv,noheader,nounits"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=10)  # noqa: S603 - a fixed command
    if done.returncode:
        remedy = "reinstall the driver, or restart the machine"
        yield fail("GPU", f"nvidia-smi: {(done.stdout + done.stderr).strip()[:200]}", remedy)
        return
    for row in done.stdout.splitlines():
        name, total, used, driver = (part.strip() for part in row.split(","))
        state = f"{name}, {float(used) / 1024:.1f} of {float(total) / 1024:.0f} GiB in use, driver {driver}"
        if float(used) > BUSY * float(total):
            yield warn("GPU", state, "end what uses it, or let the night wait for it")
        else:
            yield ok("GPU", state)


def check_torch() -> Iterator[Finding]:
    """Import torch (some seconds), and name the device it trains on."""
    import torch

    device = "cuda" if torch.cuda.is_available() else "mps" if torch.backends.mps.is_available() else "cpu"
    state = f"{torch.__version__}, trains on {device}"
    if shutil.which("nvidia-smi") and device == "cpu":
        yield warn("torch", state, "install a CUDA build of torch")
    else:
        yield ok("torch", state)


def _read(path: Path) -> str:
    return path.read_text(encoding="utf-8") if path.is_file() else ""
