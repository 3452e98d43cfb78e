"""An engine whose answers a test writes, and an asker over a real ledger."""

from collections.abc import Callable

import pytest

from synth.calls.ask import Asker
from synth.calls.prompting import Prompts
from synth.engines.base import Answer, Request
from synth.engines.solver import Solver
from synth.problems import open_source


class Scripted:
    """Answers by a function and remembers what it was asked."""

    reads_problem = False
    concurrency = 8

    def __init__(self, answer: Callable[[Request], str], model: str = "scripted") -> None:
        self.model = model
        self.requests: list[Request] = []
        self._answer = answer

    async def answer(self, request: Request) -> Answer:
        self.requests.append(request)
        return Answer(self._answer(request), "stop", 10, 5)

    async def close(self) -> None:
        return


@pytest.fixture
def problems():
    return list(open_source("arithmetic", {"tiers": [1]}).draw(5, seed=1, tier=1))


@pytest.fixture
def make_asker(ledger):
    def make(student=None, **options):
        engines = {"teacher": Solver()}
        if student is not None:
            engines["student"] = student
        return Asker(ledger, engines, Prompts(), night="2026-01-01/test", **options)

    return make
