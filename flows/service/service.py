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

import psutil

from flows.service.deployments import CHECKOUT, POOLS, Plan, deploy
from flows.service.prefect_server import (
    await_server,
    free_port,
    login_file,
    new_login,
    server_command,
    server_environment,
)
from flows.service.processes import MARK, end_marked
from flows.service.record import Running, remove_record, running_service, write_record
from storage.errors import OrchestratorError, WorkspaceError
from storage.workspace import Workspace
from synth.engines.processes import identity_of

MEMORY_S = 600.0
"""A part that died within so many seconds before is started again after a pause, longer each time."""
LONGEST_PAUSE_S = 60.0
"""That pause at most; it never gives up, since a full disk or a busy machine takes as long as it takes."""
RESTART_WINDOW_S = 600.0
SWEEP_S = 30.0
"""How often runs whose process is gone are looked for."""


class Service:
    """One machine's server, deployments and workers. `run` returns when it is interrupted.

    Args:
        workspace: Where the nights go, and the server's own files (`prefect/`).
        plan: What is deployed; checked already.
        say: Told a line about each step.
    """

    def __init__(self, workspace: Workspace, plan: Plan, say: Callable[[str], None]) -> None:
        self._workspace, self._plan, self._say = workspace, plan, say
        self._home = workspace.folder("prefect")
        self._port = plan.port or free_port()
        self.url = f"http://127.0.0.1:{self._port}/api"
        self._parts: dict[str, subprocess.Popen[bytes]] = {}
        self._deaths: list[tuple[float, str]] = []
        self._due: dict[str, float] = {}

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
        left = end_marked(self._workspace)
        if left:
            self._say(f"ended {left} process(es) that an earlier `nightschool up` left behind")
        if _listens(self._port):
            raise OrchestratorError(f"port {self._port} is taken by another program; choose one with --port")
        self._login = new_login(self._workspace)
        os.environ.update(self._environment())
        try:
            self._start("server")
            self._await_server()
            self._write_record()
            deploy(self._plan, self._workspace, self.url)
            self._say("deployed nightly, train and maintain")
            self._clean()
            for pool in POOLS:
                self._start(f"worker-{pool}")
            self._write_record()
            self._say(f"up: {self.url.removesuffix('/api')}, workers {', '.join(POOLS)}; Ctrl-C ends all of it")
            self._say(f"its pages ask for a password, new at each start: it stands in {login_file(self._workspace)}")
            self._watch()
        except KeyboardInterrupt:
            self._say("stopping")
        finally:
            self._end()

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

    def _start(self, name: str) -> None:
        prefect = [sys.executable, "-m", "prefect", "--no-prompt"]
        if name == "server":
            command = server_command(self._port)
        else:
            pool = name.removeprefix("worker-")
            command = [
                *prefect,
                "worker",
                "start",
                "--pool",
                pool,
                "--type",
                "process",
                "--name",
                f"nightschool-{pool}",
            ]
        with (self._workspace.folder("prefect", "logs") / f"{name}.log").open("ab") as log:
            self._parts[name] = subprocess.Popen(  # noqa: S603
                command, cwd=CHECKOUT, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
            )

    def _await_server(self) -> None:
        await_server(self.url, self._parts["server"], self._home / "logs" / "server.log")

    def _clean(self) -> None:
        from flows.service.zombies import close_runs, drop_leases, end_model_servers

        # No worker of ours lives yet, so whatever is PENDING or RUNNING without a living process is dead.
        for line in [*end_model_servers(self._workspace), *drop_leases(self._workspace)]:
            self._say(line)
        for line in close_runs(self._workspace, stuck_s=0.0):
            self._say(line)

    def _watch(self) -> None:
        from flows.service.zombies import close_runs

        swept = time.monotonic()
        while True:
            time.sleep(0.5)
            for name, part in self._parts.items():
                if part.poll() is not None:
                    self._revive(name, part.returncode)
            if time.monotonic() - swept > SWEEP_S:
                swept = time.monotonic()
                with contextlib.suppress(Exception):  # the server is away or busy: the next sweep comes soon
                    for line in close_runs(self._workspace):
                        self._say(line)

    def _revive(self, name: str, code: int) -> None:
        """Start a part that died again, at once the first time, then after longer and longer pauses: a full disk takes time."""
        now = time.monotonic()
        if name not in self._due:
            self._deaths = [(moment, who) for moment, who in self._deaths if now - moment < MEMORY_S]
            pause = min(LONGEST_PAUSE_S, 2.0 ** sum(who == name for _, who in self._deaths) - 1)
            self._deaths.append((now, name))
            self._due[name] = now + pause
            when = f"in {pause:.0f} s; see {self._home / 'logs'}" if pause else "now"
            self._say(f"{name} ended with {code}; starting it again {when}")
        if now < self._due[name]:
            return
        del self._due[name]
        try:
            self._start(name)
            if name == "server":
                self._await_server()
            self._write_record()
        except (
            OrchestratorError,
            OSError,
        ) as error:  # it died again, or the disk is full: the next round tries once more
            self._say(f"{name}: {error}")

    def _write_record(self) -> None:
        parts = {}
        for name, part in self._parts.items():
            with contextlib.suppress(psutil.Error):
                parts[name] = identity_of(psutil.Process(part.pid))
        write_record(self._workspace, Running(self.url, identity_of(psutil.Process()), parts))

    def _end(self) -> None:
        """End workers and their runs first, while the server can still note how they ended, then everything."""
        server = self._parts.pop("server", None)
        end_marked(self._workspace, but=server.pid if server else None)
        end_marked(self._workspace)
        for part in [*self._parts.values(), *([server] if server else [])]:
            part.wait()
        remove_record(self._workspace)
        self._say("everything is stopped; `nightschool up` goes on where it stopped")


def _listens(port: int) -> bool:
    with socket.socket() as candidate:
        candidate.settimeout(1.0)
        return candidate.connect_ex(("127.0.0.1", port)) == 0
