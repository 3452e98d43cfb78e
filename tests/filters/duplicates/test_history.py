import random

import pyarrow as pa
import pytest

from filters import get_filter
from filters.duplicates.history import open_history
from filters.duplicates.signatures import make_signatures
from filters.duplicates.sketch import EXACT_STRUCTURE, estimate, similarity
from filters.duplicates.sketch import sketch as sketch_row
from filters.rows import read_rows
from storage.history.run import Run
from storage.lake.lake import Lake, table_of
from storage.workspace import Workspace
from synth.sample import problem_row
from tests.filters.helpers import arithmetic, context, derivation, details, outcomes, row, table, word_problem

pytestmark = pytest.mark.slow

PROBLEM, ANN = word_problem(), arithmetic()
ALPHABET = "abcdefghijklmnop"
TEXT = " ".join(f"{a}{b}{c}" for a in "bcd" for b in "aeiou" for c in "lmnr")
SIMILAR = TEXT.replace("bal", "bul", 1)


def accept(lake, night, *rows):
    samples = table(*({**fields, "night": night} for fields in rows))
    problems = table_of("problems", [problem_row(problem, split="train", night=night) for problem in (PROBLEM, ANN)])
    lake.commit(f"samples:{night}", "samples", {"samples": samples, "problems": problems}, night=night)
    signatures = make_signatures(samples, context(PROBLEM, ANN))
    lake.commit(f"curate:{night}", "curate", {"signatures": signatures}, night=night)


@pytest.fixture
def lake(tmp_path):
    with Lake(Workspace.create(tmp_path / "w")) as opened:
        accept(opened, "2026-01-01/x", row("old", PROBLEM, TEXT), row("older", ANN, derivation(ANN)))
        accept(opened, "2026-01-02/x", row("new", PROBLEM, SIMILAR), row("z", PROBLEM, TEXT, method="critique"))
        yield opened


def judge(name, lake, *rows):
    samples = table(*rows)
    return get_filter(name)(samples, context(PROBLEM, ANN, history=open_history(lake)))


@pytest.mark.slow
def test_a_duplicate_says_which_night_and_which_row(lake):
    samples = (row("a", PROBLEM, TEXT), row("b", PROBLEM, SIMILAR.replace("can", "con")), row("c", PROBLEM, "new"))
    verdicts = judge("near_duplicates", lake, *samples)
    assert {name: outcome for name, (outcome, _) in outcomes(verdicts).items()} == {
        "a": "fail",
        "b": "fail",
        "c": "pass",
    }
    assert details(verdicts)["a"] == {"kept": "old", "night": "2026-01-01/x", "similarity": 1.0}
    assert details(verdicts)["b"]["kept"] == "new" and details(verdicts)["b"]["night"] == "2026-01-02/x"
    exact = judge("exact_duplicates", lake, *samples, row("d", ANN, derivation(ANN).upper()))
    assert details(exact) == {
        "a": {"kept": "old", "night": "2026-01-01/x"},
        "b": {},
        "c": {},
        "d": {"kept": "older", "night": "2026-01-01/x"},
    }


def test_a_night_that_is_judged_again_does_not_find_itself(lake):
    samples = (row("old", PROBLEM, TEXT), row("older", ANN, derivation(ANN)))
    assert set(outcomes(judge("exact_duplicates", lake, *samples)).values()) == {("pass", None)}
    near = judge("near_duplicates", lake, *samples)
    assert details(near)["old"]["kept"] == "new"


def test_the_index_says_what_a_table_says(lake):
    tables = [
        make_signatures(table(row("old", PROBLEM, TEXT)), context(PROBLEM)),
        make_signatures(table(row("new", PROBLEM, SIMILAR)), context(PROBLEM)),
    ]
    nights = pa.array(["2026-01-01/x", "2026-01-02/x"])
    signatures = pa.concat_tables(tables).append_column("night", nights)
    samples = table(row("a", PROBLEM, TEXT), row("b", PROBLEM, SIMILAR))
    by_table = get_filter("near_duplicates")(samples, context(PROBLEM, history=signatures))
    by_index = details(judge("near_duplicates", lake, row("a", PROBLEM, TEXT), row("b", PROBLEM, SIMILAR)))
    assert details(by_table) == {name: {**detail, "estimated": True} for name, detail in by_index.items()}


def near_the_threshold(number):
    """Two texts whose exact similarity lies near 0.8, and what exact comparison and signatures say of it."""
    rng = random.Random(number)
    words = rng.sample([f"{a}{b}{c}" for a in ALPHABET for b in ALPHABET for c in ALPHABET], 400)
    others = list(words)
    for index in rng.sample(range(10, 390), rng.choice([8, 9])):
        others[index] = "new"
    first, second = (sketch(row("a", PROBLEM, " ".join(text)), context(PROBLEM)) for text in (words, others))
    return " ".join(words), " ".join(others), similarity(first, second), float(estimate(first.slots, second.slots))


def sketch(fields, around):
    (read,) = read_rows(table(fields))
    return sketch_row(read, around, EXACT_STRUCTURE)


@pytest.mark.parametrize("exact_says", [True, False])
def test_the_exact_similarity_decides_where_signatures_err(lake, exact_says):
    for number in range(500):
        old, new, exact, guess = near_the_threshold(number)
        if exact_says == (exact >= 0.8) != (guess >= 0.8):
            break
    else:
        pytest.fail("no pair of texts on which signatures err")
    accept(lake, "2026-01-03/x", row("near", PROBLEM, old))
    verdicts = judge("near_duplicates", lake, row("t", PROBLEM, new))
    if exact_says:
        assert details(verdicts)["t"] == {"kept": "near", "night": "2026-01-03/x", "similarity": round(exact, 4)}
    else:
        assert outcomes(verdicts)["t"] == ("pass", None)


def test_a_recipe_with_other_tasks_of_exact_structure_still_finds_history(lake):
    samples = table(row("d", ANN, derivation(ANN)))
    around = context(PROBLEM, ANN, history=open_history(lake))
    judged = get_filter("near_duplicates", {"exact_structure": []})(samples, around)
    assert details(judged)["d"]["kept"] == "older"


@pytest.mark.parametrize(("threshold", "least"), [(0.9, 2), (0.8, 2), (0.7, 1)])
def test_two_shared_bands_are_asked_for_where_alike_rows_have_them(lake, monkeypatch, threshold, least):
    asked, candidates = [], Run.candidates

    def watched(run, keys, cap, least_bands=1):
        asked.append(least_bands)
        return candidates(run, keys, cap, least_bands)

    monkeypatch.setattr(Run, "candidates", watched)
    verdicts = get_filter("near_duplicates", {"threshold": threshold})(
        table(row("a", PROBLEM, TEXT)), context(PROBLEM, ANN, history=open_history(lake))
    )
    assert set(asked) == {least} and details(verdicts)["a"]["kept"] == "old"
