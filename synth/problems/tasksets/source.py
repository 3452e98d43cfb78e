"""Draws the tasks of an installed taskset as problems, in its own order."""

from collections.abc import Mapping, Sequence
from typing import Any

from storage.errors import ProblemError
from storage.ids import canonical_json
from synth.problems.base import Problem
from synth.problems.tasksets.library import licence_of, tasks_of

READ = 100_000
"""Tasks of a taskset that are looked at, at most; some never end."""
_FRAME = frozenset({"idx", "prompt", "system_prompt"})


class Taskset:
    """The tasks of one taskset.

    Args:
        taskset: Its name: that of the installed package.
        settings: Of its configuration.
        license: SPDX identifier; None takes what its distribution declares.
        right_at: Reward from which an answer is right.

    Raises:
        RecipeError: The library or the taskset is not installed.
        ProblemError: No licence is known, or its tasks are more than questions with an answer.
    """

    def __init__(self, taskset: str, settings: Mapping[str, Any], license: str | None, right_at: float) -> None:
        self._name, self._settings, self._right_at = taskset, settings, right_at
        declared = license or licence_of(taskset)
        if declared is None:
            raise ProblemError(f"taskset {taskset!r} declares no licence; read it and say it: options.license")
        self._license = declared
        tasks_of(taskset, settings, 1)

    def draw(
        self, limit: int, *, seed: int, tier: int | None = None, exclude: frozenset[str] = frozenset()
    ) -> Sequence[Problem]:
        """Draw the first tasks that are not excluded; there are no tiers, and the order is the taskset's own."""
        drawn: list[Problem] = []
        seen = set(exclude)
        for task in tasks_of(self._name, self._settings, min(READ, limit + len(exclude) + 1_000)):
            problem = self._problem(task)
            if len(drawn) < limit and problem.structure_id not in seen:
                seen.add(problem.structure_id)
                drawn.append(problem)
        return drawn

    def _problem(self, task: Any) -> Problem:
        data = task.data.model_dump(mode="json", exclude_none=True, exclude_defaults=True)
        prompt = "\n\n".join(text for text in (task.data.system_prompt, task.data.prompt_text) if text)
        answer = data.get("answer", data.get("gold"))
        return Problem(
            task="verifiers",
            source=self._name,
            prompt=prompt,
            gold=answer if isinstance(answer, str) and answer else f"scored by {self._name}",
            structure=canonical_json([prompt, {key: value for key, value in data.items() if key not in _FRAME}]),
            license=self._license,
            attrs={"taskset": self._name, "data": data, "right_at": self._right_at},
        )
