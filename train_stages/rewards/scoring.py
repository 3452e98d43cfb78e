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
Earned = Mapping[str, float | None]
"""What a response earns, by reward: without those that do not apply to its problem, and empty where one cannot say."""


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
        rewards: The rewards; one that applies to no problem is left out.
        models: Folders of the checkpoints that rewards ask, by name.
        ask: How a problem is put to the model; None asks with the bare prompt.

    Raises:
        TrainingError: There is a problem that no reward with a weight applies to.
    """
    _refuse_unrewarded(problems, rewards)
    used = [reward for reward in rewards if any(map(reward.applies, problems))]
    board = Scoreboard(problems, used, models or {}, ask or _bare)
    return Rewards(
        tuple(reward.name for reward in used),
        tuple(board.function(reward.name) for reward in used),
        tuple(reward.weight for reward in used),
        board.correct,
    )


def _refuse_unrewarded(problems: Sequence[Problem], rewards: Sequence[Reward]) -> None:
    for problem in {problem.task: problem for problem in reversed(problems)}.values():
        if not any(reward.weight and reward.applies(problem) for reward in rewards):
            raise TrainingError(
                f"rl: no reward applies to problems of the task {problem.task}: rewards are "
                f"{', '.join(reward.name for reward in rewards) or 'none'}; add the one that its right answers earn"
            )


def _bare(problem: Problem) -> list[dict[str, str]]:
    return [{"role": "user", "content": problem.prompt}]


class Scoreboard:
    """What responses earn from each of some rewards. A step is asked for reward by reward; each response is looked at once.

    Args:
        problems: The problems.
        rewards: The rewards, no name twice.
        models: Folders of the checkpoints that rewards ask, by name.
        ask: How a problem is put to the model.
    """

    def __init__(
        self, problems: Sequence[Problem], rewards: Sequence[Reward], models: Mapping[str, Path], ask: Ask
    ) -> None:
        self._problems = problems
        self._scorings = {reward.name: reward.prepared(models, ask) for reward in rewards}
        self._applies = {reward.name: [reward.applies(problem) for problem in problems] for reward in rewards}
        self._response = lru_cache(maxsize=KEPT)(self._new_response)
        self._earned: dict[Key, Earned] = {}

    def function(self, name: str) -> Callable[..., list[float | None]]:
        """Return one reward as TRL calls it; TRL logs it by the name of the function."""

        def score(
            completions: Completions,
            number: Sequence[int],
            completion_ids: Sequence[Sequence[int]] | None = None,
            earned_by_turns: Sequence[float | None] | None = None,
            **_: Any,
        ) -> list[float | None]:
            lengths = [len(ids) for ids in completion_ids] if completion_ids else [0] * len(number)
            by_turns = earned_by_turns or [None] * len(number)
            asked = list(zip(number, texts(completions), lengths, by_turns, strict=True))
            return [earned.get(name) for earned in self.earned(asked)]

        score.__name__ = name
        return score

    def earned(self, keys: Sequence[Key]) -> list[Earned]:
        """Return what responses earn; those that were not looked at yet are looked at together, reward by reward."""
        new = [key for key in dict.fromkeys(keys) if key not in self._earned]
        if len(self._earned) + len(new) > KEPT:
            self._earned.clear()
            new = list(dict.fromkeys(keys))
        self._earned.update(zip(new, self._scored(new), strict=True))
        return [self._earned[key] for key in keys]

    def correct(self, completions: Completions, number: Sequence[int]) -> list[float | None]:
        """Return whether each completion is right, by the checker of its problem's task."""
        asked = zip(number, texts(completions), strict=True)
        return [self._response(index, text, 0, None).correct for index, text in asked]

    def _scored(self, keys: Sequence[Key]) -> list[Earned]:
        responses = [self._response(*key) for key in keys]
        earned: list[dict[str, float | None]] = [{} for _ in keys]
        for name, scoring in self._scorings.items():
            places = [place for place, key in enumerate(keys) if self._applies[name][key[0]]]
            values = scoring([responses[place] for place in places]) if places else []
            for place, value in zip(places, values, strict=True):
                earned[place][name] = value
        return [{} if None in given.values() else given for given in earned]

    def _new_response(self, number: int, text: str, tokens: int, by_turns: float | None) -> Response:
        return Response(self._problems[number], text, tokens, by_turns)


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
