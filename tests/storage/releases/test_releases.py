import json
import shutil
from datetime import UTC, datetime, timedelta
from functools import partial
from unittest.mock import Mock

import pytest

from storage.catalog.leases import acquire
from storage.errors import LakeError
from storage.lake.lake import Lake, table_of
from storage.lake.maintenance import clean
from storage.releases import external_sort
from storage.releases.checks import diff_releases, verify_release
from storage.releases.making import create_release
from storage.releases.reading import get_release, list_releases
from storage.releases.shards import ShardWriter
from storage.upkeep.check import run_checks
from tests.storage.small import build


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    return build(tmp_path_factory.mktemp("small") / "w")


def accept(lake, *names: str, outcome: str = "accepted", split: str = "train", **columns) -> None:
    samples = [
        {"sample_id": name, "problem_id": f"p{name}", "method": "cot", "kind": "sft", "response": name, "words": 2,
         "origin": "rule", "source": "s", "night": "2026-01-01/r",
         "messages": [{"role": "user", "content": name}], **columns}
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
    release = create_release(lake, "set", night="n")
    assert release is not None and release.id == "set@1" and release.rows == 2
    assert release.table()["sample_id"].to_pylist() == ["a", "b"]
    manifest = json.loads((release.path / "manifest.json").read_text())
    assert manifest["rows"] == 2 and manifest["words"] == 4 and manifest["licenses"] == {"MIT": 2}


def test_a_release_demands_licences_of_who_wrote_its_rows(lake):
    """An unknown licence is none that was demanded; a row that nobody's licence was kept of is not taken either."""
    accept(lake, "free", licenses=["Apache-2.0", "MIT"])
    accept(lake, "bound", licenses=["Apache-2.0", "no-competing-models"])
    accept(lake, "unsaid", licenses=["unknown"])
    accept(lake, "old")
    demanded = create_release(
        lake, "demanded", night="n", condition="licenses is not null and list_has_all(['Apache-2.0', 'MIT'], licenses)"
    )
    assert demanded is not None and demanded.table()["sample_id"].to_pylist() == ["free"]
    known = create_release(lake, "known", night="n", condition="not list_contains(licenses, 'unknown')")
    assert known is not None and known.table()["sample_id"].to_pylist() == ["bound", "free"]


def test_tokens_of_the_model_that_learns_are_exported_where_they_are_known(lake):
    accept(lake, "a", "b", tokens=7)
    release = create_release(lake, "set", night="n")
    assert release.manifest["model_tokens"] == 14 and release.table()["model_tokens"].to_pylist() == [7, 7]
    accept(lake, "c")
    release = create_release(lake, "set", night="n")
    assert release.manifest["model_tokens"] is None and release.table()["model_tokens"].to_pylist() == [7, 7, None]


def test_the_same_rows_are_not_released_twice_and_new_ones_make_the_next_version(lake):
    accept(lake, "a")
    first, same = create_release(lake, "set", night="n"), create_release(lake, "set", night="m")
    assert first is not None and same is not None and first.id == same.id
    accept(lake, "b")
    second = create_release(lake, "set", night="o")
    assert second is not None and second.id == "set@2"
    assert [row["release_id"] for row in list_releases(lake.workspace)] == ["set@1", "set@2"]
    assert get_release(lake, "set").id == "set@2" and get_release(lake, "set@1").table().num_rows == 1


def test_an_export_that_the_lake_does_not_know_is_replaced_by_the_same_and_moved_aside_for_another(lake, monkeypatch):
    accept(lake, "a")
    with monkeypatch.context() as patched, pytest.raises(KeyboardInterrupt):
        patched.setattr(Lake, "commit", Mock(side_effect=KeyboardInterrupt))
        create_release(lake, "set", night=None)
    folder = lake.workspace.root / "releases" / "set"
    assert create_release(lake, "set", night=None).id == "set@1"
    assert [path.name for path in folder.iterdir()] == ["1"]
    shutil.copytree(folder / "1", folder / "2")
    before = (folder / "2" / "manifest.json").read_bytes()
    accept(lake, "b")
    assert create_release(lake, "set", night=None).id == "set@2"
    assert (folder / "2.aside-1" / "manifest.json").read_bytes() == before
    assert run_checks(lake, only=["releases"])["releases"] == []
    with acquire(lake.catalog, "maintenance") as lease:
        for moment, gone in (
            (datetime.now(UTC) - timedelta(days=7), []),
            (datetime.now(UTC), ["releases/set/2.aside-1"]),
        ):
            assert clean(lake, lease, moment)["exports_removed"] == gone
    assert sorted(path.name for path in folder.iterdir()) == ["1", "2"]


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
    release = create_release(lake, "set", night="n")
    assert release is not None
    next((release.path / "data").iterdir()).write_bytes(b"other")
    with pytest.raises(LakeError, match="missing or changed"):
        release.table()


@pytest.mark.parametrize(("name", "condition"), [("Up/..", "true"), ("set", "no_such_column = 1")])
def test_a_bad_name_or_condition_is_a_sentence(lake, name, condition):
    accept(lake, "a")
    with pytest.raises(LakeError, match="release"):
        create_release(lake, name, night="n", condition=condition)


def test_no_rows_make_no_release(lake):
    assert create_release(lake, "set", night="n") is None
    with pytest.raises(LakeError, match="there are none yet"):
        get_release(lake, "set")


@pytest.mark.parametrize(
    "condition", ["true) or (true", "random() < 0.5", "a.sample_id in (from read_text('/etc/passwd'))"]
)
def test_a_condition_is_inspected(lake, condition):
    accept(lake, "a")
    with pytest.raises(LakeError, match=r"write one condition|each time|read_text"):
        create_release(lake, "set", night=None, condition=condition)


def test_files_are_cut_by_size_and_hold_every_row_in_order(lake, monkeypatch):
    monkeypatch.setattr(external_sort, "BUCKET_ROWS", 7)
    monkeypatch.setattr("storage.releases.making.ShardWriter", partial(ShardWriter, shard_bytes=2000))
    names = [f"r{n:03d}" for n in range(60)]
    accept(lake, *names)
    release = create_release(lake, "set", night=None)
    assert len(release.manifest["files"]) > 3
    assert [row for batch in release.batches(["sample_id"]) for row in batch["sample_id"].to_pylist()] == names
    assert release.table().num_rows == 60 and verify_release(lake, release) == []


def test_many_buckets_make_the_same_release(lake, monkeypatch):
    accept(lake, *(f"row{number:02}" for number in range(20)))
    one = create_release(lake, "one", night=None)
    monkeypatch.setattr(external_sort, "BUCKET_ROWS", 3)
    many = create_release(lake, "many", night=None)
    assert one.content_hash == many.content_hash and one.table() == many.table()
    assert verify_release(lake, many) == [] and not list(lake.workspace.folder("spill").iterdir())


def test_a_manifest_says_what_the_rows_are(small):
    with Lake(small) as lake:
        manifest = get_release(lake, "set").manifest
    assert manifest["by_method"] == {"cot": 12, "tutorship": 8} and manifest["words"] == 60
    assert manifest["by_method_and_source"][0] == {"method": "cot", "source": "made", "rows": 12, "words": 36}
    assert manifest["stages"] == [
        {"method": "cot", "made": 16, "accepted": 12, "rejected": 4},
        {"method": "tutorship", "made": 8, "accepted": 8, "rejected": 0},
    ]
    assert manifest["rejections"] == [{"reason": "answer:wrong", "rows": 4}]
    assert manifest["models"] == [
        {"model": "teacher@1", "role": "teacher", "sampling": {"temperature": 1.0}, "calls": 20}
    ]
    assert manifest["licenses"] == {"MIT": 20} and manifest["nights"] == {"2026-01-01/r": 10, "2026-01-02/r": 10}


@pytest.mark.slow
def test_two_releases_are_compared(lake):
    accept(lake, "a", "b")
    create_release(lake, "set", night="n")
    taken = table_of("verdicts", [{"sample_id": "b", "filter": "policy", "outcome": "rejected", "reason": "leak"}])
    lake.commit("taken", "rescan", {"verdicts": taken})
    accept(lake, "c", "d")
    create_release(lake, "set", night="m")
    difference = diff_releases(lake, "set@1", "set")
    assert (difference["rows_in"], difference["rows_out"], difference["kept"]) == (2, 1, 1)
    assert difference["by_method"][0]["words_in"] == 4 and difference["reasons"] == [{"reason": "leak", "rows": 1}]


def test_what_is_wrong_with_a_release_is_named(lake):
    accept(lake, "a", "b")
    release = create_release(lake, "set", night="n")
    assert verify_release(lake, release) == []
    (release.path / "data" / "more.parquet").write_bytes(b"x")
    assert "more.parquet is not in the manifest" in verify_release(lake, release)[0]
    (release.path / "data" / "more.parquet").unlink()
    file = next((release.path / "data").iterdir())
    content = file.read_bytes()
    file.chmod(0o644)
    file.write_bytes(content[:-9] + b"!" + content[-8:])
    assert "has changed" in verify_release(lake, release)[0]
    file.unlink()
    assert "is missing" in verify_release(lake, release)[0]
    file.write_bytes(content)
    (release.path / "manifest.json").write_text("{}")
    assert "not what the lake recorded" in verify_release(lake, release)[0]


@pytest.mark.parametrize(
    "where", ["storage.releases.shards.pq.ParquetWriter.write_table", "storage.releases.external_sort.pc.sort_indices"]
)
def test_a_full_disk_is_a_sentence_and_records_nothing(lake, monkeypatch, where):
    accept(lake, "a", "b")

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(where, full)
    with pytest.raises(
        LakeError,
        match=r"set@1 cannot be written .* nothing was recorded: .*No space left.* run the same command again",
    ):
        create_release(lake, "set", night=None)
    monkeypatch.undo()
    assert list_releases(lake.workspace) == [] and not list((lake.workspace.root / "releases" / "set").iterdir())
    assert create_release(lake, "set", night=None).id == "set@1"
    assert not list((lake.workspace.root / "spill").iterdir())
