import pytest

from storage.backup import back_up, restore
from storage.catalog import catalog_of
from storage.check import check_lake
from storage.cursors import changes_since
from storage.errors import LakeError
from storage.lake import Lake, table_of
from storage.maintenance import maintain
from storage.release_checks import verify_release
from storage.releases import create_release, get_release
from tests.storage.test_releases import accept


def commit(lake, number: int) -> None:
    rows = [{"problem_id": f"{number}-{one}", "split": "heldout"} for one in range(30)]
    lake.commit(f"k{number}", "test", {"problems": table_of("problems", rows)})


def ids(changes) -> set[str]:
    return {name for batch in changes.batches("problems", ["problem_id"]) for name in batch["problem_id"].to_pylist()}


def test_a_release_verifies_and_the_lake_is_clean_after_compaction_and_expiry(either):
    with Lake(either) as lake:
        accept(lake, "a", "b")
        made = create_release(lake, "set", night="n")
        for number in range(6):
            commit(lake, number)
    done = maintain(either, keep_days=0, grace_days=0)
    assert done.merged >= 6 and done.into < done.merged and done.expired > 0 and done.removed > 0
    assert maintain(either, keep_days=0, grace_days=0).merged == 0
    with Lake(either, read_only=True) as lake:
        assert made is not None and verify_release(lake, get_release(lake, made.id)) == []
        assert check_lake(lake) == []
        assert len(list(either.data.rglob("*.parquet"))) <= 12


def test_a_cursor_is_right_through_deletes_rewrites_compaction_and_expiry(either):
    with Lake(either) as lake:
        for number in range(3):
            commit(lake, number)
        changes_since(lake, "me").acknowledge()
        commit(lake, 3)
        lake.connection.execute("delete from problems where problem_id in ('0-1', '3-1')")
        lake.connection.execute("call ducklake_rewrite_data_files('lake', delete_threshold => 0.0)")
    maintain(either, keep_days=0, grace_days=0)
    with Lake(either) as lake:
        new = changes_since(lake, "me")
        assert (new.since, new.until) == (3, 4) and ids(new) == {f"3-{one}" for one in range(30)} - {"3-1"}
        new.acknowledge()
        assert changes_since(lake, "me").commits == ()


def test_a_catalogue_is_backed_up_and_restored_and_what_was_there_is_kept(either):
    with Lake(either) as lake:
        commit(lake, 0)
        with lake.lock():
            copy = back_up(either, lake.catalog)
        commit(lake, 1)
        changes_since(lake, "me").acknowledge()
    kept = restore(either, catalog_of(either), copy)
    with Lake(either) as lake:
        assert lake.has("k0") and not lake.has("k1") and check_lake(lake) == []
        commit(lake, 2)
    assert kept is not None
    restore(either, catalog_of(either), kept)
    with Lake(either) as lake:
        assert lake.has("k1") and not lake.has("k2")
    (copy / "workspace.json").write_text("{}")
    with pytest.raises(LakeError, match=r"workspace.json changed since it was made"):
        restore(either, catalog_of(either), copy)


def test_the_check_names_what_is_wrong(workspace):
    with Lake(workspace) as lake:
        accept(lake, "a", "b")
        made = create_release(lake, "set", night="n")
        commit(lake, 0)
        assert made is not None and check_lake(lake) == []
        lake.connection.execute("delete from problems where problem_id = '0-1'")
        lake.connection.execute("insert into runs (run_id, commit_id) values ('r', 'nowhere')")
        next((made.path / "data").iterdir()).write_bytes(b"other")
        found = "\n".join(check_lake(lake))
    for words in ("commit k0 has 29 rows of 30", "1 rows belong to no commit", "has changed; restore it"):
        assert words in found
