"""Rewards as TRL calls them: a function each, so that each is apart in the curves (`rewards/NAME/mean`).

A response of which one reward cannot say what it earns earns nothing from any: TRL then leaves it out of its group.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from storage.errors import TrainingError
from synth.answers.outcome import Outcome
from synth.problems.base import Problem
from train_stages.rewards.base import Ask, Response, Reward

KEPT = 16_384
"""Responses whose rewards are kept at most."""
Completions = Sequence[Sequence[dict[str, str]]]
Key = tuple[int, str, int, float | None]
"""A response: number of its problem, text, length, what its environment gave."""


@dataclass(frozen=True, slots=True)
class Rewards:
    """The reward functions that TRL calls.

    Attributes:
        names: Name of each.
        functions: Scores of completions; None where a reward does not apply to the problem, or cannot say.
        weights: Weight of each in the sum.
        correct: Whether each completion is right, 1 or 0, and None where that cannot be decided, whatever is rewarded.
    """

    names: tuple[str, ...]
    functions: tuple[Callable[..., list[float | None]], ...]
    weights: tuple[float, ...]
    correct: Callable[[Completions, Sequence[int]], list[float | None]]


def make_rewards(
    problems: Sequence[Problem],
    rewards: Sequence[Reward],
    models: Mapping[str, Path] | None = None,
    ask: Ask | None = None,
) -> Rewards:
    """Make the reward functions for problems that rows name by `number`.

    Args:
        problems: The problems.
        rewards: The rewards.
        models: Folders of the checkpoints that rewards ask, by name.
        ask: How a problem is put to the model; None asks with the bare prompt.

    Raises:
        TrainingError: There is a problem that no reward with a weight applies to.
    """
    used = [reward for reward in rewards if any(reward.applies(problem) for problem in problems)]
    for problem in {problem.task: problem for problem in reversed(problems)}.values():
        if not any(reward.weight and reward.applies(problem) for reward in rewards):
            raise TrainingError(
                f"rl: no reward applies to problems of the task {problem.task}: rewards are "
                f"{', '.join(reward.name for reward in rewards) or 'none'}; add the one that its right answers earn"
            )

    @lru_cache(maxsize=16_384)
    def response(number: int, text: str, tokens: int, given: float | None = None) -> Response:
        return Response(problems[number], text, tokens, given)

    asking = ask or (lambda problem: [{"role": "user", "content": problem.prompt}])
    scorings = {reward.name: reward.prepared(models or {}, asking) for reward in used}
    applied = {reward.name: [reward.applies(problem) for problem in problems] for reward in used}
    earned: dict[Key, dict[str, float | None]] = {}

    def score_all(keys: Sequence[Key]) -> None:
        """Let each reward look at the responses that were not looked at yet, together; a step asks for them reward by reward."""
        new = [key for key in dict.fromkeys(keys) if key not in earned]
        if len(earned) + len(new) > KEPT:
            earned.clear()
            new = list(dict.fromkeys(keys))
        by_key: dict[Key, dict[str, float | None]] = {key: {} for key in new}
        for reward in used:
            those = [key for key in new if applied[reward.name][key[0]]]
            values = scorings[reward.name]([response(*key) for key in those]) if those else []
            for key, value in zip(those, values, strict=True):
                by_key[key][reward.name] = value
        earned.update({key: {} if None in values.values() else values for key, values in by_key.items()})

    def function(reward: Reward) -> Callable[..., list[float | None]]:
        def score(
            completions: Completions,
            number: Sequence[int],
            completion_ids: Sequence[Sequence[int]] | None = None,
            earned_by_turns: Sequence[float | None] | None = None,
            **_: Any,
        ) -> list[float | None]:
            lengths = [len(ids) for ids in completion_ids] if completion_ids else [0] * len(number)
            given = earned_by_turns or [None] * len(number)
            keys = list(zip(number, texts(completions), lengths, given, strict=True))
            score_all(keys)
            return [earned[key].get(reward.name) for key in keys]

        score.__name__ = reward.name  # TRL logs a reward by the name of its function
        return score

    def correct(completions: Completions, number: Sequence[int]) -> list[float | None]:
        return [response(index, text, 0).correct for index, text in zip(number, texts(completions), strict=True)]

    return Rewards(
        tuple(reward.name for reward in used),
        tuple(map(function, used)),
        tuple(reward.weight for reward in used),
        correct,
    )


def texts(completions: Completions) -> list[str]:
    """Return what each completion says."""
    return [completion[-1]["content"] if completion else "" for completion in completions]


def check_rewards(problems: Sequence[Problem], rewards: Sequence[Reward]) -> dict[str, str]:
    """Let the checker of each task judge one problem's own gold answer, and an empty response.

    Raises:
        TrainingError: The gold answer earns nothing, silence earns something, or no reward applies to a problem.
    """
    from synth.problems import get_task

    make_rewards(problems, rewards)
    rewarded = {}
    for task, problem in {problem.task: problem for problem in reversed(problems)}.items():
        checker = get_task(task)
        right = [text for text in (checker.solve(problem), problem.solution) if text] + [f"#### {problem.gold}"]
        outcomes = [checker.check(problem, text).outcome for text in right]
        if Outcome.CORRECT not in outcomes:
            raise TrainingError(
                f"rl: the checker of {task} calls the gold answer of problem {problem.id} {outcomes[-1]}"
            )
        if checker.check(problem, "").outcome is Outcome.CORRECT:
            raise TrainingError(f"rl: the checker of {task} rewards an empty response to problem {problem.id}")
        rewarded[task] = problem.gold
    return rewarded
