"""Runs that a kill left behind are closed on a real server, which then gives their slot to the next one."""

import json
import subprocess
import sys
from dataclasses import asdict
from uuid import uuid4

import psutil
import pytest

from flows.service.runs import RunRecord
from flows.service.zombies import close_runs
from storage.processes import pid_space
from synth.engines.processes import identity_of
from tests.flows.prefect_api import ask


@pytest.mark.parametrize("states", [["PENDING"], ["PENDING", "RUNNING"]], ids=["before it began", "at work"])
def test_a_closed_run_gives_the_slot_of_its_deployment_back(workspace, prefect_server, monkeypatch, states):
    monkeypatch.setenv("PREFECT_API_URL", prefect_server)

    def api(path, body):
        return ask(prefect_server, path, body)

    flow = api("flows/", {"name": f"zombie-{uuid4().hex}"})
    one_at_a_time = {"concurrency_limit": 1, "concurrency_options": {"collision_strategy": "ENQUEUE"}}
    deployment = api("deployments/", {"name": "one", "flow_id": flow["id"], **one_at_a_time})
    killed, waiting = (
        api(f"deployments/{deployment['id']}/create_flow_run", {"state": {"type": "SCHEDULED"}})["id"] for _ in range(2)
    )
    for state in states:
        assert api(f"flow_runs/{killed}/set_state", {"state": {"type": state}})["status"] == "ACCEPT"
    assert api(f"flow_runs/{waiting}/set_state", {"state": {"type": "PENDING"}})["status"] != "ACCEPT", (
        "no slot is free"
    )

    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as process:
        identity = identity_of(psutil.Process(process.pid))
        record = RunRecord(killed, "nightly 2026-01-01", prefect_server, pid_space(), identity)
        file = workspace.folder("runs") / f"{killed}.json"
        file.write_text(json.dumps(asdict(record)))
        assert close_runs(workspace) == [], "its process lives"
        process.kill()
    (line,) = close_runs(workspace)
    assert "nightly 2026-01-01" in line and "by a kill" in line and not file.exists()
    assert ask(prefect_server, f"flow_runs/{killed}", method="GET")["state_type"] == "CRASHED"
    assert api(f"flow_runs/{waiting}/set_state", {"state": {"type": "PENDING"}})["status"] == "ACCEPT"
