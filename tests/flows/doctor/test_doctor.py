"""The doctor says what is so and what to do, and shows no credential."""

import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import ClassVar

import psutil
import pytest

from flows.doctor.doctor import examine, run_checks
from flows.doctor.finding import Finding, ok
from flows.doctor.models import check_endpoints
from flows.doctor.prefect import check_service
from flows.service.processes import MARK
from flows.service.record import Running
from storage.catalog.leases import acquire
from storage.lake.lake import Lake, table_of
from storage.ledger.ledger import Ledger
from storage.processes import pid_space
from synth.engines import http_json
from synth.engines.processes import identity_of
from synth.engines.spec import ModelSpec
from tests.flows.conftest import SMALL
from tests.flows.endpoint import serving

SECRET = "sk-very-secret-7731"


class _Models(BaseHTTPRequestHandler):
    """An endpoint that serves one model to whoever has the key."""

    name = "good-model"

    def do_GET(self) -> None:
        allowed = self.headers.get("Authorization") == f"Bearer {SECRET}"
        self.send_response(200 if allowed else 401)
        self.end_headers()
        self.wfile.write(json.dumps({"data": [{"id": self.name}]} if allowed else {}).encode())

    def log_message(self, *_: object) -> None:
        return


class _Silent(BaseHTTPRequestHandler):
    """An endpoint that answers nobody till the test is over."""

    asked: ClassVar[list[str]] = []
    over: ClassVar[threading.Event] = threading.Event()

    def do_GET(self) -> None:
        self.asked.append(self.path)
        self.over.wait(60)

    def log_message(self, *_: object) -> None:
        return


@pytest.fixture(scope="module")
def endpoint() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Models)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"127.0.0.1:{server.server_port}"
    server.shutdown()


def by_part(findings: list[Finding]) -> dict[str, Finding]:
    return {finding.part: finding for finding in findings}


def model(endpoint: str, **more: object) -> dict:
    return {
        "engine": "vllm",
        "endpoint": endpoint,
        "name": "good-model",
        "revision": "1",
        "api_key_env": "DOCTOR_KEY",
        **more,
    }


def test_a_workspace_in_order_has_no_complaint(lake):
    lake.commit("x", "test", {})
    with Ledger(lake.workspace.ledger):
        pass
    findings = by_part(examine(lake.workspace.root))
    assert findings["lake"].level == "ok" and "1 commits" in findings["lake"].state
    assert findings["ledger"].level == "ok" and findings["leases"].level == "ok" and findings["Python"].level == "ok"
    assert findings["sandbox"].level == "ok" and "bubblewrap" in findings["sandbox"].state
    assert findings["versions"].level in ("ok", "warn") and all(line.level != "fail" for line in findings.values())


def test_what_is_not_there_yet_is_no_fault_and_nothing_is_made(tmp_path):
    findings = by_part(examine(tmp_path / "new"))
    assert findings["workspace"].level == "ok" and not (tmp_path / "new").exists()


def test_a_damaged_workspace_fails_with_its_remedy(workspace):
    (workspace.root / "workspace.json").write_text("{")
    findings = by_part(examine(workspace.root))
    assert findings["workspace"].level == "fail" and "back-up" in findings["workspace"].remedy


def test_a_lease_of_the_living_is_told_from_one_of_the_dead(lake, tmp_path):
    with acquire(lake.catalog, "training", purpose="a test"):
        assert by_part(examine(lake.workspace.root))["lease"].level == "ok"
    code = (
        "import os, sys; from pathlib import Path; from storage.workspace import Workspace; from storage.lake.lake import Lake; "
        "from storage.catalog.leases import acquire\n"
        "lake = Lake(Workspace.open(Path(sys.argv[1]))); acquire(lake.catalog, 'training', purpose='a killed one'); os._exit(0)"
    )
    subprocess.run([sys.executable, "-c", code, str(lake.workspace.root)], check=True)
    line = by_part(examine(lake.workspace.root))["lease"]
    assert line.level == "warn" and "a killed one" in line.state and "takes it over" in line.remedy


def test_an_orphaned_model_server_is_named(workspace):
    from synth.engines.processes import identity_of

    alive = identity_of(psutil.Process())
    folder = workspace.folder("servers", "teacher")
    record = {"owner": {**alive, "pid": 2**22 - 3}, "group": 1, "processes": [alive]}
    (folder / "vllm.json").write_text(json.dumps(record))
    assert "teacher" in by_part(examine(workspace.root))["orphan"].state


@pytest.mark.parametrize("text", ["{}", "[]", "[" * 200_000, None])
def test_a_damaged_record_of_a_model_server_is_a_warning(workspace, text):
    file = workspace.folder("servers", "teacher") / "vllm.json"
    file.mkdir() if text is None else file.write_text(text)
    finding = by_part(examine(workspace.root))["orphan"]
    assert finding.level == "warn" and f"{file} is damaged" in finding.state


def test_a_folder_of_the_lakes_files_that_is_not_there_is_named(lake):
    lake.commit("x", "test", {"problems": table_of("problems", [{"problem_id": str(number)} for number in range(30)])})
    lake.workspace.data.rename(lake.workspace.root / "elsewhere")
    finding = by_part(examine(lake.workspace.root))["lake"]
    assert finding.level == "fail" and "is not there, where the lake has 1 files" in finding.state


def test_a_full_disk_is_seen_before_the_night(tmp_path, monkeypatch):
    usage = type("Usage", (), {"total": 2**40, "free": 2**28})
    monkeypatch.setattr("shutil.disk_usage", lambda folder: usage)
    assert by_part(examine(tmp_path))["disk"].level == "fail"


@pytest.mark.parametrize(
    ("change", "key", "level", "text"),
    [
        ({}, SECRET, "ok", "serves good-model"),
        ({"name": "other-model"}, SECRET, "fail", "good-model"),
        ({}, "wrong-" + SECRET, "fail", "answers, and refuses the credential in DOCTOR_KEY: HTTP 401"),
        ({"api_key_env": None}, SECRET, "fail", "answers, and wants a credential: HTTP 401"),
        ({}, "", "fail", "export DOCTOR_KEY"),
        ({"endpoint": "http://127.0.0.1:9"}, SECRET, "fail", "does not answer"),
        ({"endpoint": f"http://me:{SECRET}@127.0.0.1:9"}, SECRET, "fail", "api_key_env"),
    ],
)
def test_the_endpoints_of_a_recipe_are_asked_and_no_key_is_shown(cli, endpoint, change, key, level, text):
    cli.environment["DOCTOR_KEY"] = key
    recipe = cli.recipe({**SMALL, "models": {"teacher": model(f"http://{endpoint}") | change}})
    output = subprocess.run(
        cli.command("doctor", "--recipe", recipe, "--json"), env=cli.environment, capture_output=True, text=True
    )
    assert output.returncode == (level == "fail"), output.stderr
    part = "recipe" if "@" in change.get("endpoint", "") else "models.teacher"
    line = next(line for line in json.loads(output.stdout) if line["part"] == part)
    assert line["level"] == level and text in line["state"] + line["remedy"]
    assert SECRET not in output.stdout + output.stderr


def test_a_key_that_stands_where_a_long_name_is_cut_is_not_shown(monkeypatch):
    monkeypatch.setenv("DOCTOR_KEY", SECRET)

    monkeypatch.setattr(_Models, "name", "x" * 187 + SECRET)
    with serving(_Models) as address:
        (line,) = check_endpoints({"teacher": ModelSpec(**model(address))})
    assert "xxx[cred" in line.remedy and SECRET[:5] not in line.remedy


def test_many_endpoints_that_never_answer_are_not_all_asked(monkeypatch):
    monkeypatch.setattr(http_json, "PATIENCE_S", 1.0)
    monkeypatch.setenv("DOCTOR_KEY", SECRET)
    with serving(_Silent) as address:
        spec = ModelSpec(**model("") | {"endpoint": [f"{address}/{number}" for number in range(40)]})
        lines = list(check_endpoints({"teacher": spec}, limit_s=0.1))
        _Silent.over.set()
    late = [line for line in lines if "was not asked" in line.state]
    assert len(lines) == 40 and late and len(_Silent.asked) <= 40 - len(late)
    assert all("does not answer" in line.state for line in lines if line not in late)


def test_the_server_its_pools_and_workers_are_asked(cli):
    lines = json.loads(cli("doctor", "--json"))
    server = next(line for line in lines if line["part"] == "Prefect")
    assert server["level"] == "ok" and "version 3." in server["state"]
    assert next(line for line in lines if line["part"] in ("work pools", "worker"))
    cli.environment["PREFECT_API_URL"] = f"http://me:{SECRET}@127.0.0.1:9/api"
    output = cli("doctor", code=1)
    assert SECRET not in output


def test_it_is_quick_because_nothing_heavy_is_imported(tmp_path):
    recipe = "recipes/nightly.yaml"
    code = (
        "import sys; from pathlib import Path; from flows.doctor.doctor import examine\n"
        f"examine(Path({str(tmp_path / 'w')!r}), Path({recipe!r})); print(*sorted({{n.split('.')[0] for n in sys.modules}}))"
    )
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert not set(loaded) & {"torch", "transformers", "trl", "datasets", "prefect"}


def test_a_check_that_breaks_is_a_finding():
    def broken():
        yield ok("first", "it is there")
        raise ZeroDivisionError(f"postgresql://me:{SECRET}@db/lake")

    by_name = by_part(run_checks([("environment", broken), ("disk", lambda: iter([ok("disk", "there is space")]))]))
    assert by_name["environment"].level == "fail" and "ZeroDivisionError" in by_name["environment"].state
    assert SECRET not in by_name["environment"].state and by_name["disk"].level == "ok"


def test_the_lake_is_left_as_it_was(lake):
    before = lake.last_seq()
    examine(lake.workspace.root)
    with Lake(lake.workspace, read_only=True) as again:
        assert again.last_seq() == before


def test_what_a_killed_service_left_is_seen_and_not_touched(workspace):
    assert by_part(examine(workspace.root))["nightschool up"].level == "ok"
    with subprocess.Popen([sys.executable, "-c", "pass"]) as gone:
        identity = identity_of(psutil.Process(gone.pid))
    record = {
        "flow_run": "x",
        "what": "nightly 2026-01-01",
        "api": "embedded",
        "pid_space": pid_space(),
        "process": identity,
    }
    file = workspace.folder("runs") / "x.json"
    file.write_text(json.dumps(record))
    left = subprocess.Popen(
        [sys.executable, "-c", "import time; time.sleep(60)"], env={**os.environ, MARK: str(workspace.root)}
    )
    try:
        findings = by_part(examine(workspace.root))
    finally:
        left.kill()
        left.wait()
    assert findings["nightschool up"].level == findings["zombie"].level == "warn" and file.exists()
    assert str(left.pid) in findings["nightschool up"].state and "cleans up" in findings["nightschool up"].remedy
    assert "nightly 2026-01-01 is gone" in findings["zombie"].state
    alive = Running("http://127.0.0.1:1/api", identity_of(psutil.Process()), {"server": identity})
    line = by_part(list(check_service(workspace, alive)))["nightschool up"]
    assert line.level == "warn" and "not alive: server" in line.state
