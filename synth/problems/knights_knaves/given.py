"""A puzzle of somebody else, made a problem from its text."""

from dataclasses import replace
from random import Random

from synth.problems.base import Problem
from synth.problems.knights_knaves.puzzle import make_problem
from synth.problems.knights_knaves.reading import read, read_words
from synth.problems.knights_knaves.statements import solutions
from synth.problems.knights_knaves.text import COMPACT_QUESTION
from synth.problems.knights_knaves.words import KNIGHTS

MOST = 8


def read_puzzle(text: str) -> Problem:
    """Read and solve a puzzle; its prompt is the text as it was given.

    Raises:
        ValueError: The text is no puzzle that can be read, or it has not exactly one solution.
    """
    text = text.strip()
    puzzle, names = read(text)
    if len(puzzle) > MOST:
        raise ValueError(f"{len(puzzle)} people; at most {MOST} can be solved")
    all_solutions = solutions(puzzle)
    if len(all_solutions) != 1:
        raise ValueError(f"the puzzle has {len(all_solutions)} solutions, not one")
    compact = text.endswith(COMPACT_QUESTION)
    role_names = KNIGHTS if compact else read_words(text)
    problem = make_problem(
        puzzle, all_solutions[0], names, "compact" if compact else "full", Random(0), role_names=role_names
    )
    return replace(problem, prompt=text, source="given", license="unknown")
