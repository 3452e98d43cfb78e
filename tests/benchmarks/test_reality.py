"""The second program that judges accepted rows: it finds what is wrong, and leaves what is right alone."""

import ast
from fractions import Fraction
from pathlib import Path

import pytest

import benchmarks.reality
from benchmarks.reality.numbers import equations, final_number, number, wilson
from benchmarks.reality.plain import rate
from benchmarks.reality.rows import disobeys, faults

SOLUTION = "He sells 48 / 2 = <<48/2=24>>24 clips in May.\n48 + 24 = <<48+24=72>>72 clips in all.\n#### 72"
WRONG = "48 - 24 = 24\n\\boxed{24}"
ASKED = [
    {"role": "user", "content": "He sells 48 clips in April and half as many in May. How many?\n\nPut it in \\boxed{}."}
]
RIGHT = "48 / 2 = 24 clips in May.\n48 + 24 = 72 clips.\n\\boxed{72}"


def row(method="cot", response=RIGHT, kind="sft", messages=ASKED, steps=None, labels=None):
    return {
        "method": method, "kind": kind, "problem": ASKED[0]["content"], "gold": "72", "solution": SOLUTION, "messages": messages,
        "response": response, "rejected": None, "steps": steps, "labels": labels,
    }  # fmt: skip


def asked(attempt):
    return [{"role": "user", "content": f"The problem.\n\nHere is an attempt:\n{attempt}\n\nCheck it."}]


def expanded(question, response):
    return row(
        "query_expansion",
        response,
        messages=[{"role": "user", "content": f"{question}\n\nPlease reason step by step."}],
    )


STEPS = [{"role": "user", "content": "Judge it.\nStep 1: 48 / 2 = 24\nStep 2: 48 + 24 = 70"}]
CASES = [
    (row(), ""),
    (row(response=RIGHT.replace("72", "70")), "ends with 70, gold is 72"),
    (row(response="48 / 2 = 20\nSo it is 72.\n\\boxed{72}"), "false equation: 48 / 2 = 20"),
    (row(response=RIGHT + "\n#### <final answer>"), "placeholder: <final answer>"),
    (row(response="A baker has 40 rolls.\n" + RIGHT), "copied example: 40 rolls"),
    (row(response="144 / 3 = 48 clips.\nIt is \\boxed{72}."), "no sum comes to 72"),
    (row(response=RIGHT + "\n```output\n72\n```"), "invented output"),
    (row("tutorship", f"Check: correct\n{RIGHT}", messages=asked(RIGHT)), ""),
    (row("tutorship", f"Check: wrong\n{RIGHT}", messages=asked(RIGHT)), "says wrong, and the attempt is right"),
    (row("tutorship", "Check: correct", messages=asked("48 + 48 = 96\n\\boxed{96}")), "says correct, and the attempt is wrong"),
    (
        row("tutorship", f"Check: wrong\nThe first wrong step is step 1.\n{RIGHT}", messages=asked(f"48 / 2 = 24\n{WRONG}")),
        "blames a true step of the given solution",
    ),
    (row("tutorship", f"Check: wrong\nThe first wrong step is step 9.\n{RIGHT}", messages=asked(WRONG)), "blames step 9 of 2"),
    (row("critique", "Step 1: right\nStep 2: wrong\nVerdict: wrong", "stepwise", STEPS), ""),
    (row("critique", "Step 1: right\nStep 2: right", "stepwise", STEPS), "calls a false step right"),
    (row("critique", "Step 1: right\nStep 2: wrong. \\$48 + \\$24 = \\$70", "stepwise", STEPS), "false equation: 48 + $24 = $70"),
    (row("critique", "Step 1: wrong\nStep 2: wrong", "stepwise", STEPS), "calls a true step of the given solution wrong"),
    (row("critique", "Step 1: right\nStep 2: wrong\nVerdict: right", "stepwise", STEPS), "verdict right, and the answer is 70"),
    (row("step_labels", "", "stepwise", steps=["48 / 2 = 24", "48 + 24 = 70"], labels=[True, False]), ""),
    (row("step_labels", "", "stepwise", steps=["48 / 2 = 20"], labels=[True]), "a false step is labelled right"),
    (row("step_labels", "", "stepwise", steps=["48 / 2 = 24"], labels=[False]), "a true step of the given"),
    (row("response_diversification", "48 * 3 = 144\n144 / 2 = 72\n\\boxed{72}"), ""),
    (row("response_diversification", RIGHT), "the same equations as the given solution"),
    (row("response_diversification", "48 / 2 = 24, and 48 plus 24 equals 72.\n\\boxed{72}"), "the same equations"),
    (row("response_diversification", "Half as many and all of them are \\boxed{72}."), "no equation"),
    (row("response_diversification", "30 + 42 = 72\n\\boxed{72}"), "calculates with a number from nowhere: 42"),
    (row("step_labels", "", "stepwise", steps=["1. Find the clips in May.", "24"], labels=[True, True]), "a plan is labelled"),
    (row(response="\\[2 \\text{ clips} = 48 \\text{ friends}\\]\n" + RIGHT), "unlike things set equal: 2 clips = 48 friends"),
    (row(response="He sells 2 hours + 30 minutes = 32 minutes.\n" + RIGHT), "units added as if they were one"),
    (row(response="He sells 99 clips in all of it.\n" + RIGHT), "a number from nowhere: 99"),
    (row(response="48 - 3 = 45\n" + RIGHT), "a result that nothing uses: 45"),
    (row(response="First \\boxed{48}.\n" + RIGHT), "boxes with 2 numbers"),
    (row(response="Ann sells 48 clips to Ben.\nAnn sells 24 clips to Ben.\n" + RIGHT), "said with two numbers"),
    (row(response="So 5 out of every 48 come.\n" + RIGHT), "a share from nowhere: 5 out of 48"),
    (row(response="24 clips per month * 2 months = 48 clips\nSo 48 clips per month.\n" + RIGHT), "a total said as a rate"),
    (expanded("He sells 50 clips, and 10 more. How many?", "50 + 10 = 60\n\\boxed{60}"), ""),
    (expanded("He sells 50 clips. How many?", "\\boxed{51}"), "fewer than two numbers"),
    (expanded("He sells 50 clips, and 10 more, 60 in all. How many?", "50 + 10 = 60\n\\boxed{60}"), "says its answer"),
    (expanded("He sells 50 clips, and 10 more.", "50 + 10 = 60\n\\boxed{60}"), "asks nothing"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("judged", "fault"), CASES, ids=[f"{case['method']}: {fault or 'in order'}" for case, fault in CASES]
)
def test_it_says_what_is_wrong_with_a_row(judged, fault):
    found = faults(judged)
    assert any(fault in text for text in found) if fault else not found, found


def test_a_row_obeys_the_form_that_its_prompt_asks_for():
    assert not disobeys(row()) and disobeys(row(response="It is 72.\n#### 72"))
    hashed = [{"role": "user", "content": "How many? End with #### and the answer."}]
    assert disobeys(row(messages=hashed)) and not disobeys(row(response="#### 72", messages=hashed))
    assert not disobeys(row("step_labels", "", "stepwise"))


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("It is \\boxed{1,234}.", 1_234),
        ("\\boxed{3} or rather \\boxed{\\frac{1}{2}}", Fraction(1, 2)),
        ("2 + 2 = 4\n#### $4.50", Fraction(9, 2)),
        ("The answer is **18** dollars", 18),
        ("first 3, then -7", -7),
        ("nobody knows", None),
    ],
)
def test_the_final_number_of_a_text(text, value):
    assert final_number(text) == value


def test_equations_are_true_as_far_as_their_digits_go():
    text = "10 / 3 = 3.33, 20% * 50 = 10, 2 x 3 + 4 = 10, 7 - 9 = -2, 5 + 5 = 11, 3 * 4 = 12 + 1"
    assert [(str(shown), true) for _, true, shown in equations(text)] == [
        ("333/100", True), ("10", True), ("10", True), ("-2", True), ("11", False),
    ]  # fmt: skip
    assert number("1/0") == 1, "a division by nothing is no number of its own"


def test_the_interval_is_wilsons():
    low, high = wilson(1, 31)
    assert (round(low, 3), round(high, 3)) == (0.006, 0.162)  # by hand
    assert wilson(0, 0) == (0.0, 1.0)


def test_the_rate_leaves_out_the_tail():
    """Ten answers of 100 tokens in 10 s each, side by side, and one that goes on alone: nine tenths are there after 9.9 s."""
    spans = [(0.0, 10.0, 100)] * 10 + [(0.0, 1_000.0, 100)]
    assert rate(spans) == pytest.approx(990 / 9.89, rel=0.01)


def test_it_imports_neither_our_judge_nor_our_filters():
    folder = Path(benchmarks.reality.__file__).parent
    for file in (folder / "numbers.py", folder / "rows.py", folder / "claims.py"):
        imported = {
            name
            for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
            for name in (
                [node.module] if isinstance(node, ast.ImportFrom) else [a.name for a in getattr(node, "names", ())]
            )
            if isinstance(node, ast.Import | ast.ImportFrom)
        }
        assert not {
            name for name in imported if name and name.split(".")[0] in ("synth", "filters", "storage", "flows")
        }, file
