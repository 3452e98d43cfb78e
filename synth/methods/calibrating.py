"""The judges that a choice depends on are measured first, once a night: the preparation of methods of several candidates."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

from storage.ids import seed_from
from synth.answers.outcome import Outcome
from synth.calls.models import Models
from synth.calls.together import at_once
from synth.methods.base import Artefact, Preparation
from synth.methods.selection import SamplingParams, Selection, sampled
from synth.problems import get_task
from synth.problems.base import Problem
from synth.scorers.calibration import JudgeQuality, KnownPair, calibrate, most_calls

PAIRS = 40
"""Known pairs on which a judge is calibrated, at most; ours."""
PROBLEMS = 3 * PAIRS
"""Problems that are looked at for them, at most; ours."""


class Calibration(Artefact):
    """What was measured of the judges that decide, empty where none does."""

    judges: tuple[JudgeQuality, ...] = ()

    @property
    def fault(self) -> str | None:
        """Why one of them may not decide; None where all may."""
        return next((judge.fault for judge in self.judges if judge.fault), None)


async def calibrated(
    problems: Sequence[Problem], models: Models, params: SamplingParams, selection: Selection
) -> Calibration:
    """Measure the judges that decide: on answers that people told apart, where there are any, then on those of the night's own
    problems whose truth the checker knows.
    """
    judges = selection.judges(params)
    if not judges:
        return Calibration()
    ordered = sorted(problems, key=lambda problem: seed_from("calibration", problem.id))
    looked_at = await at_once(_known_pair(problem, models, params, selection) for problem in ordered[:PROBLEMS])
    most = min(len(problems), PAIRS)
    by_people = [KnownPair.by_people(pair) for pair in models.reviewed[:most]]
    pairs = [*by_people, *(pair for pair in looked_at if pair is not None)][:most]
    measured = [await calibrate(judge, pairs, models, by_people=len(by_people)) for judge in judges]
    return Calibration(judges=tuple(measured))


async def _known_pair(
    problem: Problem, models: Models, params: SamplingParams, selection: Selection
) -> KnownPair | None:
    """The first right and the first wrong candidate for a problem; these calls are found again by its attempt."""
    task = get_task(problem.task)
    candidates = [candidate for candidate, _ in await sampled(models.about(problem), params, selection)]
    outcomes = [task.check(problem, candidate.text).outcome for candidate in candidates]
    if not {Outcome.CORRECT, Outcome.WRONG} <= set(outcomes):
        return None
    return KnownPair(problem, candidates[outcomes.index(Outcome.CORRECT)], candidates[outcomes.index(Outcome.WRONG)])


def calibration(selection: Selection | None = None) -> Preparation:
    """Return the preparation of a method of several candidates; without a selection its parameters say which."""

    def of(params: Any) -> Selection:
        return params.selection if selection is None else selection

    async def collect(problems: Sequence[Problem], models: Models, params: Any) -> Calibration:
        """Measure the judges that decide, on pairs of answers that the checker knows."""
        return await calibrated(problems, models, params, of(params))

    def calls(params: Any, problems: int) -> dict[str, int]:
        counted: Counter[str] = Counter()
        for judge in of(params).judges(params):
            counted.update(dict.fromkeys(judge.roles, most_calls(judge, min(problems, PAIRS))))
        return dict(counted)

    return Preparation(collect, Calibration, calls)
