"""One judge for every task: checker, filter, reward and evaluation say the same of a response."""

from pathlib import Path

import pytest

from filters import get_filter, run_filters
from synth.answers.outcome import Outcome
from synth.engines.sampler import Generation
from synth.problems import get_task, open_source
from synth.problems.base import Problem
from synth.problems.code.unit_tests import UnitTest
from tests.filters.helpers import context, outcomes, row, table
from train_stages.config import RlConfig
from train_stages.promotion.evaluate import EvaluateConfig, evaluate
from train_stages.rewards.scoring import make_rewards

INSTRUCTION = Problem(
    "instructions", "t", "Write a line.", "[]", "s", attrs={"constraints": [["case.lower", {}]], "persona": None}
)
CODE = Problem(
    "code", "t", "Add one: f(n).", "", "s",
    attrs={"entry_point": "f", "tests": [UnitTest((1,), {}, 2).to_json()]},
)  # fmt: skip
GYM = open_source("reasoning_gym", {"task": "chain_sum"}).draw(1, seed=1)[0]
GAME = open_source("number_guessing", {"tiers": [1]}).draw(1, seed=1)[0]
CASES = [
    (INSTRUCTION, "all small letters.", "Not All Small."),
    (CODE, "```python\ndef f(n):\n    return n + 1\n```", "```python\ndef f(n):\n    return n\n```"),
    (GYM, f"<answer>{GYM.gold}</answer>", "<answer>1234567</answer>"),
    (GAME, f"#### {GAME.gold}", "#### 999"),
]


@pytest.mark.parametrize(("problem", "right", "wrong"), CASES, ids=[problem.task for problem, *_ in CASES])
def test_they_agree(problem, right, wrong):
    texts = {right: Outcome.CORRECT, wrong: Outcome.WRONG}
    rewards = make_rewards([problem], RlConfig(rewards="answer").rewards)
    for text, outcome in texts.items():
        assert get_task(problem.task).check(problem, text).outcome is outcome
        completions = [[{"role": "assistant", "content": text}]]
        [reward] = rewards.functions[0](completions=completions, number=[0], completion_ids=[[1]])
        assert reward == float(outcome is Outcome.CORRECT)

        class Writer:
            def generate(self, conversations, said=text, **asked):
                return [Generation(said, "stop", 1, 1) for _ in conversations]

        rows = evaluate(Path("nowhere"), [problem], EvaluateConfig(samples=0), sampler=Writer()).rows.to_pylist()
        assert [line["outcome"] for line in rows] == [outcome.value]
        verdicts = run_filters([get_filter("answer")], table(row("s", problem, text)), context(problem))
        assert outcomes(verdicts)["s"][0] == ("pass" if outcome is Outcome.CORRECT else "fail")
