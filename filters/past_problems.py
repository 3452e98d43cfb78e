"""A problem of rows that earlier nights accepted."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class PastProblem:
    """A problem that accepted rows are about.

    Attributes:
        prompt: The question.
        task: Kind of problem.
        gold: Its answer; empty where nobody knows it.
        sample_id: The first of the rows, by id.
        night: Its night.
    """

    prompt: str
    task: str
    gold: str
    sample_id: str
    night: str
