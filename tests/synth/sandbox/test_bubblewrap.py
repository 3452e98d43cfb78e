import sys

import pytest

from synth.sandbox import Limits, SandboxError, bubblewrap, check_sandbox, run_python
from synth.sandbox.syscalls import seccomp_filter

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="bubblewrap is for Linux")
PATIENT = Limits(cpu_s=10, wall_s=120.0)


def test_a_program_reads_and_writes():
    run = run_python("import sys; print(sys.stdin.read()[::-1]); sys.exit(3)", b"abc", PATIENT)
    assert (run.status, run.stdout, run.code) == ("done", b"cba\n", 3)


def test_it_has_nothing_of_the_host(tmp_path, monkeypatch):
    monkeypatch.setenv("NIGHTSCHOOL_SECRET", "hidden")
    program = (
        "import os\n"
        "print(dict(os.environ))\n"
        f"print(os.path.exists({str(tmp_path)!r}), os.path.exists('/etc/passwd'), os.path.exists('/proc/self'), os.getpid())\n"
        "print(os.uname().nodename, os.path.exists('/tmp'), os.listdir('/dev'))\n"
        "import importlib.util; print(importlib.util.find_spec('pydantic'))"
    )
    out = run_python(program, limits=PATIENT).stdout.decode()
    assert "hidden" not in out and "\nFalse False False 2\nsandbox False [" in out and out.endswith("None\n")


def test_it_can_write_nowhere():
    """Not even empty files: 900,000 of them would fit into five seconds, and cost the kernel a kilobyte each."""
    program = (
        "import os\n"
        "writes, folders = 0, 0\n"
        "for top, _, _ in os.walk('/'):\n"
        "    folders += 1\n"
        "    try: os.close(os.open(top + '/x', os.O_CREAT | os.O_WRONLY)); writes += 1\n"
        "    except OSError: pass\n"
        "try: os.pwrite(0, b'x', 0); writes += 1\n"
        "except OSError: pass\n"
        "print(writes, folders > 10)"
    )
    assert run_python(program, b"abc", PATIENT).stdout == b"0 True\n"


def test_the_same_program_prints_the_same():
    run = [run_python("print({'one', 'two', 'three', 'four'}, hash('five'))", limits=PATIENT).stdout for _ in range(2)]
    assert run[0] == run[1] != b""


@pytest.mark.parametrize(
    ("program", "status"),
    [("while True: pass", "cpu"), ("import time; time.sleep(60)", "wall"), ("while True: print('x' * 1000)", "output")],
)
def test_limits_end_a_program(program, status):
    limits = Limits(cpu_s=1 if status == "cpu" else 60, wall_s=1.0 if status == "wall" else 120.0, output_bytes=10_000)
    run = run_python(program, limits=limits)
    assert run.status == status and len(run.stdout) <= 10_000


@pytest.mark.parametrize(
    "program",
    [
        "import os; os.fork()",
        "import threading; threading.Thread(target=print).start()",
        "import socket; socket.socket()",
        "import os; os.memfd_create('x')",
    ],
)
def test_system_calls_are_refused(program):
    assert run_python(program, limits=PATIENT).code == 1


def test_the_filter_jumps_to_its_last_instruction():
    import struct

    text = seccomp_filter()
    program = [struct.unpack("=HBBI", text[at : at + 8]) for at in range(0, len(text), 8)]
    for place, (code, yes, _, _) in enumerate(program):
        if place > 1 and code in (0x15, 0x35):
            assert place + 1 + yes == len(program) - 1


def test_without_bubblewrap_nothing_is_run(monkeypatch):
    check_sandbox.cache_clear()
    monkeypatch.setattr(bubblewrap.shutil, "which", lambda _: None)
    with pytest.raises(SandboxError, match="apt-get install bubblewrap"):
        run_python("print(1)")
    check_sandbox.cache_clear()
