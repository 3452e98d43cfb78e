"""The rule-based reward of Logic-RL (arXiv:2502.14768) for Knights and Knaves: one part for the format, one for the answer."""

import re
from dataclasses import dataclass

from synth.problems.base import Problem
from synth.problems.knights_knaves.roles import read_roles, role_words
from synth.problems.knights_knaves.words import KNIGHTS, Words

FORMAT = 1.0  # tags in order, each once; minus this when they are not
RIGHT = 2.0  # every role
WRONG = -1.5  # some role
UNREADABLE = -2.0  # not as many roles as people

_TAGS = ("<think>", "</think>", "<answer>", "</answer>")
_ANSWER = re.compile(r"<answer>(.*?)</answer>", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Reward:
    """What a response earns.

    Attributes:
        format: For the tags.
        answer: For the roles.
    """

    format: float
    answer: float

    @property
    def total(self) -> float:
        """The sum that is optimised."""
        return self.format + self.answer


def well_formed(response: str) -> bool:
    """Whether the tags think and answer each occur exactly once, and in order."""
    positions = [response.find(tag) for tag in _TAGS]
    return all(response.count(tag) == 1 for tag in _TAGS) and positions == sorted(positions)


def reward(problem: Problem, response: str) -> Reward:
    """Reward a response to a puzzle.

    A chat template may have opened `<think>` in the prompt: put it back before the response then. Where the format is
    broken the answer counts as unreadable; this last rule is ours.
    """
    if not well_formed(response):
        return Reward(-FORMAT, UNREADABLE)
    attrs = problem.attrs
    role_names = Words(*attrs["role_words"]) if "role_words" in attrs else KNIGHTS
    inside = _ANSWER.search(response)
    roles = read_roles(inside[1], attrs["names"], role_names) if inside else None
    if inside is None or roles is None or len(role_words(role_names).findall(inside[1])) < len(roles):
        return Reward(FORMAT, UNREADABLE)
    return Reward(FORMAT, RIGHT if roles == tuple(attrs["solution"]) else WRONG)
