"""What goes wrong in a night: `kill -9` of each part, a full disk, a model server that vanishes, a night begun twice.

A fault waits for its moment, drawn from the soak's seed, does its damage, and notes what it did and when: an answer that
arrived just then may be paid again, none other.
"""

import contextlib
import random
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import psutil

from tests.waiting import wait_for

from .machine import Machine

MOMENT_S = 120.0
"""How long a fault waits for its moment; a night that was through before needs no fault."""
EVENT_S = 15.0
"""How long a release's event takes at most to become a run."""
COMMIT_S = 0.25
"""An answer this old at a kill must be in the ledger: its group commit takes 50 ms at most, five times that on a busy machine."""


@dataclass(frozen=True, slots=True)
class Done:
    """A fault that was dealt out.

    Attributes:
        kind: Which.
        night: Logical date.
        detail: What was hit, at which moment.
        start: From when on answers may have been lost, seconds since the epoch.
        end: Until when.
    """

    kind: str
    night: str
    detail: str
    start: float
    end: float

    def to_json(self) -> dict[str, Any]:
        """Return the fields as plain values."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class Scene:
    """Where a fault happens.

    Attributes:
        machine: The machine.
        night: Logical date of the night that has just been submitted.
        chance: Where moments are drawn from.
    """

    machine: Machine
    night: str
    chance: random.Random

    def asking(self) -> psutil.Process | None:
        """Wait for a random moment at which the night is asking its model, and return the night's process."""
        model = self.machine.model
        goal = len(model.answers()) + self.chance.randint(1, self.machine.recipe["problems"]["limit"] // 2)
        with contextlib.suppress(TimeoutError):
            wait_for(
                lambda: len(model.answers()) >= goal or not self.machine.at_work("nightly"), MOMENT_S, "answers", 0.05
            )
        return self.machine.process_of("nightly")

    def done(self, kind: str, detail: str, start: float, end: float | None = None) -> Done:
        """Note a fault; what the model was answering when it struck has no reader any more."""
        end = (end or time.time()) + self.machine.seconds + COMMIT_S
        return Done(kind, self.night, detail, round(start - COMMIT_S, 3), round(end, 3))


def flow(scene: Scene) -> Done:
    """Kill the night."""
    return _kill(scene, "flow", scene.asking())


def worker(scene: Scene) -> Done:
    """Kill the worker; Prefect has the night's process end with it, a moment later."""
    night = scene.asking()
    hit = _kill(scene, "worker", _part(scene, "worker-cpu"))
    with contextlib.suppress(TimeoutError):
        wait_for(
            lambda: night is None or not night.is_running() or night.status() == psutil.STATUS_ZOMBIE,
            5,
            "its end",
            0.05,
        )
    return scene.done("worker", hit.detail, hit.start + COMMIT_S)


def server(scene: Scene) -> Done:
    """Kill the Prefect server."""
    scene.asking()
    return _kill(scene, "server", _part(scene, "server"))


def service(scene: Scene) -> Done:
    """Kill `nightschool up` itself, and start it again as an init system would."""
    scene.asking()
    machine = scene.machine
    assert machine.up is not None
    hit = _kill(scene, "up", psutil.Process(machine.up.pid))
    machine.up.wait()
    machine.start()
    return scene.done("up", hit.detail, hit.start + COMMIT_S)


def trainer(scene: Scene) -> Done:
    """Kill the training at a random moment of its first seconds."""
    machine = scene.machine
    with contextlib.suppress(TimeoutError):
        wait_for(lambda: machine.at_work("train"), EVENT_S, "the event's training")
        wait_for(lambda: machine.process_of("train") or not machine.at_work("train"), MOMENT_S, "a training")
    time.sleep(scene.chance.uniform(0, 8))
    return _kill(scene, "trainer", machine.process_of("train"))


def disk(scene: Scene) -> Done:
    """Let the disk run full until the night has stopped or some seconds are over, then free it."""
    process, start = scene.asking(), time.time()
    free, detail = _fill(scene.machine.workspace, process)
    with contextlib.suppress(TimeoutError):
        wait_for(lambda: scene.machine.process_of("nightly") is None, 20, "the night's end")
    free()
    if scene.machine.ended():  # the service did not outlive it: an init system starts it again
        detail += ", nightschool up ended"
        scene.machine.start()
    return scene.done("disk", detail, start)


def vanish(scene: Scene) -> Done:
    """Let the model server vanish, for less or for longer than the recipe's `outage_s`."""
    scene.asking()
    seconds = scene.chance.choice([2.0, scene.machine.recipe["models"]["teacher"]["outage_s"] + 4.0])
    start = time.time()
    scene.machine.model.kill()
    end = time.time()
    time.sleep(seconds)
    scene.machine.model.start()
    return scene.done("vanish", f"away for {seconds:.0f} s", start, end)


def twice(scene: Scene) -> Done:
    """Begin the same night by hand too, while the scheduled one is at work."""
    scene.asking()
    done = scene.machine.run("run", scene.machine.file, "--date", scene.night, "--no-train", "--quiet")
    assert done.returncode == 0 or "is held by another process" in done.stderr, done.stderr[-2000:]
    outcome = "the night was through" if done.returncode == 0 else "refused, the night is held"
    return scene.done("twice", outcome, time.time())


FAULTS: dict[str, Callable[[Scene], Done]] = {
    "flow": flow, "worker": worker, "server": server, "up": service, "trainer": trainer, "disk": disk,
    "vanish": vanish, "twice": twice,
}  # fmt: skip


def _part(scene: Scene, name: str) -> psutil.Process | None:
    with contextlib.suppress(psutil.Error):
        return psutil.Process(scene.machine.service()["parts"][name]["pid"])
    return None


def _kill(scene: Scene, kind: str, process: psutil.Process | None) -> Done:
    start = time.time()
    if process is None:
        return scene.done(kind, "came too late", start)
    with contextlib.suppress(psutil.Error):
        process.kill()
    return scene.done(kind, f"kill -9 of {process.pid} after {len(scene.machine.model.answers())} answers", start)


def _fill(workspace: Path, process: psutil.Process | None) -> tuple[Callable[[], None], str]:
    """Fill the workspace's own disk; without one, forbid the night's files to grow."""
    if workspace.parent.is_mount():
        ballast = workspace.parent / "ballast"
        with contextlib.suppress(OSError), ballast.open("wb", buffering=0) as file:
            while file.write(b"x" * 4096) == 4096:
                pass
        return ballast.unlink, "a disk of its own, filled"
    if process is None or sys.platform != "linux":
        return lambda: None, "came too late"
    with contextlib.suppress(psutil.Error):
        process.rlimit(psutil.RLIMIT_FSIZE, (65_536, process.rlimit(psutil.RLIMIT_FSIZE)[1]))
    return lambda: None, f"no file of {process.pid} may grow beyond 64 KiB"
