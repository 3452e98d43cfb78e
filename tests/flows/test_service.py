"""`nightschool up` for real: one server, its workers, `prefect deploy --all`; a schedule, events lost and doubled, kills."""

import contextlib
import copy
import json
import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.error import URLError
from urllib.request import Request, urlopen

import psutil
import pytest

from flows.marked import marked
from storage.errors import NightschoolError
from storage.lake import Lake
from storage.workspace import Workspace
from tests.flows.conftest import CommandLine
from tests.flows.test_training import TINY

LIMIT_S = 240


def wait_for(what: Callable[[], Any], limit_s: float = LIMIT_S) -> Any:
    deadline = time.monotonic() + limit_s
    while not (found := what()):
        assert time.monotonic() < deadline, f"not within {limit_s:.0f} s"
        time.sleep(0.5)
    return found


@dataclass
class Up:
    """A service at work, and the command line beside it."""

    cli: CommandLine
    recipe: Path
    process: "subprocess.Popen[str]" = field(init=False)

    def start(self) -> None:
        with (self.cli.folder / "up.log").open("a") as log:
            self.process = subprocess.Popen(
                self.cli.command("up", self.recipe, "--port", "0", "--cron", "* * * * *"),
                env=self.cli.environment, stdout=log, stderr=log, text=True,
            )  # fmt: skip
        wait_for(lambda: "up: http" in self.said(), 300)

    def said(self) -> str:
        text = (self.cli.folder / "up.log").read_text()
        assert self.process.poll() is None or "stopped" in text, text
        return text

    def status(self) -> dict[str, Any]:
        return json.loads(self.cli("up", "--status", "--json"))

    def ask(self, path: str, body: Any = None) -> Any:
        url = json.loads((self.cli.workspace / "prefect" / "service.json").read_text())["url"]
        data, headers = json.dumps(body or {}).encode(), {"content-type": "application/json"}
        with urlopen(Request(f"{url}/{path}", data=data, headers=headers), timeout=20) as answer:
            return json.load(answer)

    def runs(self, flow: str) -> list[dict[str, Any]]:
        with contextlib.suppress(URLError, OSError):
            return list(self.ask("flow_runs/filter", {"flows": {"name": {"any_": [flow]}}, "sort": "START_TIME_ASC"}))
        return []

    def completed(self, flow: str) -> list[dict[str, Any]]:
        return [run for run in self.runs(flow) if run["state_type"] == "COMPLETED"]

    def rows(self, statement: str) -> list[dict[str, Any]]:
        with contextlib.suppress(NightschoolError), Lake(Workspace.open(self.cli.workspace), read_only=True) as lake:
            return lake.rows(statement)
        return []

    def trainings(self) -> list[dict[str, Any]]:
        return self.rows(
            "select summary->>'$.release' as release from runs join commits c using (commit_id) "
            "where run_id like 'train/%' and event = 'finished' order by c.seq"
        )


@pytest.fixture(scope="module")
def up(tmp_path_factory) -> Iterator[Up]:
    folder = tmp_path_factory.mktemp("up")
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith("PREFECT")},
        "NIGHTSCHOOL_WORKSPACE": str(folder / "w"),
        "NO_COLOR": "1",
        "PREFECT_WORKER_QUERY_SECONDS": "1",
        "PREFECT_UI_ENABLED": "false",
    }
    cli = CommandLine(folder / "w", folder, environment)
    content = copy.deepcopy(TINY)
    content["methods"] = content["methods"][:1]
    service = Up(cli, cli.recipe(content))
    service.start()
    try:
        yield service
    finally:
        if service.process.poll() is None:
            service.process.send_signal(signal.SIGTERM)
            with contextlib.suppress(subprocess.TimeoutExpired):
                service.process.wait(timeout=60)
        for process in marked(Workspace(cli.workspace)):
            process.kill()
        service.process.kill()


def test_one_command_starts_everything_on_this_machine_only_and_a_second_says_so(up):
    found = up.status()
    assert found["running"] and {name: part["alive"] for name, part in found["parts"].items()} == {
        "server": True, "worker-cpu": True, "worker-gpu": True,
    }  # fmt: skip
    listening = set()
    for process in marked(Workspace(up.cli.workspace)):
        with contextlib.suppress(psutil.Error):
            listening |= {item.laddr.ip for item in process.net_connections() if item.status == psutil.CONN_LISTEN}
    assert listening == {"127.0.0.1"}
    assert {item["name"] for item in up.ask("deployments/filter")} == {"nightly", "train", "maintain"}
    words = up.cli("up", up.recipe, "--port", "0", code=1)
    assert "nightschool up runs already" in words and str(up.process.pid) in words and found["ui"] in words


def test_a_schedule_fires_a_night_and_its_release_triggers_the_right_training(up):
    wait_for(lambda: up.rows("select 1 from runs where run_id like 'night/%' and event = 'finished'"))
    wait_for(up.trainings)
    assert up.trainings() == [{"release": "small@1"}]
    (decided,) = up.rows("select train, release_id, new_rows from training_decisions where train")
    assert decided == {"train": True, "release_id": "small@1", "new_rows": 60}
    (night,) = up.rows("select night from runs where run_id like 'night/%' and event = 'finished'")
    first = next(run for run in up.completed("nightly"))
    assert night["night"].partition("/")[0] == first["expected_start_time"][:10], "its date is the schedule's"


def test_a_doubled_or_malformed_event_trains_nothing_again(up):
    before, commits = len(up.completed("train")), up.rows("select count(*) as n from promotions")
    event = {
        "occurred": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "event": "nightschool.release.created",
        "resource": {"prefect.resource.id": "lake.dataset.small", "prefect.resource.name": "small@1"},
    }
    payloads = ({"release": "small@1", "rows": 60}, {"release": ["no", "such"], "rows": "many"})
    events = [
        {**event, "payload": payload, "id": f"00000000-0000-4000-8000-00000000000{n}"}
        for n, payload in enumerate(payloads)
    ]
    url = json.loads((up.cli.workspace / "prefect" / "service.json").read_text())["url"]
    request = Request(f"{url}/events", data=json.dumps(events).encode(), headers={"content-type": "application/json"})
    urlopen(request, timeout=20).close()
    wait_for(lambda: len(up.completed("train")) >= before + 2)
    assert up.trainings() == [{"release": "small@1"}]
    assert up.rows("select count(*) as n from promotions") == commits


def test_an_event_lost_while_the_server_is_down_is_made_good_by_the_reconcile_run(up):
    wait_for(lambda: not [run for run in up.runs("nightly") if run["state_type"] in ("RUNNING", "PENDING")])
    server = up.status()["parts"]["server"]["pid"]
    os.kill(server, signal.SIGKILL)
    alone = {**up.cli.environment, "PREFECT_HOME": str(up.cli.folder / "other"), "PREFECT_API_URL": ""}
    lost = CommandLine(up.cli.workspace, up.cli.folder, alone)
    lost("run", up.recipe, "--date", "2026-01-01", "--no-train", "--quiet")
    assert up.rows("select max(version) as n from releases") == [{"n": 2}]
    wait_for(lambda: up.status()["parts"]["server"]["alive"] and up.status()["parts"]["server"]["pid"] != server)
    assert "server ended with" in up.said()
    assert up.trainings() == [{"release": "small@1"}], "nobody was told"
    (train,) = [item for item in wait_for(lambda: up.ask("deployments/filter")) if item["name"] == "train"]
    assert [item["schedule"]["cron"] for item in train["schedules"]] == ["0 */6 * * *"]
    up.ask(f"deployments/{train['id']}/create_flow_run", {"state": {"type": "SCHEDULED"}})  # as the schedule does
    wait_for(lambda: len(up.trainings()) == 2)
    assert up.trainings()[1] == {"release": "small@2"}


def test_killed_with_9_everything_is_cleaned_up_at_the_next_start_and_sigterm_ends_all_of_it(up):
    up.process.kill()
    up.process.wait()
    place = Workspace(up.cli.workspace)
    assert marked(place), "kill -9 leaves the parts behind"
    (up.cli.folder / "up.log").unlink()
    up.start()
    assert "that an earlier `nightschool up` left behind" in up.said()
    up.process.send_signal(signal.SIGTERM)
    assert up.process.wait(timeout=120) == 0
    assert "everything is stopped" in up.said() and not marked(place)
