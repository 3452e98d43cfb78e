"""Some rows of a release and some problems of the lake: by SQL, method and task, and a choice that stays the same."""

import pytest

from storage.errors import LakeError, QueryError, RecipeError
from storage.lake.lake import Lake, table_of
from storage.releases.reading import get_release, rows_where
from storage.releases.selection import Selection, any_of, check_selection, select_problems, select_rows
from tests.storage.small import build

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def lake(tmp_path_factory):
    with Lake(build(tmp_path_factory.mktemp("selection") / "w")) as lake:
        held = [
            {"problem_id": "held", "task": "arithmetic", "split": "heldout", "structure_id": "p00", "prompt": "What is 0 + 1?"},
            {"problem_id": "twin", "task": "arithmetic", "split": "train", "structure_id": "s", "tier": 9, "prompt": "a",
             "gold": "1"},
        ]  # fmt: skip
        lake.commit("more", "problems", {"problems": table_of("problems", held)})
        yield lake


def ids(lake, **selection) -> list[str]:
    return select_rows(get_release(lake, "set@2"), Selection(**selection))["sample_id"].to_pylist()


def test_rows_are_selected_by_condition_method_and_task(lake):
    everything = ids(lake)
    assert len(everything) == 20 and everything == sorted(everything)
    assert ids(lake, methods=("tutorship",)) == [
        sample_id for sample_id in everything if sample_id.startswith("tutorship")
    ]
    assert ids(lake, where="method = 'cot' or tier > 5", tasks=("arithmetic",)) == ids(lake, methods=("cot",))
    assert ids(lake, tasks=("it's none",)) == [] and ids(lake, methods=()) == []


def test_a_condition_in_a_process_of_its_own_selects_the_same(lake):
    cot = ids(lake, methods=("cot",))
    assert ids(lake, where="method like 'c%' and length(response) > 0") == cot
    assert rows_where(get_release(lake, "set@2"), "method like 'c%'")["sample_id"].to_pylist() == cot
    assert rows_where(get_release(lake, "set@2"), "method like 'nobody%'").num_rows == 0
    assert ids(lake, where="method like 'c%'", limit=4, seed=1) == ids(lake, methods=("cot",), limit=4, seed=1)
    last = lake.last_seq()
    problems = select_problems(lake, Selection("length(prompt) = 1"), last)
    assert problems == select_problems(lake, Selection("tier > 5"), last) != []
    with pytest.raises(QueryError, match="difficulty"):
        ids(lake, where="length(difficulty) > 3")


def test_a_limit_is_a_choice_by_seed_and_id_whatever_else_is_there(lake):
    some = ids(lake, limit=5, seed=1)
    assert len(some) == 5 and some == ids(lake, limit=5, seed=1) and some == sorted(some)
    assert some != ids(lake, limit=5, seed=2) and some != ids(lake)[:5]
    cot = ids(lake, methods=("cot",), limit=4, seed=1)
    fewer = ids(
        lake,
        methods=("cot",),
        where=f"sample_id in ({', '.join(repr(sample_id) for sample_id in cot)})",
        limit=4,
        seed=1,
    )
    assert fewer == cot, "the rows that are not chosen do not matter"


def test_problems_are_those_that_were_drawn_and_share_no_structure_with_one_held_out(lake):
    last = lake.last_seq()
    drawn = [row["problem_id"] for row in select_problems(lake, Selection(), last)]
    assert "twin" in drawn and "held" not in drawn and "p00" not in drawn and "p01" in drawn
    assert "twin" not in [row["problem_id"] for row in select_problems(lake, Selection(), last - 1)]
    assert [row["problem_id"] for row in select_problems(lake, Selection("tier > 5"), last)] == ["twin"]


@pytest.mark.parametrize(
    "where",
    [
        "tier < 3) or (true",
        "tier in (select 1 from read_csv('/etc/passwd'))",
        "random() < 0.5",
        "1; drop table samples",
    ],
)
def test_more_than_a_condition_is_refused(lake, where):
    with pytest.raises(QueryError):
        ids(lake, where=where)
    with pytest.raises(QueryError):
        select_problems(lake, Selection(where), 1)
    for problems in (False, True):
        with pytest.raises(RecipeError, match=r"train.plan.0.sft.where"):
            check_selection(lake, Selection(where), "train.plan.0.sft", problems=problems)


def test_a_column_that_is_not_there_is_named_before_anything_is_paid(lake):
    with pytest.raises(LakeError, match="difficulty"):
        ids(lake, where="difficulty > 3")
    for problems in (False, True):
        with pytest.raises(RecipeError, match="method" if problems else "difficulty"):
            check_selection(lake, Selection("method = 'cot'" if problems else "difficulty > 3"), "k", problems=problems)
    check_selection(lake, Selection("tier > 3 and method = 'cot'", tasks=("a",)), "k")
    check_selection(lake, Selection("tier > 3 and prompt like '%+%'"), "k", problems=True)


def test_any_of_several():
    assert any_of([]) == "true"
    assert any_of([Selection(tasks=("a",)), Selection("tier > 1")]) == "(task in ('a')) or ((tier > 1\n))"
