import json

import pytest

from storage.errors import LakeError
from storage.lake import table_of
from storage.releases import create_release, get_release, list_releases


def accept(lake, *names: str, outcome: str = "accepted", split: str = "train") -> None:
    samples = [
        {"sample_id": name, "problem_id": f"p{name}", "method": "cot", "kind": "sft", "response": name, "tokens": 2,
         "origin": "rule", "source": "s", "night": "2026-01-01/r", "messages": [{"role": "user", "content": name}]}
        for name in names
    ]  # fmt: skip
    problems = [{"problem_id": f"p{name}", "split": split, "license": "MIT", "gold": name} for name in names]
    verdicts = [{"sample_id": name, "filter": "policy", "outcome": outcome} for name in names]
    tables = {"samples": samples, "problems": problems, "verdicts": verdicts}
    lake.commit(f"k:{names}:{outcome}", "test", {name: table_of(name, rows) for name, rows in tables.items()})


def test_a_release_names_the_accepted_rows_and_exports_them(lake):
    accept(lake, "a", "b")
    accept(lake, "c", outcome="rejected")
    accept(lake, "d", split="heldout")
    made = create_release(lake, "set", night="n")
    assert made is not None and made.id == "set@1" and made.rows == 2
    assert made.table()["sample_id"].to_pylist() == ["a", "b"]
    manifest = json.loads((made.path / "manifest.json").read_text())
    assert manifest["rows"] == 2 and manifest["tokens"] == 4 and manifest["licenses"] == {"MIT": 2}


def test_the_same_rows_are_not_released_twice_and_new_ones_make_the_next_version(lake):
    accept(lake, "a")
    first, same = create_release(lake, "set", night="n"), create_release(lake, "set", night="m")
    assert first is not None and same is not None and first.id == same.id
    accept(lake, "b")
    second = create_release(lake, "set", night="o")
    assert second is not None and second.id == "set@2"
    assert [row["release_id"] for row in list_releases(lake.workspace)] == ["set@1", "set@2"]
    assert get_release(lake, "set").id == "set@2" and get_release(lake, "set@1").table().num_rows == 1


def test_a_key_makes_one_release(lake):
    accept(lake, "a")
    first = create_release(lake, "set", night="n", key="k")
    accept(lake, "b")
    again = create_release(lake, "set", night="n", key="k")
    assert first is not None and again is not None and first.id == again.id


def test_a_row_taken_back_leaves_the_next_release_and_stays_in_the_old_one(lake):
    accept(lake, "a", "b")
    create_release(lake, "set", night="n")
    taken = table_of("verdicts", [{"sample_id": "b", "filter": "policy", "outcome": "rejected", "reason": "leak"}])
    lake.commit("taken", "rescan", {"verdicts": taken})
    second = create_release(lake, "set", night="m")
    assert second is not None and second.table()["sample_id"].to_pylist() == ["a"]
    assert get_release(lake, "set@1").table().num_rows == 2


def test_a_changed_file_is_found(lake):
    accept(lake, "a")
    made = create_release(lake, "set", night="n")
    assert made is not None
    next((made.path / "data").iterdir()).write_bytes(b"other")
    with pytest.raises(LakeError, match="missing or changed"):
        made.table()


@pytest.mark.parametrize(("name", "condition"), [("Up/..", "true"), ("set", "no_such_column = 1")])
def test_a_bad_name_or_condition_is_a_sentence(lake, name, condition):
    accept(lake, "a")
    with pytest.raises(LakeError, match="release"):
        create_release(lake, name, night="n", condition=condition)


def test_no_rows_make_no_release(lake):
    assert create_release(lake, "set", night="n") is None
    with pytest.raises(LakeError, match="there are none yet"):
        get_release(lake, "set")
