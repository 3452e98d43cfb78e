from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from synth.answers.judge import judge
from synth.answers.outcome import Outcome
from synth.problems.derivation import derive, review
from synth.problems.equations import equations, evaluate, false_equation, strip_marks
from synth.problems.steps import split_steps

READ = [
    ("5 + 3 = 9", [("5 + 3", "9", False)]),
    ("She has 5 apples + 3 apples = 8 apples.", [("5 + 3", "8", True)]),
    ("In 2 days she walks 3 * 4 = 12 km", [("3 * 4", "12", True)]),
    ("so 16 - 3 = <<16-3=13>>13 eggs", [("16 - 3", "13", True)]),
    ("so 16 - 3 = <<16-3=13>>14 eggs", [("16 - 3", "13", True), ("16 - 3", "14", False)]),
    ("20% of 50 = 10", [("20% * 50", "10", True)]),
    ("40/50*100 = 80%", [("40 / 50 * 100", "80%", True)]),
    ("9/27 * 100% = 33.3", [("9 / 27 * 100%", "33.3", True)]),
    ("10/3 = 3.33", [("10 / 3", "3.33", True)]),
    ("10/3 = 3", [("10 / 3", "3", False)]),
    ("50/3 = 16.66", [("50 / 3", "16.66", True)]),
    ("11/18 * 162 = 99.00000000000001", [("11 / 18 * 162", "99.00000000000001", True)]),
    ("50/3 = 16.65", [("50 / 3", "16.65", False)]),
    ("5 * 0.33 = 1.66", [("5 * 0.33", "1.66", False)]),
    ("1. 5 + 3 = 8", [("5 + 3", "8", True)]),
    ("- 5 + 3 = 8", [("5 + 3", "8", True)]),
    ("Step 2: 5 + 3 = 8", [("5 + 3", "8", True)]),
    ("2(3+4) = 14", [("2 * (3 + 4)", "14", True)]),
    ("$5 x 3 = $15", [("5 * 3", "15", True)]),
    ("2x3=6 and 12 ÷ 4 = 3", [("2 * 3", "6", True), ("12 / 4", "3", True)]),
    ("so -3 + 5 = 2", [("-3 + 5", "2", True)]),
    ("5 eggs/day * 7 days = 35 eggs", [("5 * 7", "35", True)]),
    (r"\(\frac{3}{4} \times 8 = 6\)", [("3 / 4 * 8", "6", True)]),
    ("**1,200 + 300 = 1,500**", [("1,200 + 300", "1,500", True)]),
    ("8 = 5+3", [("8", "5 + 3", True)]),
    ("2*5 + 3 = 10 + 3 = 13", [("2 * 5 + 3", "10 + 3", True)]),
    ("5 + 3 = 8 - 2 = 6", [("5 + 3", "8 - 2", False), ("8 - 2", "6", True)]),
    ("14 hours = 14 * 60 = 840 minutes", [("14 * 60", "840", True)]),
]
UNREAD = [
    "x + 3 = 8",
    "x -3 = 5",
    "5H - 10 = 25",
    "5x - 28 = 157",
    "9s + 13 = 130",
    "2^3 = 8",
    "2**3 = 8",
    "8/0 = 0",
    "3 1/2 = 3.5",
    "2 miles / 1/6 hour = 12",
    "7:50 + 30 = 8:20",
    "5 + 3 >= 8",
    "5+3 == 9",
    "0.28 * 8 = 224 cents",
    "5 * 3 = $15 thousand",
    "1 + 2 + ... + 10 = 55",
    "half of 10 = 5",
    "5 = 5",
    "9" * 200 + " + 1 = 2",
]


@pytest.mark.parametrize(("step", "expected"), READ)
def test_reads_equations_in_prose(step, expected):
    assert [(equation.left.text, equation.right.text, equation.true) for equation in equations(step)] == expected


@pytest.mark.parametrize("step", UNREAD)
def test_leaves_unread_what_it_could_misread(step):
    assert all(equation.true for equation in equations(step))


TREES = st.recursive(
    st.integers(0, 99).map(lambda value: (str(value), Fraction(value))),
    lambda inner: st.tuples(inner, st.sampled_from("+-*/"), inner).map(
        lambda parts: (f"({parts[0][0]} {parts[1]} {parts[2][0]})", _apply(parts[1], parts[0][1], parts[2][1]))
    ),
    max_leaves=8,
)


def _apply(symbol, left, right):
    if left is None or right is None or (symbol == "/" and right == 0):
        return None
    return {"+": left + right, "-": left - right, "*": left * right, "/": left / right if right else None}[symbol]


@given(TREES)
def test_evaluates_exactly(tree):
    text, value = tree
    assert evaluate(text) == value


@pytest.mark.parametrize("text", ["2**9**9", "__import__('os')", "1e9", "", "1 +", "5 = 5", "(1", "7!"])
def test_evaluates_nothing_else(text):
    assert evaluate(text) is None


@given(st.text(alphabet="0123456789+-*/=()%$x. <>,ab\n#", max_size=80) | st.text(max_size=60))
def test_never_raises_on_model_text(text):
    equations(text)
    check = judge("6", text)
    checked = review(text, STEPS, "#### 6", check)
    assert len(checked.labels) == len(checked.steps)
    assert True not in checked.labels[checked.first_wrong :] if checked.first_wrong is not None else all(checked.labels)
    assert (checked.first_wrong is None) == (not checked.correction) == (not checked.explanation)


STEPS = [("5 + 3 = 8", 8), ("8 - 2 = 6", 6)]


def reviewed(attempt, steps=STEPS, **options):
    gold = str(steps[-1][1])
    return review(attempt, steps, f"#### {gold}", judge(gold, attempt), **options)


def test_a_right_attempt_has_no_wrong_step():
    result = reviewed("5 + 3 = 8\n8 - 2 = 6\n#### 6")
    assert (result.outcome, result.first_wrong, result.labels) == (Outcome.CORRECT, None, (True, True))
    assert result.steps == ("5 + 3 = 8", "8 - 2 = 6")


def test_a_false_equation_is_named():
    result = reviewed("5 + 3 = 9\n9 - 2 = 7\n#### 7")
    assert (result.outcome, result.first_wrong, result.labels) == (Outcome.WRONG, 0, (False, False))
    assert result.explanation == "5 + 3 is 8, not 9."
    assert result.correction == ("5 + 3 = 8", "8 - 2 = 6", "#### 6")


def test_correction_begins_where_the_right_steps_end():
    result = reviewed("5 + 3 = 8\n8 - 2 = 5\n#### 5")
    assert (result.first_wrong, result.correction) == (1, ("8 - 2 = 6", "#### 6"))


def test_a_true_step_from_elsewhere_is_wrong():
    result = reviewed("5 + 3 = 8\n8 + 2 = 10\n#### 10")
    assert (result.first_wrong, result.explanation) == (1, "the next step is 8 - 2 = 6.")


@pytest.mark.parametrize(
    ("attempt", "explanation"),
    [
        ("5 + 3 = 8\n8 - 2 = 6\n#### 7", "the answer is 6, not 7."),
        ("5 + 3 = 8\n8 - 2 = 6", "the answer is 6."),
        ("5 + 3 = 8\n#### 8", "the next step is 8 - 2 = 6."),
        ("#### 9", "the next step is 5 + 3 = 8."),
    ],
)
def test_right_steps_with_a_wrong_or_missing_answer(attempt, explanation):
    result = reviewed(attempt)
    assert result.first_wrong == len(result.steps) and all(result.labels)
    assert result.explanation == explanation and result.correction[-1] == "#### 6"


def test_a_wrong_step_counts_even_when_the_answer_is_right():
    result = reviewed("5 + 3 = 9\n8 - 2 = 6\n#### 6")
    assert (result.outcome, result.first_wrong) == (Outcome.CORRECT, 0)


def test_another_route_is_right_only_where_it_is_allowed():
    attempt = "3 - 2 = 1\n5 + 1 = 6\n#### 6"
    assert reviewed(attempt).first_wrong == 0
    assert reviewed(attempt, other_routes=True).first_wrong is None
    assert reviewed("3 - 2 = 2\n5 + 1 = 6\n#### 6", other_routes=True).first_wrong == 0


def test_prose_without_equations():
    assert reviewed("I just guess.\n#### 4").first_wrong == 0
    assert reviewed("I just guess.\n#### 4").correction == ("5 + 3 = 8", "8 - 2 = 6", "#### 6")
    assert reviewed("I just know.\n#### 6").first_wrong is None


def test_steps_joined_or_regrouped_are_right():
    assert reviewed("5 + 3 - 2 = 6\n#### 6").first_wrong is None
    chain = [("2 + 3 + 4 = 9", 9)]
    assert reviewed("3 + 4 = 7\n7 + 2 = 9\n#### 9", chain).first_wrong is None


@given(st.lists(st.tuples(st.sampled_from("+-"), st.integers(1, 9)), min_size=2, max_size=5), st.data())
def test_finds_exactly_the_corrupted_step(operations, data):
    value, steps = 50, []
    for symbol, amount in operations:
        result = value + amount if symbol == "+" else value - amount
        steps.append((f"{value} {symbol} {amount} = {result}", result))
        value = result
    broken = data.draw(st.integers(0, len(steps) - 1))
    lines = [text for text, _ in steps]
    assert reviewed("\n".join([*lines, f"#### {value}"]), steps).first_wrong is None
    lines[broken] = lines[broken].replace(f"= {steps[broken][1]}", f"= {steps[broken][1] + 100}")
    outcome = reviewed("\n".join([*lines, f"#### {value + 1}"]), steps)
    assert outcome.first_wrong == broken
    assert outcome.correction[0] == steps[broken][0] or len({v for _, v in steps}) < len(steps)


def test_steps_and_marks():
    text = (
        "She sold 48/2 = <<48/2=24>>24 clips.\n\n<think>\nThat is 48+24 = <<48+24=72>>72.\n#### 72\nThe answer is 72."
    )
    assert split_steps(text) == ["She sold 48/2 = <<48/2=24>>24 clips.", "That is 48+24 = <<48+24=72>>72."]
    assert strip_marks("48/2 = <<48/2=24>>24") == "48/2 = 24"
    assert derive(text) == [("She sold 48/2 = 24 clips.", 24), ("That is 48+24 = 72.", 72)]


@pytest.mark.parametrize(
    "step",
    [
        "45 minutes + 15 minutes = 1 hour",
        "700 m + 300 m = 1 km",
        "5 days + 9 days = 2 weeks",
        "4 months + 8 months = 1 year",
        "11 / 4 = 2 remainder 3",
        "11 ÷ 4 = 2 (rounded down)",
        "ceil(11 / 4) = 3",
        "25 cents + 75 cents = $1",
    ],
)
def test_conversions_remainders_and_rounding_are_no_false_equations(step):
    assert false_equation(step) is None


@pytest.mark.parametrize(
    "step", ["45 minutes + 15 minutes = 2 hours", "11 / 4 = 4 remainder 3", "700 m + 300 m = 100 m"]
)
def test_what_is_false_with_its_units_is_named(step):
    assert false_equation(step) is not None
