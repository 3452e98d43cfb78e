"""`nightschool up`: server, work pools, deployments and workers of one machine as one thing that starts and ends together.

Every process it starts carries the workspace in its environment, and so do their children: that is how all of them are
found at the end, and at the next start when this process itself was killed. Everything listens on 127.0.0.1.
"""

import contextlib
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psutil

from flows.report.window import PORT, opened_window
from flows.service.deployments import CHECKOUT, POOLS, Plan, deploy
from flows.service.prefect_server import (
    START_S,
    await_server,
    login_file,
    new_login,
    server_command,
    server_environment,
)
from flows.service.processes import MARK, end_service_processes
from flows.service.record import Running, remove_record, running_service, write_record
from flows.service.supervisor import Supervisor
from storage.errors import OrchestratorError, WorkspaceError
from storage.ports import free_port
from storage.workspace import Workspace
from synth.engines.processes import identity_of

WINDOW = "window"
SWEEP_S = 30.0
"""How often runs whose process is gone are looked for."""

_PREFECT = [sys.executable, "-m", "prefect", "--no-prompt"]


class Service:
    """One machine's server, deployments and workers. `run` returns when it is interrupted.

    Args:
        workspace: Where the nights go, and the server's own files (`prefect/`).
        plan: What is deployed; checked already.
        say: Told a line about each step.
    """

    def __init__(self, workspace: Workspace, plan: Plan, say: Callable[[str], None]) -> None:
        self._workspace, self._plan, self._say = workspace, plan, say
        self._logs = workspace.folder("prefect", "logs")
        self._port = plan.port or free_port()
        self._window_port = PORT if plan.port and not _listens(PORT) else 0
        self.url = f"http://127.0.0.1:{self._port}/api"
        self._supervisor = Supervisor(self._start, self._await, say, logs=self._logs)

    def run(self) -> None:
        """Start everything, keep it alive, and end all of it when interrupted.

        Raises:
            OrchestratorError: It runs already, the port is taken, or a part cannot be started at first.
        """
        try:
            with self._workspace.lock("service", wait=False):
                self._run()
        except WorkspaceError:
            raise OrchestratorError(self._already()) from None

    def _already(self) -> str:
        record = running_service(self._workspace)
        where = f"process {record.process['pid']}, {record.url.removesuffix('/api')}" if record else "it is starting"
        return f"nightschool up runs already for {self._workspace.root} ({where}); Ctrl-C there ends it"

    def _run(self) -> None:
        left = end_service_processes(self._workspace)
        if left:
            self._say(f"ended {left} process(es) that an earlier `nightschool up` left behind")
        if _listens(self._port):
            raise OrchestratorError(f"port {self._port} is taken by another program; choose one with --port")
        self._login = new_login(self._workspace)
        os.environ.update(self._environment())
        try:
            self._supervisor.start("server")
            self._write_record()
            deploy(self._plan, self._workspace, self.url)
            self._say("deployed nightly, train and maintain")
            self._clean()
            for pool in POOLS:
                self._supervisor.start(f"worker-{pool}")
            self._open_window()
            self._write_record()
            self._say(f"up: {self.url.removesuffix('/api')}, workers {', '.join(POOLS)}; Ctrl-C ends all of it")
            self._say(f"its pages ask for a password, new at each start: it stands in {login_file(self._workspace)}")
            self._watch()
        except KeyboardInterrupt:
            self._say("stopping")
        finally:
            self._end()

    def _open_window(self) -> None:
        """Start the window, unless one is open; without it, nights run all the same."""
        if (window := opened_window(self._workspace)) is not None:
            self._say(f"the window is open already: {window.url}")
            return
        try:
            self._supervisor.start(WINDOW)
        except (OSError, OrchestratorError) as error:
            self._say(str(error))
        else:
            self._say("window: `nightschool ui` prints the address to look at rows and judge them")

    def _environment(self) -> dict[str, str]:
        """What the parts see. Set in this process too, whose client then talks to this server."""
        wanted = {
            "PREFECT_SERVER_CONCURRENCY_LEASE_STORAGE": "prefect.server.concurrency.lease_storage.filesystem",
            "PREFECT_WORKER_QUERY_SECONDS": "5",
        }
        return {
            **{name: value for name, value in wanted.items() if name not in os.environ},
            **server_environment(self._workspace, self._port, self._login),
            "PREFECT_LOGGING_LEVEL": "INFO",
            MARK: str(self._workspace.root),
        }

    def _start(self, name: str) -> "subprocess.Popen[bytes]":
        """Start a part, which writes into its own log."""
        pool = name.removeprefix("worker-")
        worker = ["worker", "start", "--pool", pool, "--type", "process", "--name", f"nightschool-{pool}"]
        command = [*_PREFECT, *worker]
        if name == "server":
            command = server_command(self._port)
        elif name == WINDOW:
            at = ["--workspace", str(self._workspace.root), "--port", str(self._window_port)]
            command = [sys.executable, "-m", "flows.cli", "ui", *at]
        with (self._logs / f"{name}.log").open("ab") as log:
            return subprocess.Popen(  # noqa: S603
                command, cwd=CHECKOUT, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
            )

    def _await(self, name: str, part: "subprocess.Popen[bytes]") -> None:
        if name == "server":
            await_server(self.url, part, self._logs / "server.log")
        if name == WINDOW:
            _await_window(self._workspace, part, self._logs / f"{WINDOW}.log")

    def _clean(self) -> None:
        from flows.service.zombies import close_runs, drop_leases, end_model_servers

        # No worker of ours lives yet, so whatever is PENDING or RUNNING without a living process is dead.
        for line in [*end_model_servers(self._workspace), *drop_leases(self._workspace)]:
            self._say(line)
        for line in close_runs(self._workspace, stuck_s=0.0):
            self._say(line)

    def _watch(self) -> None:
        from flows.service.zombies import close_runs

        swept, trouble = time.monotonic(), ""
        while True:
            time.sleep(0.5)
            if self._supervisor.revive():
                self._write_record()
            if time.monotonic() - swept > SWEEP_S:
                swept = time.monotonic()
                try:
                    for line in close_runs(self._workspace):
                        self._say(line)
                    trouble = ""
                except (
                    Exception
                ) as error:  # the server is away or busy, or worse: said once, and the next sweep comes soon
                    if trouble != (trouble := f"runs of the dead could not be closed: {type(error).__name__}: {error}"):
                        self._say(trouble)

    def _write_record(self) -> None:
        parts = {}
        for name, part in self._supervisor.parts.items():
            with contextlib.suppress(psutil.Error):
                parts[name] = identity_of(psutil.Process(part.pid))
        write_record(self._workspace, Running(self.url, identity_of(psutil.Process()), parts))

    def _end(self) -> None:
        """End workers and their runs first, while the server can still note how they ended, then everything."""
        server = self._supervisor.parts.get("server")
        end_service_processes(self._workspace, but=server.pid if server else None)
        end_service_processes(self._workspace)
        for part in self._supervisor.parts.values():
            part.wait()
        remove_record(self._workspace)
        self._say("everything is stopped; `nightschool up` goes on where it stopped")


def _await_window(workspace: Workspace, part: "subprocess.Popen[bytes]", log: Path) -> None:
    deadline = time.monotonic() + START_S
    while (window := opened_window(workspace)) is None or window.process["pid"] != part.pid:
        if part.poll() is not None or time.monotonic() > deadline:
            raise OrchestratorError(f"the window did not open; see {log}")
        time.sleep(0.2)


def _listens(port: int) -> bool:
    with socket.socket() as candidate:
        candidate.settimeout(1.0)
        return candidate.connect_ex(("127.0.0.1", port)) == 0
