import pytest
from hypothesis import given
from hypothesis import strategies as st

from synth.problems.knights_knaves import KnightsKnaves
from synth.problems.knights_knaves.given import read_puzzle
from synth.problems.knights_knaves.reward import reward, well_formed

PUZZLE = read_puzzle(
    "A very special island is inhabited only by knights and knaves. Knights always tell the truth, and knaves always lie. "
    "You meet 2 inhabitants: Ann, and Bo. Ann said that Bo is a knave. Bo said that Ann is a knave and Bo is a knight and "
    "Ann is a knight. So who is a knight and who is a knave?"
)
RIGHT, WRONG = "(1) Ann is a knight\n(2) Bo is a knave", "(1) Ann is a knave\n(2) Bo is a knight"


@pytest.mark.parametrize(
    ("response", "format_part", "answer_part"),
    [
        (f"<think>so</think>\n<answer>{RIGHT}</answer>", 1, 2),
        (f"<think>so</think>\n<answer>{WRONG}</answer>", 1, -1.5),
        ("<think>so</think><answer>Ann is a knight</answer>", 1, -2),
        ("<think>so</think><answer>Ann and Bo are knights, I think</answer>", 1, -2),
        ("<think>so</think><answer>Ann is a knight, Bo is a knave, Cy is a knave</answer>", 1, -2),
        ("<think>so</think><answer></answer>", 1, -2),
        (f"<think>so<answer>{RIGHT}</answer>", -1, -2),
        (f"<answer>{RIGHT}</answer><think>so</think>", -1, -2),
        (f"<think>so</think><think></think><answer>{RIGHT}</answer>", -1, -2),
        (f"<think>so</think><answer>{RIGHT}</answer><answer>{RIGHT}</answer>", -1, -2),
        (RIGHT, -1, -2),
        ("", -1, -2),
    ],
)
def test_the_table(response, format_part, answer_part):
    got = reward(PUZZLE, response)
    assert (got.format, got.answer, got.total) == (format_part, answer_part, format_part + answer_part)


@given(
    st.lists(st.sampled_from(["<think>", "</think>", "<answer>", "</answer>", RIGHT, "knight"]), max_size=8).map(
        " ".join
    )
)
def test_nothing_but_the_table_is_given(response):
    assert reward(PUZZLE, response).total in {3, -0.5, -1, -3}
    assert (reward(PUZZLE, response).format == 1) == well_formed(response)


def test_other_words_are_rewarded_too():
    problem = KnightsKnaves(people=(3,), roles=("saint", "sinner")).draw(1, seed=1)[0]
    assert reward(problem, f"<think></think><answer>{problem.gold}</answer>").total == 3
