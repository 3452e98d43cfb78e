"""A night with rows, and engines that answer questions about them, for tests of filters that ask."""

import asyncio
from typing import Any

from filters import find_filter, get_filter
from filters.base import Context
from filters.night.ask_models import ask_models, night_evidence
from filters.questions import Evidence
from storage.errors import ModelServerError
from storage.lake.lake import Lake, table_of
from storage.ledger.ledger import Ledger
from storage.workspace import Workspace
from synth.calls.ask import Asker
from synth.calls.prompting import Prompts
from synth.engines.base import Answer, Request, RequestRefused
from synth.engines.scoring import Score
from synth.problems.base import Problem
from synth.sample import problem_row
from tests.filters.helpers import table

NIGHT = "2026-01-01/x"


class Grader:
    """Gives right answers 5 and others 1; says nothing readable about `odd`, and refuses `long`."""

    reads_problem, scores_text, concurrency, model = False, True, 8, "grader@1"

    def __init__(self, fails_after: int = 10**9) -> None:
        self.asked: list[str] = []
        self.fails_after = fails_after

    async def answer(self, request: Request) -> Answer:
        text = request.messages[-1]["content"]
        if len(self.asked) >= self.fails_after:
            raise ModelServerError("away")
        self.asked.append(text)
        if "long" in text:
            raise RequestRefused("prompt_too_long", "too long")
        if request.scores:
            return Answer(Score(-1.0 * len(text), len(text)).to_json(), "stop", len(text))
        return Answer("Hm." if "odd" in text else f"Well.\nScore: {5 if '#### 38' in text else 1}", "stop", 10, 5)

    async def close(self) -> None:
        return


def make_night(
    workspace: Workspace, problem: Problem, rows: list[dict[str, Any]], answers: dict[str, str] | None = None
) -> Lake:
    """Open a lake with the rows of a night; `answers` has what the filter `answer` says of some."""
    lake = Lake(workspace)
    verdicts = [
        {"sample_id": sample_id, "filter": "answer", "version": "1", "outcome": outcome, "night": NIGHT}
        for sample_id, outcome in (answers or {}).items()
    ]
    tables = {
        "samples": table(*rows), "verdicts": table_of("verdicts", verdicts),
        "problems": table_of("problems", [problem_row(problem, split="train", night=NIGHT)]),
    }  # fmt: skip
    lake.commit("one", "samples", tables, night=NIGHT)
    return lake


def ask(
    lake: Lake,
    name: str,
    options: dict[str, Any],
    engine: Grader,
    standing: set[str],
    problem: Problem,
    context: Context | None = None,
    **more: Any,
) -> int:
    """Let a filter ask the engine, which has the role `grader`."""
    bound = get_filter(name, options)
    with Ledger(lake.workspace.ledger) as ledger:
        folder = find_filter(name).prompts
        prompts = Prompts(folders={} if folder is None else {name: folder})
        asker = Asker(ledger, {"grader": engine}, prompts, night=NIGHT, **more)
        return asyncio.run(
            ask_models(lake, NIGHT, asker, bound, frozenset(standing), context or Context({problem.id: problem}))
        )


def evidence(lake: Lake, name: str) -> dict[str, dict[str, Evidence]]:
    """What a filter has learnt about the night's rows."""
    return night_evidence(lake, NIGHT, name)
