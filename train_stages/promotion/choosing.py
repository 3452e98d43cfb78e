"""What a model would be worth if one of its several answers were chosen: by a vote, and by a verifier.

Both look at the sampled rows of an evaluation (`train_stages.promotion.evaluate.ROWS`, of which the lake keeps the order, not the
number of a sample), at the first k of each problem.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

import pyarrow as pa

from synth.answers.judge import equal_answers, majority
from synth.answers.outcome import Outcome
from train_stages.promotion.statistics import Share, clustered

Group = tuple[str, int]
"""Task and tier."""


def by_vote(rows: pa.Table, structures: Mapping[str, str] | None = None) -> dict[Group, tuple[int, Share]]:
    """Return k and maj@k by task and tier: the share of problems whose most frequent answer is right (arXiv:2203.11171).

    Equal answers are one, by the judge; answers that cannot be read have no vote. A problem without a vote is not right.

    Args:
        rows: The rows.
        structures: Structure by problem, for intervals that know which problems are one problem in other words.
    """
    right = {}
    for problem, sampled in _sampled(rows).items():
        elected, _ = majority(row["answer"] for row in sampled)
        votes = [row for row in sampled if elected is not None and row["answer"] is not None]
        chosen = next(
            (row for row in votes if row["answer"] == elected or equal_answers(row["answer"], str(elected))), None
        )
        right[problem] = float(chosen is not None and chosen["outcome"] == Outcome.CORRECT)
    return _shares(rows, right, structures or {})


def by_score(
    rows: pa.Table, scores: Mapping[tuple[str, int], float | None], structures: Mapping[str, str] | None = None
) -> dict[Group, tuple[int, Share]]:
    """Return k and best@k by task and tier: the share of problems whose answer with the highest score is right.

    Of equal scores the first counts. An answer without a score is never chosen; a problem without any is not right.

    Args:
        rows: The rows.
        scores: Of each sampled answer, by problem and sample number.
        structures: As in `by_vote`.
    """
    right = {}
    for problem, sampled in _sampled(rows).items():
        scored = [(score, row) for row in sampled if (score := scores.get((problem, row["sample_number"]))) is not None]
        best = max(scored, key=lambda pair: pair[0], default=None)
        right[problem] = float(best is not None and best[1]["outcome"] == Outcome.CORRECT)
    return _shares(rows, right, structures or {})


def sampled_answers(rows: pa.Table) -> list[dict[str, Any]]:
    """Return the sampled rows that hold an answer, in order, each with its `sample_number` among those of its problem."""
    return [row for sampled in _sampled(rows).values() for row in sampled if row["response"]]


def _sampled(rows: pa.Table) -> dict[str, list[dict[str, Any]]]:
    """The sampled rows of each problem in the order of the table, with their number in it; as many as every problem has."""
    groups: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for row in rows.to_pylist():
        if row["mode"] == "sampled":
            group = groups[row["problem_id"]]
            group.append({**row, "sample_number": len(group)})
    k = min(map(len, groups.values()), default=0)
    return {problem: group[:k] for problem, group in groups.items()}


def _shares(
    rows: pa.Table, right: Mapping[str, float], structures: Mapping[str, str]
) -> dict[Group, tuple[int, Share]]:
    columns = (rows[name].to_pylist() for name in ("problem_id", "task", "tier"))
    group_of = {problem: (task, tier) for problem, task, tier in zip(*columns, strict=True)}
    members: dict[Group, list[str]] = defaultdict(list)
    for problem in right:
        members[group_of[problem]].append(problem)
    k = min(map(len, _sampled(rows).values()), default=0)
    return {group: (k, _share(problems, right, structures)) for group, problems in sorted(members.items())}


def _share(problems: Sequence[str], right: Mapping[str, float], structures: Mapping[str, str]) -> Share:
    return clustered(
        [right[problem] for problem in problems], [structures.get(problem, problem) for problem in problems]
    )
