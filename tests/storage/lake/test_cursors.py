import pytest

from storage.errors import LakeError
from storage.lake.cursors import changes_since, forget
from storage.lake.lake import Lake, table_of


def add(lake: Lake, *names: str) -> None:
    rows = [{"problem_id": name, "prompt": "x" * 200} for name in names]
    lake.commit(f"k:{names}", "test", {"problems": table_of("problems", rows)})


def ids(changes) -> list[str]:
    return sorted(
        name for batch in changes.batches("problems", ["problem_id"]) for name in batch["problem_id"].to_pylist()
    )


def test_a_consumer_sees_each_row_once_it_acknowledges(either):
    with Lake(either) as lake:
        add(lake, "a", "b")
        first = changes_since(lake, "index")
        assert (first.since, first.until) == (0, 1) and ids(first) == ["a", "b"]
        assert ids(changes_since(lake, "index")) == ["a", "b"], "not acknowledged: the same again"
        first.acknowledge()
        assert ids(changes_since(lake, "index")) == [] and ids(changes_since(lake, "other")) == ["a", "b"]
        add(lake, "c")
    with Lake(either) as lake:
        second = changes_since(lake, "index")
        assert ids(second) == ["c"] and second.since == 1
        second.acknowledge()
        with pytest.raises(LakeError, match="moved by another process"):
            second.acknowledge()
        forget(lake, "index")
        assert ids(changes_since(lake, "index")) == ["a", "b", "c"]


def test_deletes_rewrites_compaction_and_expiry_do_not_make_old_rows_new(lake):
    many = [f"old{n:05d}" for n in range(3000)]  # enough for Parquet files
    add(lake, *many)
    add(lake, *(f"more{n:05d}" for n in range(3000)))
    changes_since(lake, "index").acknowledge()
    add(lake, *(f"new{n:05d}" for n in range(3000)))
    for statement in (
        "delete from problems where problem_id = 'old00007' or problem_id = 'new00007'",
        "call ducklake_rewrite_data_files('lake', 'problems', delete_threshold => 0)",
        "call ducklake_merge_adjacent_files('lake')",
        "call ducklake_expire_snapshots('lake', older_than => now())",
        "call ducklake_cleanup_old_files('lake', cleanup_all => true)",
    ):
        lake.connection.execute(statement)
    assert ids(changes_since(lake, "index")) == [f"new{n:05d}" for n in range(3000) if n != 7]


def test_many_commits_are_one_question(lake, monkeypatch):
    monkeypatch.setattr("storage.lake.cursors.LISTED_COMMITS", 2)
    for name in "abcd":
        add(lake, name)
    assert ids(changes_since(lake, "index")) == ["a", "b", "c", "d"]


def test_a_cursor_of_a_lake_that_was_set_back_is_named(lake):
    add(lake, "a")
    changes = changes_since(lake, "index")
    changes.acknowledge()
    lake.connection.execute("delete from commits")
    with pytest.raises(LakeError, match="restored from a back-up"):
        changes_since(lake, "index")


def test_an_unknown_table_is_a_sentence(lake):
    add(lake, "a")
    with pytest.raises(LakeError, match="did you mean 'samples'"):
        list(changes_since(lake, "index").batches("sampels"))
