"""Puzzles of the outside world are read from their text, solved to the same solution and written back."""

import ast
import os
import random
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from synth.problems.knights_knaves.generate import draw_any
from synth.problems.knights_knaves.given import read_puzzle
from synth.problems.knights_knaves.reading import read, read_words, spoken_order
from synth.problems.knights_knaves.statements import solutions
from synth.problems.knights_knaves.text import write
from synth.problems.knights_knaves.words import NAMES, PAIRS, UNCOMMON_NAMES, Words

DATA = os.environ.get("NIGHTSCHOOL_DATA")
OPERATORS = {"telling-truth": "knight", "lying": "knave", "->": "implies", "<=>": "iff"}

# In the format of Logic-RL, written for this test.
ISLAND = "A very special island is inhabited only by knights and knaves. Knights always tell the truth, and knaves always lie. "
SAMPLES = [
    (
        ISLAND + "You meet 2 inhabitants: Ann, and Bo. Ann said that Bo is not a knight. "
        '"Ann is a knight if and only if Bo is a knave," Bo declared. So who is a knight and who is a knave?',
        (("not", ("knight", 1)), ("iff", ("knight", 0), ("knave", 1))),
        None,
    ),
    (
        ISLAND + "You meet 3 inhabitants: Ann, Bo, and Cy. As Ann put it, \"If Bo is a knight then Cy is a knave\". "
        "Bo told you that Ann is a knave and Cy is a knave. \"Bo is a knave or Cy is a knight\" - Cy. "
        "So who is a knight and who is a knave?",
        (("implies", ("knight", 1), ("knave", 2)), ("and", ("knave", 0), ("knave", 2)), ("or", ("knave", 1), ("knight", 2))),
        (True, False, True),
    ),
    (
        ISLAND + "You meet 2 inhabitants: Ann, and Bo. In Ann's words: \"Bo is a knave\". According to Bo, \"Bo is a knight "
        'and Ann is a knave". So who is a knight and who is a knave?',
        (("knave", 1), ("and", ("knight", 1), ("knave", 0))),
        None,
    ),
    (
        "A very special island is inhabited only by angels and devils. Devils always tell the truth, and angels always lie. "
        "You meet 2 inhabitants: Ann, and Bo. Ann noted, \"Bo is an angel\". In a statement by Bo: \"Ann is a devil or Bo is "
        'an angel". So who is an angel and who is a devil?',
        (("knave", 1), ("or", ("knight", 0), ("knave", 1))),
        None,
    ),
]  # fmt: skip


@pytest.mark.parametrize(("text", "puzzle", "solution"), SAMPLES)
def test_foreign_wordings_are_read(text, puzzle, solution):
    got, names = read(text)
    assert got == puzzle and names == ["Ann", "Bo", "Cy"][: len(puzzle)]
    if solution is not None:
        assert solutions(got) == [solution]
    assert read(write(got, names, "full", random.Random(1))) == (got, names)


def test_a_foreign_puzzle_becomes_a_problem():
    problem = read_puzzle(SAMPLES[1][0])
    assert problem.gold == "Ann is a knight, Bo is a knave, Cy is a knight" and problem.prompt == SAMPLES[1][0]
    with pytest.raises(ValueError, match="solutions, not one"):
        read_puzzle(SAMPLES[0][0].replace("Bo is not a knight", "Ann is a knight"))


@settings(deadline=None)
@given(st.integers(0, 2**32), st.integers(2, 8), st.sampled_from([*PAIRS, Words(), Words().flipped]), st.booleans())
def test_any_words_and_any_order_can_be_read_back(seed, people, words, uncommon):
    rng = random.Random(seed)
    puzzle = draw_any(rng, people)
    names = rng.sample(UNCOMMON_NAMES if uncommon else NAMES, people)
    order = rng.sample(range(people), people)
    text = write(puzzle, names, "full", rng, words, order)
    assert read(text) == (puzzle, names) and read_words(text) == words and spoken_order(text, names) == order


@pytest.mark.parametrize(
    "text",
    [
        "Hello.",
        ISLAND + "You meet 2 inhabitants: Ann, and Bo. So who is a knight and who is a knave?",
        ISLAND + "You meet 2 inhabitants: Ann, and Bo. Ann said that Bo is a knight. Ann said that Bo is a knave. "
        "So who is a knight and who is a knave?",
        ISLAND
        + "You meet 2 inhabitants: Ann, and Ann. Ann said that Ann is a knight. So who is a knight and who is a knave?",
        ISLAND + "You meet 1 inhabitants: Ann. Ann said that Bo is a knight. So who is a knight and who is a knave?",
        ISLAND + "You meet 1 inhabitants: Ann. Ann said that Ann is a saint. So who is a knight and who is a knave?",
        ISLAND.replace("knaves. Knights", "knaves. Saints")
        + "You meet 1 inhabitants: Ann. So who is a knight and who is a knave?",
    ],
)
def test_what_cannot_be_read_is_refused(text):
    with pytest.raises(ValueError):
        read(text)


@pytest.mark.skipif(not DATA, reason="NIGHTSCHOOL_DATA names no folder with the public puzzles")
@pytest.mark.parametrize("name", ["3ppl", "3ppl_train", "4ppl", "5ppl"])
def test_the_published_puzzles_agree(name):
    import pyarrow.parquet as pq

    rows = pq.read_table(Path(DATA) / "kk" / f"{name}.parquet").to_pylist()
    for number, row in enumerate(rows):
        puzzle, names = read(row["quiz"])
        assert puzzle == tuple(translated(statement) for statement in ast.literal_eval(row["statements"]))
        assert names == row["names"] and solutions(puzzle) == [tuple(row["solution"])]
        assert read(write(puzzle, names, "full", random.Random(number))) == (puzzle, names)
        problem = read_puzzle(row["quiz"])
        from synth.problems import get_task

        task = get_task("knights_knaves")
        answer = f"<think>so</think><answer>{row['solution_text_format']}</answer>"
        assert task.check(problem, answer).outcome == task.check(problem, row["solution_text"]).outcome == "correct"
    assert rows


def translated(statement):
    operator, *parts = statement
    return (
        OPERATORS.get(operator, operator),
        *(translated(part) if isinstance(part, tuple) else part for part in parts),
    )
