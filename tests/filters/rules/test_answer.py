import pytest

from filters import get_filter
from tests.filters.helpers import arithmetic, context, derivation, details, outcomes, row, table

ANN = arithmetic()
RIGHT, WRONG = derivation(ANN), "5 + 3 = 8\n8 - 2 = 5\n#### 5"

CASES = {
    "right": ({}, ("pass", None)),
    "wrong": ({"response": WRONG}, ("fail", "wrong_answer")),
    "right by false arithmetic": ({"response": "5 + 3 = 9\n9 - 2 = 6\n#### 6"}, ("fail", "false_equation")),
    "no answer": ({"response": "I cannot say."}, ("fail", "no_answer")),
    "a claim without an answer in the text": ({"response": "The attempt is correct.", "answer": "6"}, ("pass", None)),
    "a wrong claim": ({"response": "The attempt is correct.", "answer": "5"}, ("fail", "wrong_answer")),
    "a claim that is not what the text says": ({"answer": "5"}, ("fail", "claim_differs")),
    "a claim cannot save a wrong text": ({"response": WRONG, "answer": "6"}, ("fail", "wrong_answer")),
    "a wrong judgement": ({"notes": {"judgement": {"agrees": False}}}, ("fail", "wrong_judgement")),
    "no judgement": ({"notes": {"judgement": {"agrees": None}}}, ("unknown", "no_judgement")),
    "preference": ({"kind": "preference", "rejected": WRONG}, ("pass", None)),
    "preference, better half wrong": (
        {"kind": "preference", "response": WRONG, "rejected": RIGHT},
        ("fail", "wrong_answer"),
    ),
    "preference, better half unclear": (
        {"kind": "preference", "response": "?", "rejected": WRONG},
        ("fail", "no_answer"),
    ),
    "prompt": ({"kind": "prompt", "response": None}, ("pass", None)),
    "text": ({"kind": "text", "text": RIGHT, "response": None}, ("unknown", "no_answer_claimed")),
    "text with a claim": ({"kind": "text", "text": RIGHT, "response": None, "answer": "6"}, ("pass", None)),
    "text with a wrong claim": (
        {"kind": "text", "text": WRONG, "response": None, "answer": "5"},
        ("fail", "wrong_answer"),
    ),
    "labels": ({"kind": "stepwise", "notes": {"judgement": {"agrees": True}}}, ("pass", None)),
    "labels that the critic does not share": (
        {"kind": "stepwise", "notes": {"judgement": {"agrees": False}}},
        ("fail", "labels_disagree"),
    ),
    "a critic that was told": (
        {"kind": "stepwise", "notes": {"judgement": {"agrees": True}, "mentions_labels": True}},
        ("fail", "mentions_labels"),
    ),
    "labels by review": (
        {"kind": "stepwise", "response": None, "steps": WRONG.splitlines()[:2], "labels": [True, False]},
        ("pass", None),
    ),
    "labels that the review refutes": (
        {"kind": "stepwise", "response": None, "steps": WRONG.splitlines()[:2], "labels": [True, True]},
        ("fail", "labels_disagree"),
    ),
    "unknown problem": ({"problem_id": "?"}, ("unknown", "unknown_problem")),
}


@pytest.mark.parametrize("name", CASES)
def test_answer(name):
    change, expected = CASES[name]
    verdicts = get_filter("answer")(table(row("s", ANN, **{"response": RIGHT} | change)), context(ANN))
    assert outcomes(verdicts) == {"s": expected}


def test_the_worse_half_is_recorded():
    verdicts = get_filter("answer")(table(row("s", ANN, RIGHT, kind="preference", rejected=WRONG)), context(ANN))
    assert details(verdicts) == {"s": {"rejected": "wrong"}}


def test_the_wrong_answer_is_recorded():
    assert details(get_filter("answer")(table(row("s", ANN, WRONG)), context(ANN))) == {"s": {"answer": "5"}}
