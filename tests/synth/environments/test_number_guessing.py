"""A task with turns of its own: whoever halves finds the number in time, in a method and in a plain evaluation."""

import re
from pathlib import Path

import pytest

from synth.engines.sampler import Generation
from synth.environments import get_environment
from synth.environments.playing import PlaySpec, played_in
from synth.methods import get_method
from synth.problems import open_source
from tests.synth.conftest import Scripted
from tests.synth.methods.dialogue import run
from train_stages.promotion.evaluate import EvaluateConfig, evaluate

GAME = get_environment("number_guessing")


@pytest.fixture
def problems():
    return open_source("number_guessing", {"tiers": [1, 3]}).draw(12, seed=1)


def halve(messages):
    """Guess the middle of what is left."""
    low, high = 1, int(re.search(r"from 1 to (\d+)", messages[0]["content"])[1])
    for message in messages:
        for side, number in re.findall(
            r"is (higher|lower) than (\d+)", message["content"] if message["role"] == "user" else ""
        ):
            low, high = (int(number) + 1, high) if side == "higher" else (low, int(number) - 1)
    return f"#### {(low + high) // 2}"


def test_problems_differ_and_what_is_held_out_is_not_drawn(problems):
    source = open_source("number_guessing", {"tiers": [1, 3]})
    assert source.draw(12, seed=1) == problems and len({problem.structure_id for problem in problems}) == 12
    assert {problem.tier for problem in problems} == {1, 3} and len(source.draw(99, seed=1)) == 8 + 32
    held = frozenset(problem.structure_id for problem in problems)
    assert not held & {problem.structure_id for problem in source.draw(99, seed=2, exclude=held)}


def test_a_guess_is_answered_and_the_end_has_a_reward(problems):
    [problem] = [problem for problem in problems if problem.tier == 3][:1]
    state = GAME.start(problem, 0)
    turn = GAME.step(state, {"role": "assistant", "content": "#### 0"})
    assert "My number is higher than 0. You have 5 guesses left." in turn.messages[0]["content"] and not turn.done
    assert "no whole number" in GAME.step(state, {"role": "assistant", "content": "Hm."}).messages[0]["content"]
    right = GAME.step(turn.state, {"role": "assistant", "content": f"#### {problem.gold}"})
    assert right.done and right.reward == 1.0
    late = GAME.step({**state, "guesses": 5}, {"role": "assistant", "content": "#### 0"})
    assert late.done and late.reward == 0.0


async def test_a_method_plays_it_to_its_end(ledger, problems):
    params = get_method("tool_dialogue").params(environment="number_guessing", turns=12)
    rows, _ = await run(
        ledger, get_method("tool_dialogue"), problems, params, teacher=Scripted(lambda request: halve(request.messages))
    )
    assert [row["attrs"]["reward"] for row in rows] == [1.0] * len(problems)
    assert all(
        row["answer"] == problem.gold and row["tools"] is None for row, problem in zip(rows, problems, strict=True)
    )
    assert all({message["role"] for message in row["messages"]} <= {"user", "assistant"} for row in rows)


def test_an_evaluation_plays_it_unasked(problems):
    class Player:
        def __init__(self, answer):
            self.answer = answer

        def generate(self, conversations, **asked):
            return [Generation(self.answer(chat), "stop", 1, 1) for chat in conversations]

    assert played_in(problems[0], None).turns == played_in(problems[0], PlaySpec(kind="calculator")).turns == 14
    config = EvaluateConfig(samples=0)
    assert evaluate(Path("nowhere"), problems, config, sampler=Player(halve)).greedy.value == 1.0
    stubborn = evaluate(Path("nowhere"), problems, config, sampler=Player(lambda chat: "#### 1"))
    assert stubborn.greedy.value == sum(problem.gold == "1" for problem in problems) / len(problems)
