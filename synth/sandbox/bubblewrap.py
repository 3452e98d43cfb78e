"""Run a Python program in bubblewrap (https://github.com/containers/bubblewrap): the only place where model text is executed.

A program sees Python's own folders, and nothing else of the host: no home, no `/etc`, no `/proc`, no environment, no network. It
can write no file anywhere: even empty ones cost the kernel a kilobyte each, which no limit of a process counts. It has user,
process, IPC, network, host-name and cgroup namespaces of its own, and can start no process or thread (`syscalls`). Memory,
processor time and open files are limited by the kernel, wall time and output by the caller, who kills all of the namespace.
"""

import fcntl
import os
import select
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import IO

from storage.errors import NightschoolError
from synth.sandbox.syscalls import known_machine, seccomp_filter


class SandboxError(NightschoolError):
    """There is no sandbox here; the message says what to do."""


@dataclass(frozen=True)
class Limits:
    """What a program may use.

    Attributes:
        cpu_s: Seconds of processor time.
        wall_s: Seconds altogether; also what waits for nothing ends here.
        memory_mb: Address space.
        output_bytes: Written to standard output; what writes more is killed.
    """

    cpu_s: int = 5
    wall_s: float = 30.0
    memory_mb: int = 512
    output_bytes: int = 1_000_000


@dataclass(frozen=True)
class Run:
    """What came of a program.

    Attributes:
        status: `done` (it ended by itself, whatever its exit code), `cpu` (out of processor time), `wall` (out of time),
            `output` (wrote too much), `killed` (by a signal, memory for example).
        stdout: What it wrote, at most `Limits.output_bytes`.
        code: Its exit code; None where it was killed by us.
    """

    status: str
    stdout: bytes
    code: int | None


_START = """\
import resource as r, sys
for name, value in ({limits}):
    r.setrlimit(getattr(r, name), (value, value + (name == "RLIMIT_CPU")))
del r
"""
"""The first lines of every program: hard limits, which nothing in the sandbox can raise."""


def run_python(program: str, stdin: bytes = b"", limits: Limits | None = None) -> Run:
    """Run a Python program and return what it wrote. Safe for several threads.

    Args:
        program: Its text; it is run by this interpreter, without site packages.
        stdin: What it can read.
        limits: What it may use; `Limits()` by default.

    Raises:
        SandboxError: There is no working sandbox here.
    """
    check_sandbox()
    return _run(program, stdin, limits or Limits())


@cache
def check_sandbox() -> None:
    """Check, once, that bubblewrap is here and works.

    Raises:
        SandboxError: It is not or does not; the message says what to do.
    """
    if sys.platform != "linux" or not known_machine():
        raise SandboxError("programs of models are run in bubblewrap, which needs Linux on x86_64 or aarch64")
    if shutil.which("bwrap") is None:
        raise SandboxError(
            "programs of models are run in bubblewrap, which is not installed; install it "
            "(Debian, Ubuntu: apt-get install bubblewrap)"
        )
    run = _run("print('works')", b"", Limits())
    if run.stdout != b"works\n":
        raise SandboxError(
            "bubblewrap is installed and does not work here; try `bwrap --unshare-all --ro-bind / / true`: it needs user "
            "namespaces (kernel.unprivileged_userns_clone=1, kernel.apparmor_restrict_unprivileged_userns=0)"
        )


_SEALS = fcntl.F_SEAL_SEAL | fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW | fcntl.F_SEAL_WRITE


def _run(program: str, stdin: bytes, limits: Limits) -> Run:
    with _files(seccomp_filter(), (_limiting(limits) + program).encode("utf-8", "replace"), stdin) as (
        calls,
        text,
        given,
    ):
        descriptors = (calls, text)
        process = subprocess.Popen(  # noqa: S603 - bubblewrap, with arguments of ours
            [*_command(*descriptors)],
            stdin=given,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            pass_fds=descriptors,
            env={},
        )
        assert process.stdout is not None
        try:
            status, stdout = _read(process.stdout, limits)
            if status is not None:
                return Run(status, stdout, None)
            code = process.wait()
        finally:
            process.kill()  # and with it its namespace, whose first process dies with it
            process.wait()
            process.stdout.close()
    signal = code - 128 if code > 128 else -code if code < 0 else 0
    return Run("cpu" if signal == 24 else "killed" if signal else "done", stdout, code)


@contextmanager
def _files(*contents: bytes) -> Iterator[list[int]]:
    """Files in memory that nobody can change or let grow, ready to be read."""
    files: list[int] = []
    try:
        for content in contents:
            files.append(file := os.memfd_create("given", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING))
            with open(file, "wb", closefd=False) as writing:
                writing.write(content)
            os.lseek(file, 0, os.SEEK_SET)
            fcntl.fcntl(file, fcntl.F_ADD_SEALS, _SEALS)
        yield files
    finally:
        for file in files:
            os.close(file)


def _command(calls: int, text: int) -> list[str]:
    return [
        shutil.which("bwrap") or "bwrap", "--unshare-all", "--die-with-parent", "--new-session", "--clearenv",
        "--hostname", "sandbox", "--uid", "65534", "--gid", "65534", "--cap-drop", "ALL",
        "--setenv", "PYTHONHASHSEED", "0", "--setenv", "LC_ALL", "C.UTF-8",
        *_python_folders(),
        "--dev", "/dev", "--remount-ro", "/dev", "--chdir", "/",
        "--ro-bind-data", str(text), "/program.py", "--remount-ro", "/", "--seccomp", str(calls),
        _interpreter(), "-s", "-P", "-S", "-B", "/program.py",
    ]  # fmt: skip


@cache
def _interpreter() -> str:
    return str(Path(getattr(sys, "_base_executable", None) or sys.executable).resolve())


@cache
def _python_folders() -> tuple[str, ...]:
    """Arguments that show the interpreter, its standard library and the system's shared libraries, read-only."""
    base = Path(sys.base_prefix).resolve()
    if base == Path("/usr"):
        shown = [Path(_interpreter()), base / "lib" / _version()]
    else:
        shown = [Path(_interpreter()), *sorted((base / "lib").glob("libpython*")), base / "lib" / _version()]
    arguments: list[str] = []
    for path in [*shown, *(Path(folder) for folder in ("/lib64", *_libraries()))]:
        if path.is_symlink():
            arguments += ["--symlink", os.readlink(path), str(path)]  # noqa: PTH115 - as it is written
        elif path.exists():
            arguments += ["--ro-bind", str(path), str(path)]
    for name in ("site-packages", "dist-packages"):
        packages = base / "lib" / _version() / name
        arguments += ["--tmpfs", str(packages), "--remount-ro", str(packages)] if packages.exists() else []
    return tuple(arguments)


def _version() -> str:
    return f"python{sys.version_info[0]}.{sys.version_info[1]}"


def _libraries() -> list[str]:
    names = {"x86_64": "x86_64-linux-gnu", "aarch64": "aarch64-linux-gnu"}
    import platform

    name = names[platform.machine()]
    return [f"/usr/lib/{name}", f"/lib/{name}", "/usr/lib64"]


def _limiting(limits: Limits) -> str:
    values = {
        "RLIMIT_CPU": limits.cpu_s,
        "RLIMIT_AS": limits.memory_mb << 20,
        "RLIMIT_FSIZE": 0,
        "RLIMIT_NOFILE": 64,
        "RLIMIT_CORE": 0,
        "RLIMIT_NPROC": 64,
    }
    return _START.format(limits=", ".join(f"({name!r}, {value})" for name, value in values.items()))


def _read(pipe: IO[bytes], limits: Limits) -> tuple[str | None, bytes]:
    """Read until the end; the first is why it stopped before."""
    data, end = bytearray(), time.monotonic() + limits.wall_s
    while True:
        ready, _, _ = select.select([pipe], [], [], max(0.0, end - time.monotonic()))
        if not ready:
            return "wall", bytes(data)
        piece = os.read(pipe.fileno(), 65_536)
        if not piece:
            return None, bytes(data)
        data += piece
        if len(data) > limits.output_bytes:
            return "output", bytes(data[: limits.output_bytes])
