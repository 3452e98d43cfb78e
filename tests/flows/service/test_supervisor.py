"""Parts that die are started again, after pauses that grow, whatever keeps them from starting."""

import itertools
from pathlib import Path

import pytest

from flows.service.supervisor import Supervisor
from storage.errors import OrchestratorError


class Part:
    """A process that is dead from the beginning, or lives until it is told to die."""

    def __init__(self, code: int | None) -> None:
        self.returncode = code

    def poll(self) -> int | None:
        return self.returncode


@pytest.fixture
def clock():
    return [0.0]


def supervise(clock, start, *, ready=lambda name, part: None):
    lines: list[str] = []
    return Supervisor(start, ready, lines.append, logs=Path("logs"), clock=lambda: clock[0]), lines


def test_a_part_that_dies_again_and_again_is_started_after_longer_pauses_and_never_given_up(clock):
    starts: list[float] = []

    def start(name):
        starts.append(clock[0])
        return Part(1)

    supervisor, _ = supervise(clock, start)
    supervisor.start("worker-cpu")
    for _ in range(2000):
        supervisor.revive()
        clock[0] += 0.5
    pauses = [round(late - early) for early, late in itertools.pairwise(starts[1:])]
    assert starts[:2] == [0, 0] and pauses[:7] == [2, 4, 8, 16, 32, 60, 60] and clock[0] - starts[-1] < 62


def test_a_part_that_dies_once_is_started_at_once_and_the_others_are_left_alone(clock):
    parts = {"server": Part(None), "worker-cpu": Part(None)}
    started: list[str] = []

    def start(name):
        started.append(name)
        parts[name] = Part(None)
        return parts[name]

    supervisor, lines = supervise(clock, start)
    for name in list(parts):
        supervisor.start(name)
    assert not supervisor.revive()
    parts["server"].returncode = -9
    assert supervisor.revive() and started == ["server", "worker-cpu", "server"]
    assert lines == ["server ended with -9; starting it again now"] and not supervisor.revive()


def test_a_full_disk_ends_nothing_and_is_tried_again(clock):
    full = [False]

    def start(name):
        if full[0]:
            raise OSError("No space left on device")
        return Part(1)

    supervisor, lines = supervise(clock, start)
    supervisor.start("worker-cpu")
    full[0] = True
    assert not supervisor.revive() and lines[-1] == "worker-cpu: No space left on device"
    full[0] = False
    clock[0] += 60
    supervisor.revive()
    clock[0] += 60
    assert supervisor.revive(), "started again once there is space"


def test_a_server_that_lives_but_does_not_answer_yet_is_not_started_twice(clock):
    started: list[Part] = []

    def start(name):
        started.append(Part(None))
        return started[-1]

    def ready(name, part):
        if len(started) > 1:
            raise OrchestratorError("the Prefect server did not start; see logs")

    supervisor, lines = supervise(clock, start, ready=ready)
    supervisor.start("server")
    started[0].returncode = -9
    assert not supervisor.revive() and lines[-1].startswith("server: the Prefect server did not start")
    clock[0] += 600
    assert not supervisor.revive() and len(started) == 2
