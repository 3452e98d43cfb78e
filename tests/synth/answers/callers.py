"""Everyone who asks whether a response is right, each as a function of a problem and a response that gives a letter."""

import asyncio
from collections.abc import Callable

from filters import get_filter
from synth.answers.judge import judge
from synth.engines.sampler import Generation
from synth.problems import get_task
from synth.problems.base import Problem
from synth.scorers.answer import answer
from synth.scorers.base import Candidate
from tests.filters.helpers import context, outcomes, row, table
from train_stages.promotion.evaluate import EvaluateConfig, evaluate
from train_stages.rewards.answer import Answer
from train_stages.rewards.base import Response
from train_stages.rewards.scoring import make_rewards
from train_stages.rl.pass_rates import measure

_LETTERS = {"correct": "C", "wrong": "W", "unverifiable": "U", "pass": "C", "fail": "W", "unknown": "U"}
_REWARDS = {1.0: "C", 0.0: "W", None: "U"}

Caller = Callable[[Problem, str], str]


def problem_of(gold: str) -> Problem:
    return Problem(task="math_word", source="test", prompt=f"What is it? ({gold})", gold=gold, structure=gold)


def _judge(problem: Problem, response: str) -> str:
    return _LETTERS[judge(problem.gold, response).outcome.value]


def _task(problem: Problem, response: str) -> str:
    return _LETTERS[get_task("math_word").check(problem, response).outcome.value]


def _filter(problem: Problem, response: str) -> str:
    verdicts = get_filter("answer")(table(row("one", problem, response)), context(problem))
    return _LETTERS[outcomes(verdicts)["one"][0]]


def _reward(problem: Problem, response: str) -> str:
    [score] = make_rewards([problem], [Answer()]).functions
    return _REWARDS[score([[{"role": "assistant", "content": response}]], [0])[0]]


def _credit(problem: Problem, response: str) -> str:
    return _REWARDS[Response(problem, response).correct]


def _evaluation(problem: Problem, response: str) -> str:
    class Answers:
        def generate(self, chats, **_):
            return [Generation(response, "stop", 1, 1) for _ in chats]

    rows = evaluate(None, [problem], EvaluateConfig(samples=0), sampler=Answers()).rows
    return _LETTERS[rows["outcome"][0].as_py()]


def _pass_rate(problem: Problem, response: str) -> str:
    def ask(asked, tries):
        return [[response] * tries for _ in asked]

    rate = measure([problem], ask, model="m", tries=2, wanted=1, seed=0)[problem.id]
    return "U" if rate.tries == 0 else "C" if rate.correct == rate.tries else "W"


def _scorer(problem: Problem, response: str) -> str:
    [score] = asyncio.run(answer(problem, [Candidate(response, "call")], None))
    return _REWARDS[score.value]


CALLERS: dict[str, Caller] = {
    "judge": _judge, "task": _task, "filter": _filter, "reward": _reward, "credit": _credit, "evaluation": _evaluation,
    "pass_rate": _pass_rate, "scorer": _scorer,
}  # fmt: skip
