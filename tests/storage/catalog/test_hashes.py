"""Every file of the lake has the hash that it was committed with, whatever wrote it and whoever was killed."""

import os
import random
from pathlib import Path

import pytest

from storage.catalog.catalog import catalog_of
from storage.catalog.hashes import Hashing, lake_files, recorded_hashes
from storage.errors import LakeError
from storage.lake.lake import Lake, table_of
from storage.lake.maintenance import compact_lake, maintain_lake
from storage.upkeep.check import run_checks
from storage.upkeep.files import damaged_files
from storage.workspace import Workspace

ROWS = 1_000


def commit(lake: Lake, number: int) -> None:
    rows = [{"problem_id": f"{number}-{row}", "prompt": f"What is {row} + {number}?"} for row in range(ROWS)]
    lake.commit(f"k{number}", "test", {"problems": table_of("problems", rows)})


def files(lake: Lake) -> set[str]:
    return {file.path for file in lake_files(lake.connection, lake.workspace, lake.catalog)}


def hashed(lake: Lake) -> set[str]:
    return set(recorded_hashes(lake.workspace, lake.catalog))


def forget(lake: Lake) -> None:
    """Make the lake one of before."""
    with lake.catalog.transaction() as execute:
        execute("delete from nightschool_files")
        execute("delete from nightschool_meta where name = 'hashed'")


def flip(path: Path, bit: int) -> None:
    data = bytearray(path.read_bytes())
    data[bit // 8] ^= 1 << bit % 8
    path.write_bytes(data)


@pytest.mark.slow
def test_a_deep_check_finds_every_flipped_bit_of_200(tmp_path):
    chance = random.Random(5)
    with Lake(Workspace.create(tmp_path / "w")) as lake:
        for number in range(2):
            commit(lake, number)
        paths = sorted(files(lake))
        assert len(paths) == 2 and list(damaged_files(lake, deep=True)) == []
        missed, seen = [], []
        for turn in range(200):
            path = Path(chance.choice(paths))
            bit = chance.randrange(8 * path.stat().st_size)
            flip(path, bit)
            if not any(str(path) in line for line in damaged_files(lake, deep=True)):
                missed.append((path.name, bit))
            if turn < 20:
                seen.append(any(damaged_files(lake)))
            flip(path, bit)
        assert missed == [] and not all(seen)  # sizes and footers alone do not see them
        assert run_checks(lake, deep=True, only=["files"]) == {"files": []}


@pytest.mark.slow
def test_compaction_does_not_make_a_damaged_row_a_good_one(tmp_path):
    with Lake(Workspace.create(tmp_path / "w")) as lake:
        for number in range(3):
            commit(lake, number)
        path = Path(min(files(lake)))
        flip(path, 8 * 2_000)
        with pytest.raises(LakeError, match=f"{path.name} has changed since it was committed"):
            compact_lake(lake)
        flip(path, 8 * 2_000)
        compact_lake(lake)
        assert files(lake) <= hashed(lake) and list(damaged_files(lake, deep=True)) == []


@pytest.mark.slow
def test_what_merging_deleting_and_restoring_write_is_hashed_on_either_catalogue(either):
    with Lake(either) as lake:
        for number in range(2):
            commit(lake, number)
        lake.commit("gone", "test", {}, first=lambda connection: _delete(connection))
        assert files(lake) == hashed(lake) and len(files(lake)) == 3
        maintain_lake(lake)
        commit(lake, 2)
        assert files(lake) <= hashed(lake) and list(damaged_files(lake, deep=True)) == []


def _delete(connection) -> dict:
    connection.execute("delete from problems where problem_id like '0-1%'")
    return {}


def test_a_lake_of_before_is_said_to_have_no_hashes_until_maintenance_records_them(tmp_path):
    with Lake(Workspace.create(tmp_path / "w")) as lake:
        commit(lake, 0)
        forget(lake)
        (line,) = damaged_files(lake, deep=True)
        assert "1 of 1 files have no hash" in line and "lake maintain" in line and list(damaged_files(lake)) == []
        commit(lake, 1)
        (line,) = damaged_files(lake, deep=True)
        assert "1 of 2 files have no hash" in line
        assert maintain_lake(lake)["hashes_added"] >= 0
        assert files(lake) <= hashed(lake) and list(damaged_files(lake, deep=True)) == []


def test_a_commit_whose_hashes_cannot_be_recorded_is_none(tmp_path, monkeypatch):
    def full(*_):
        raise LakeError("the disk is full")

    with Lake(Workspace.create(tmp_path / "w")) as lake:
        with monkeypatch.context() as disk, pytest.raises(LakeError, match="the disk is full"):
            disk.setattr("storage.catalog.hashes._record", full)
            commit(lake, 0)
        assert not files(lake) and list(damaged_files(lake, deep=True)) == []
        commit(lake, 0)
        assert files(lake) == hashed(lake) and list(damaged_files(lake, deep=True)) == []


def test_a_folder_that_cannot_be_listed_ends_a_commit_with_a_sentence(tmp_path, monkeypatch):
    scandir, error = os.scandir, [OSError(5, "Input/output error")]

    def listed(folder):
        if str(folder).endswith("problems") and error:
            raise error.pop()
        return scandir(folder)

    with Lake(Workspace.create(tmp_path / "w")) as lake:
        commit(lake, 0)
        with monkeypatch.context() as disk, pytest.raises(LakeError, match="cannot be listed"):
            disk.setattr("storage.catalog.hashes.os.scandir", listed)
            commit(lake, 1)
        commit(lake, 1)
        assert files(lake) == hashed(lake) and len(files(lake)) == 2


def test_what_others_have_in_the_lakes_folder_is_left_alone(tmp_path, monkeypatch):
    scandir = os.scandir

    def listed(folder):
        if str(folder).endswith("lost+found"):
            raise PermissionError(13, "Permission denied")
        return scandir(folder)

    with Lake(Workspace.create(tmp_path / "w")) as lake:
        commit(lake, 0)
        (lake.workspace.data / "lost+found").mkdir()
        table = lake.workspace.data / "main" / "problems"
        monkeypatch.setattr("storage.catalog.hashes.os.scandir", listed)
        before = Hashing(lake.connection, lake.workspace, lake.catalog)
        (table / ".nfs0001").write_bytes(b"?")
        (table / "gone.parquet").symlink_to(tmp_path / "nowhere")
        before.before_commit()
        assert files(lake) == hashed(lake)


def test_a_process_that_is_killed_at_its_commit_leaves_no_file_without_a_hash(tmp_path, monkeypatch):
    with Lake(Workspace.create(tmp_path / "w")) as lake:
        commit(lake, 0)
        with monkeypatch.context() as killed, pytest.raises(KeyboardInterrupt):
            killed.setattr(Hashing, "after_commit", lambda _: _kill())
            commit(lake, 1)
        assert len(files(lake)) == 2 and files(lake) == hashed(lake)


def _kill() -> None:
    raise KeyboardInterrupt


def test_maintenance_forgets_the_hash_of_a_file_that_no_commit_names(tmp_path, monkeypatch):
    with Lake(Workspace.create(tmp_path / "w")) as lake:
        commit(lake, 0)
        with monkeypatch.context() as killed, pytest.raises(KeyboardInterrupt):
            killed.setattr(Hashing, "before_commit", _then_kill(Hashing.before_commit))
            commit(lake, 1)
        lake.connection.execute("ROLLBACK")
        (orphan,) = hashed(lake) - files(lake)
        maintain_lake(lake)
        assert orphan not in hashed(lake) and files(lake) <= hashed(lake)


def _then_kill(work):
    def done(hashing: Hashing) -> None:
        work(hashing)
        _kill()

    return done


def test_the_hash_of_an_object_that_a_killed_process_could_not_record_the_next_commit_does(tmp_path, monkeypatch):
    """An object store, played by the lake's folder."""
    with Lake(Workspace.create(tmp_path / "w")) as lake:
        monkeypatch.setattr(Hashing, "before_commit", lambda hashing: setattr(hashing, "_remote", True))
        for number in range(2):
            with monkeypatch.context() as killed:
                killed.setattr(Hashing, "after_commit", lambda _: None)
                commit(lake, number)
        assert len(files(lake)) == 2 and not hashed(lake)
        commit(lake, 2)
        assert len(files(lake)) == 3 and files(lake) == hashed(lake)
        assert catalog_of(lake.workspace).note("hashed") is not None
