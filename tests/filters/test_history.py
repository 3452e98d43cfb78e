import pyarrow as pa
import pytest

from filters import get_filter
from filters.history import open_history
from filters.signatures import make_signatures
from storage.lake import Lake
from storage.workspace import Workspace
from tests.filters.helpers import arithmetic, context, derivation, details, outcomes, row, table, word_problem

PROBLEM, ANN = word_problem(), arithmetic()
TEXT = " ".join(f"{a}{b}{c}" for a in "bcd" for b in "aeiou" for c in "lmnr")
SIMILAR = TEXT.replace("bal", "bul", 1)


def accept(lake, night, *rows):
    made = make_signatures(table(*rows), context(PROBLEM, ANN))
    lake.commit(f"curate:{night}", "curate", {"signatures": made}, night=night)


@pytest.fixture
def lake(tmp_path):
    with Lake(Workspace.create(tmp_path / "w")) as opened:
        accept(opened, "2026-01-01/x", row("old", PROBLEM, TEXT), row("older", ANN, derivation(ANN)))
        accept(opened, "2026-01-02/x", row("new", PROBLEM, SIMILAR), row("z", PROBLEM, TEXT, method="critique"))
        yield opened


def judge(name, lake, *rows):
    samples = table(*rows)
    return get_filter(name)(samples, context(PROBLEM, ANN, history=open_history(lake)))


def test_a_duplicate_says_which_night_and_which_row(lake):
    samples = (row("a", PROBLEM, TEXT), row("b", PROBLEM, SIMILAR.replace("can", "con")), row("c", PROBLEM, "new"))
    found = judge("near_duplicates", lake, *samples)
    assert {name: outcome for name, (outcome, _) in outcomes(found).items()} == {"a": "fail", "b": "fail", "c": "pass"}
    assert details(found)["a"] == {"kept": "old", "night": "2026-01-01/x", "similarity": 1.0, "estimated": True}
    assert details(found)["b"]["kept"] == "new" and details(found)["b"]["night"] == "2026-01-02/x"
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
    known = pa.concat_tables(tables).append_column("night", nights)
    samples = table(row("a", PROBLEM, TEXT), row("b", PROBLEM, SIMILAR))
    by_table = get_filter("near_duplicates")(samples, context(PROBLEM, history=known))
    assert details(by_table) == details(
        judge("near_duplicates", lake, row("a", PROBLEM, TEXT), row("b", PROBLEM, SIMILAR))
    )
