import random

import pytest

from filters import get_filter
from filters.duplicates.signatures import make_signatures
from tests.filters.helpers import arithmetic, context, derivation, details, outcomes, row, table

ANN, BEN, OTHER = arithmetic("Ann"), arithmetic("Ben"), arithmetic("Ann", 4)
RIGHT = derivation(ANN)


def judge(*rows, **more):
    return outcomes(get_filter("exact_duplicates")(table(*rows), context(ANN, BEN, OTHER, **more)))


def test_the_first_by_id_is_kept():
    verdicts = get_filter("exact_duplicates")(table(row("b", ANN, RIGHT), row("a", ANN, RIGHT)), context(ANN))
    assert outcomes(verdicts) == {"a": ("pass", None), "b": ("fail", "duplicate")}
    assert details(verdicts)["b"] == {"kept": "a", "night": "2026-01-02"}


@pytest.mark.parametrize(
    "second",
    [
        row("b", ANN, RIGHT.upper().replace("\n", "\n\n")),
        row("b", BEN, RIGHT),  # the same problem in other words
    ],
)
def test_the_same_in_other_clothes(second):
    assert judge(row("a", ANN, RIGHT), second)["b"] == ("fail", "duplicate")


@pytest.mark.parametrize(
    "second",
    [
        row("b", ANN, RIGHT.replace("8", "9")),
        row("b", OTHER, RIGHT),
        row("b", ANN, RIGHT, method="tutorship"),
        row("b", ANN, RIGHT, kind="preference", rejected="#### 5"),
        row("b", ANN, RIGHT, messages=[{"role": "user", "content": f"{ANN.prompt}\n\nAn attempt:\n5 + 3 = 9"}]),
    ],
)
def test_another_row(second):
    assert judge(row("a", ANN, RIGHT), second)["b"] == ("pass", None)


def test_rows_that_are_rejected_anyway_stand_for_nobody():
    assert judge(row("a", ANN, RIGHT), row("b", ANN, RIGHT), eligible=frozenset({"b"}))["b"] == ("pass", None)


def test_history():
    signatures = make_signatures(table(row("old", ANN, RIGHT)), context(ANN))
    assert judge(row("a", BEN, RIGHT), row("b", OTHER, RIGHT), history=signatures) == {
        "a": ("fail", "duplicate"),
        "b": ("pass", None),
    }


def test_a_night_that_is_judged_again_does_not_find_itself():
    samples = table(row("a", ANN, RIGHT), row("b", ANN, RIGHT))
    history = make_signatures(samples.slice(0, 1), context(ANN))
    verdicts = get_filter("exact_duplicates")(samples, context(ANN, history=history))
    assert outcomes(verdicts) == {"a": ("pass", None), "b": ("fail", "duplicate")}


def test_order_does_not_matter():
    rows = [row(f"{number:02}", ANN, f"#### {number % 5}") for number in range(20)]
    expected = judge(*rows)
    assert sum(outcome == "pass" for outcome, _ in expected.values()) == 5
    random.Random(0).shuffle(rows)
    assert judge(*rows) == expected
