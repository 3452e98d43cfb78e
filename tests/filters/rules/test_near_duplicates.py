import random

import pyarrow as pa
import pytest

from filters import get_filter
from filters.duplicates.signatures import make_signatures
from filters.duplicates.sketch import similarity, sketch
from filters.rows import read_rows
from synth.problems.base import Problem
from tests.filters.helpers import STAMPS, arithmetic, context, derivation, details, outcomes, row, table, word_problem

PROBLEM = word_problem()


def word(number: int, mark: str = "") -> str:
    """A word of letters only: letters and digits are tokens of their own."""
    return mark + "".join(chr(ord("a") + int(digit)) for digit in str(number)) + "z"


LONG = " ".join(word(number) for number in range(104))  # 100 shingles


def judge(*rows, problems=(PROBLEM,), options=None, **more):
    return outcomes(get_filter("near_duplicates", options)(table(*rows), context(*problems, **more)))


def with_end(shared: int, mark: str) -> str:
    """A text of 100 shingles of which the first `shared` are those of every other mark."""
    return " ".join(LONG.split()[: shared + 4] + [word(number, mark) for number in range(100 - shared)])


@pytest.mark.parametrize(
    ("shared", "outcome"),
    [(88, "pass"), (89, "fail")],  # 88 / (200 - 88) = 0.786, 89 / (200 - 89) = 0.802
)
def test_just_below_and_above_the_threshold(shared, outcome):
    a, b = row("a", PROBLEM, with_end(shared, "x")), row("b", PROBLEM, with_end(shared, "y"))
    verdicts = get_filter("near_duplicates")(table(a, b), context(PROBLEM))
    assert outcomes(verdicts)["b"][0] == outcome
    if outcome == "fail":
        assert details(verdicts)["b"] == {"kept": "a", "night": "2026-01-02", "similarity": round(89 / 111, 4)}


def test_found_exactly_what_is_there():
    rng = random.Random(1)
    rows, problems = [], {}
    for number in range(150):
        words = [word(index, word(number)) for index in range(60)]
        problem = word_problem(" ".join(words[:40]), str(number))
        problems[problem.id] = problem
        rows.append(row(f"a{number:03}", problem, " ".join(words)))
        for _ in range(rng.randrange(4)):
            words[rng.randrange(60)] = "edited"
        rows.append(row(f"b{number:03}", problem, " ".join(words)))
    samples = table(*rows)
    around = context(*problems.values())
    sketches = {item.sample_id: sketch(item, around, frozenset()) for item in read_rows(samples)}
    expected = {
        f"b{number:03}"
        for number in range(150)
        if similarity(sketches[f"a{number:03}"], sketches[f"b{number:03}"]) >= 0.8
    }
    verdicts = outcomes(get_filter("near_duplicates")(samples, around))
    assert 20 < len(expected) < 140
    assert {sample_id for sample_id, (outcome, _) in verdicts.items() if outcome == "fail"} == expected


def test_several_solutions_of_one_long_problem_stay():
    rows = [row("a", PROBLEM, "11 + 20 + 7\n#### 38"), row("b", PROBLEM, "(11 + 9) + 11 + 7\n#### 38")]
    assert set(judge(*rows).values()) == {("pass", None)}


def test_one_short_solution_of_several_problems_stays():
    other = word_problem("Max buys 11 pens, 20 books and 7 rulers for school. How many things does Max buy?")
    assert set(judge(row("a", PROBLEM), row("b", other), problems=(PROBLEM, other)).values()) == {("pass", None)}


def test_a_problem_with_other_numbers_stays():
    numbers = word_problem(STAMPS.replace("11", "16").replace("13", "9"), "45")
    rows = [row("a", PROBLEM, f"{LONG}\n#### 38"), row("b", numbers, f"{LONG}\n#### 45")]
    assert set(judge(*rows, problems=(PROBLEM, numbers)).values()) == {("pass", None)}


def test_other_methods_are_not_compared():
    assert set(judge(row("a", PROBLEM, LONG), row("b", PROBLEM, LONG, method="critique")).values()) == {("pass", None)}


def test_template_problems_are_compared_by_structure():
    problems = [arithmetic("Ann", start) for start in range(4, 12)]
    rows = [row(str(number), problem, derivation(problem)) for number, problem in enumerate(problems)]
    assert set(judge(*rows, problems=problems).values()) == {("pass", None)}
    ben = arithmetic("Ben", 4)
    again = judge(*rows, row("z", ben, derivation(ben)), problems=[*problems, ben])
    assert again.pop("z") == ("fail", "near_duplicate")
    assert set(again.values()) == {("pass", None)}


def test_a_chain_is_not_followed():
    texts = [" ".join(word(index) for index in range(shift, shift + 104)) for shift in (0, 8, 16)]
    # neighbours share 92 of 108 shingles (0.85), the ends 84 of 116 (0.72)
    verdicts = judge(*(row(name, PROBLEM, text) for name, text in zip("abc", texts, strict=True)))
    assert verdicts == {"a": ("pass", None), "b": ("fail", "near_duplicate"), "c": ("pass", None)}


def test_rows_that_are_rejected_anyway_stand_for_nobody():
    rows = [row("a", PROBLEM, LONG), row("b", PROBLEM, LONG)]
    assert judge(*rows, eligible=frozenset({"b"}))["b"] == ("pass", None)


def test_order_does_not_matter():
    rng = random.Random(2)
    rows = [row(f"{number:02}", PROBLEM, with_end(rng.randrange(70, 100), word(number))) for number in range(40)]
    expected = judge(*rows)
    assert {outcome for outcome, _ in expected.values()} == {"pass", "fail"}
    for _ in range(3):
        rng.shuffle(rows)
        assert judge(*rows) == expected


def test_history_is_estimated_and_says_so():
    signatures = make_signatures(table(row("old", PROBLEM, LONG)), context(PROBLEM))
    samples = table(row("a", PROBLEM, LONG), row("b", PROBLEM, with_end(30, "x")))
    verdicts = get_filter("near_duplicates")(samples, context(PROBLEM, history=signatures))
    assert outcomes(verdicts) == {"a": ("fail", "near_duplicate"), "b": ("pass", None)}
    assert details(verdicts)["a"] == {"kept": "old", "night": None, "similarity": 1.0, "estimated": True}


def test_history_of_template_problems():
    old, new = arithmetic("Ann", 4), arithmetic("Ann", 5)
    signatures = make_signatures(table(row("old", old, derivation(old))), context(old))
    rows = [row("a", new, derivation(new)), row("b", old, derivation(old))]
    assert judge(*rows, problems=(old, new), history=signatures) == {
        "a": ("pass", None),
        "b": ("fail", "near_duplicate"),
    }


def test_history_in_chunks_with_nights():
    tables = [
        make_signatures(table(row(name, PROBLEM, text)), context(PROBLEM)) for name, text in (("o", LONG), ("p", "x"))
    ]
    signatures = pa.concat_tables(tables).append_column("night", pa.array(["2026-01-01", "2026-01-02"]))
    samples = table(row("a", PROBLEM, "x"), row("b", PROBLEM, LONG))
    verdicts = get_filter("near_duplicates")(samples, context(PROBLEM, history=signatures))
    assert {name: (d["kept"], d["night"]) for name, d in details(verdicts).items()} == {
        "a": ("p", "2026-01-02"),
        "b": ("o", "2026-01-01"),
    }


def test_signatures_of_another_scheme_are_left_out_and_told(caplog):
    signatures = make_signatures(table(row("old", PROBLEM, LONG)), context(PROBLEM))
    other = signatures.set_column(signatures.column_names.index("scheme"), "scheme", [["sha1-k64"]])
    assert judge(row("a", PROBLEM, LONG), history=other) == {"a": ("pass", None)}
    assert "1 rows of history have another scheme" in caplog.text


def test_a_night_that_is_judged_again_does_not_find_itself():
    samples = table(row("a", PROBLEM, LONG))
    around = context(PROBLEM, history=make_signatures(samples, context(PROBLEM)))
    assert outcomes(get_filter("near_duplicates")(samples, around)) == {"a": ("pass", None)}


def test_full_buckets_are_logged(caplog):
    rows = [row(f"{number}", PROBLEM, with_end(60, word(number))) for number in range(9)]
    judge(*rows, options={"cap": 2})
    assert "buckets hold over 2 rows" in caplog.text


def test_many_equal_rows_are_not_quadratic():
    verdicts = judge(*(row(f"{number:05}", PROBLEM, "same") for number in range(3_000)))
    assert sum(outcome == "fail" for outcome, _ in verdicts.values()) == 2_999


def test_a_task_is_exact_only_when_it_says_so():
    ann, other = (
        Problem(task="mine", source="x", prompt="p", gold="1", structure=structure) for structure in ("one", "two")
    )
    rows = [row("a", ann, LONG), row("b", other, LONG)]
    assert judge(*rows, problems=(ann, other))["b"][0] == "fail"
    exact = {"exact_structure": ["mine"]}
    assert judge(row("a", ann, LONG), row("b", ann, LONG), problems=(ann,), options=exact)["b"][0] == "fail"
