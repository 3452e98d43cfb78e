import json
from pathlib import Path

import pytest

from synth.answers.outcome import Outcome
from synth.engines.solver import Solver
from synth.methods import get_method
from synth.problems import get_task
from synth.problems.base import Problem
from tests.synth.answers.callers import CALLERS, problem_of
from tests.synth.methods.dialogue import run, scripted

CASES = json.loads((Path(__file__).parent / "responses.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize("name", [name for name in CALLERS if name != "judge"])
def test_every_caller_says_what_the_judge_says(name):
    apart = []
    for gold, response, _ in CASES:
        problem = problem_of(gold)
        if CALLERS[name](problem, response) != CALLERS["judge"](problem, response):
            apart.append((gold, response))
    assert apart == []


@pytest.mark.parametrize("method", ["tutorship", "critique"])
async def test_an_undecided_attempt_is_never_taught_as_wrong_or_right(method, ledger):
    chosen = [(gold, response) for gold, response, _ in CASES if "+" not in response][::12]
    for gold, response in chosen:
        problem = Problem(
            "math_word", "test", f"What? {gold} {response}", gold, f"{gold} {response}", solution="3 + 1 = 4"
        )
        rows, _ = await run(
            ledger,
            get_method(method),
            [problem],
            student=scripted(solve=lambda request, text=response: text),
            teacher=Solver(),
        )
        outcome = get_task("math_word").check(problem, response).outcome
        asked = bool(get_task("math_word").steps(response))  # there is no lesson in an attempt without a step
        agrees = [row["notes"].judgement.agrees for row in rows]
        assert outcome is not Outcome.UNVERIFIABLE or agrees == [None], (gold, response, agrees)
        if method == "tutorship" and outcome is not Outcome.UNVERIFIABLE and asked:
            assert agrees == [True], (gold, response, agrees)
