"""The embedded orchestrator: private to the workspace, and an orphan of a killed run is ended at the next start."""

import copy
import os
import signal
import stat
import subprocess
import threading
import time

import httpx
import psutil
import pytest

from flows.service.orchestrator import embedded_server
from flows.service.prefect_server import FACTORY, login_file, read_login
from storage.workspace import Workspace
from tests.flows.conftest import SMALL
from tests.flows.endpoint import SilentTeacher, SlowTeacher, serving, slowly_taught

pytestmark = pytest.mark.slow


def servers(home: str) -> list[psutil.Process]:
    servers = []
    for process in psutil.process_iter(["cmdline"]):
        try:
            if FACTORY in (process.info["cmdline"] or []):
                servers += [process] if process.environ().get("PREFECT_HOME") == home else []
        except psutil.Error:
            continue
    return servers


@pytest.fixture
def slow_teacher():
    with serving(SlowTeacher) as address:
        yield address


def test_an_orphaned_server_is_ended_and_nothing_is_left(cli, slow_teacher):
    cli.environment.pop("PREFECT_API_URL")
    home = str(cli.workspace / "prefect")
    content = slowly_taught(copy.deepcopy(SMALL), slow_teacher)
    content["problems"]["limit"] = 400
    recipe = cli.recipe(content)
    process = cli.start("run", recipe, "--date", "2026-01-01", "--quiet")
    deadline = time.monotonic() + 120
    while not (cli.workspace / "ledger.sqlite").exists() and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.05)
    time.sleep(0.3)
    process.send_signal(signal.SIGKILL)
    process.wait()
    orphans = servers(home)
    assert orphans, "kill -9 leaves the embedded server behind (if it no longer does, this code can go)"
    assert all(item.net_connections() == [] or _local(item) for item in orphans)
    cli("run", recipe, "--date", "2026-01-01", "--quiet")
    gone = time.monotonic() + 15
    while servers(home) and time.monotonic() < gone:
        time.sleep(0.2)
    assert servers(home) == []


def _local(process: psutil.Process) -> bool:
    return {item.laddr.ip for item in process.net_connections() if item.status == psutil.CONN_LISTEN} == {"127.0.0.1"}


def test_the_embedded_server_has_a_login_and_answers_no_other_host(tmp_path, monkeypatch):
    for name in [name for name in os.environ if name.startswith("PREFECT")]:
        monkeypatch.delenv(name)
    workspace = Workspace.create(tmp_path / "w")
    with embedded_server(workspace):
        url, login = os.environ["PREFECT_API_URL"], read_login(workspace)
        assert login == os.environ["PREFECT_API_AUTH_STRING"]
        assert stat.S_IMODE(login_file(workspace).stat().st_mode) == 0o600
        client = httpx.Client(base_url=url)
        user, _, password = str(login).partition(":")
        ours = httpx.BasicAuth(user, password)
        assert client.post("/flows/filter", json={}).status_code == 401
        assert client.post("/flows/filter", json={}, auth=ours).status_code == 200
        assert client.post("/flows/filter", json={}, auth=ours, headers={"Host": "evil.example"}).status_code == 400
        assert client.post("/flows/filter", json={}, auth=ours, headers={"Origin": "http://a"}).status_code == 403
        client.close()
    assert "PREFECT_API_URL" not in os.environ and servers(str(tmp_path / "w" / "prefect")) == []


def test_ctrl_c_ends_a_run_and_its_server_with_one_sentence(cli):
    cli.environment.pop("PREFECT_API_URL")

    class Teacher(SilentTeacher):
        asked, released = threading.Event(), threading.Event()

    with serving(Teacher) as address:
        process = subprocess.Popen(
            cli.command("run", cli.recipe(slowly_taught(copy.deepcopy(SMALL), address)), "--date", "2026-01-01", "--quiet"),
            env=cli.environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True,
        )  # fmt: skip
        assert Teacher.asked.wait(240), "the night asks its teacher"
        os.killpg(process.pid, signal.SIGINT)  # as a terminal does: to every process of the group
        output, _ = process.communicate(timeout=120)
        Teacher.released.set()
    assert process.returncode == 130 and "the same command goes on where it stopped" in output, output[-2000:]
    assert "PREFECT_API_URL" not in output and servers(str(cli.workspace / "prefect")) == []
