"""`nightschool serve-model` with a `vllm` that is a few lines: what it is told, and what is said when it does not start."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.waiting import wait_for

CHECKOUT = Path(__file__).resolve().parents[3]
STAND_IN = """
import sys, time
print("told", *sys.argv[1:], flush=True)
if "--no-such" in sys.argv:
    print("vllm: error: unrecognized arguments: --no-such", flush=True)
    sys.exit(2)
time.sleep(600)
"""


@pytest.fixture
def command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    tools = tmp_path / "environment" / "bin"
    tools.mkdir(parents=True)
    (tools / "python").symlink_to(sys.executable)
    (tools / "vllm").write_text(STAND_IN)
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "config.json").write_text("{}")
    monkeypatch.setenv("NIGHTSCHOOL_VLLM_PYTHON", str(tools / "python"))
    monkeypatch.setenv("PYTHONPATH", str(CHECKOUT))
    return [sys.executable, "-m", "flows.cli", "serve-model", str(tmp_path / "model")]


@pytest.mark.slow
def test_it_passes_flags_on_and_says_why_vllm_did_not_start(command: list[str]) -> None:
    ended = subprocess.run(
        [*command, "--max-model-len", "512", "--", "--tensor-parallel-size", "2", "--no-such"],
        capture_output=True,
        text=True,
    )
    assert ended.returncode == 1
    assert "--max-model-len 512" in ended.stdout and "--tensor-parallel-size 2" in ended.stdout
    assert "it does not know --no-such: correct or remove it" in " ".join(ended.stderr.split())
    wrong = subprocess.run([*command, "--max-model-len", "long"], capture_output=True, text=True)
    assert wrong.returncode == 1 and "a number of tokens, or auto" in wrong.stderr


@pytest.mark.slow
def test_it_ends_when_it_is_told_to(command: list[str], tmp_path: Path) -> None:
    with (tmp_path / "log").open("wb") as log:
        served = subprocess.Popen(command, stdout=log, stderr=log)
    wait_for(lambda: b"--max-model-len auto" in (tmp_path / "log").read_bytes(), 240, "the server")
    os.kill(served.pid, signal.SIGTERM)
    assert served.wait() == 0
