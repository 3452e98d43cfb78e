import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from storage.errors import LakeError, QueryError, WorkspaceError
from storage.faults import bring_back, explain, is_passing, refuse_network_file_system
from storage.lake.lake import Lake, table_of
from storage.sql.run import run_sql


@pytest.fixture
def filled(workspace):
    with Lake(workspace) as lake:
        rows = [{"problem_id": str(number), "prompt": "p" * 40} for number in range(1000)]
        lake.commit("k", "test", {"problems": table_of("problems", rows)})
    (file,) = workspace.data.rglob("*.parquet")
    return workspace, file


def reading(workspace) -> str:
    with Lake(workspace, read_only=True) as lake, pytest.raises(LakeError) as caught:
        lake.rows("select sum(length(prompt)) from problems")
    return str(caught.value)


def edit_catalog(workspace, statement: str) -> None:
    """In a process of its own, as somebody else would."""
    code = "import sqlite3, sys; c = sqlite3.connect(sys.argv[1]); c.execute(sys.argv[2]); c.commit(); c.close()"
    subprocess.run([sys.executable, "-c", code, str(workspace.root / "catalog.sqlite"), statement], check=True)


@pytest.mark.slow
@pytest.mark.parametrize(
    "damage", [lambda all_: all_[: len(all_) // 2], lambda all_: b"", lambda all_: b"x" * len(all_)]
)
def test_a_damaged_file_is_named_and_a_copy_put_back_is_enough(filled, damage):
    workspace, file = filled
    whole = file.read_bytes()
    file.write_bytes(damage(whole))
    message = reading(workspace)
    assert str(file) in message and "is damaged" in message and "nightschool lake check" in message
    with Lake(workspace) as lake:  # what is new can still be written
        assert lake.commit("l", "test", {"runs": table_of("runs", [{"run_id": "r"}])}).new
    file.write_bytes(whole)
    with Lake(workspace, read_only=True) as lake:
        assert lake.rows("select sum(length(prompt))::int as n from problems") == [{"n": 40_000}]


def test_a_missing_file_is_named(filled):
    workspace, file = filled
    file.rename(file.with_name("elsewhere"))
    message = reading(workspace)
    assert str(file) in message and "is missing" in message


def test_a_catalogue_of_a_newer_ducklake_is_named_and_left_alone(filled):
    workspace, _ = filled
    edit_catalog(workspace, "update ducklake_metadata set value = '9.9' where key = 'version'")
    before = (workspace.root / "catalog.sqlite").read_bytes()
    for read_only in (True, False):
        with pytest.raises(LakeError, match=r"DuckLake's format 9.9, this version reads .*update Nightschool"):
            Lake(workspace, read_only=read_only)
    assert (workspace.root / "catalog.sqlite").read_bytes() == before


def test_a_catalogue_of_an_older_ducklake_is_not_to_be_updated(filled):
    workspace, _ = filled
    edit_catalog(workspace, "update ducklake_metadata set value = '0.1' where key = 'version'")
    with pytest.raises(
        LakeError, match=r"format 0.1, this version reads \d[\w.-]*\w; .*take the Nightschool that made it"
    ):
        Lake(workspace)


@pytest.mark.parametrize("statement", ["delete from ducklake_snapshot", "drop table ducklake_data_file"])
def test_a_catalogue_that_lacks_ducklakes_rows_or_tables_is_named_to_who_asks_it(filled, statement):
    workspace, _ = filled
    edit_catalog(workspace, statement)
    with pytest.raises((QueryError, WorkspaceError), match=r"the catalogue is damaged .*nightschool lake restore"):
        run_sql(workspace, "select count(*) from problems")


def test_the_youngest_back_up_that_says_what_it_is_is_named(tmp_path):
    for name, text in {"good": "{}", "broken": "{"}.items():
        folder = tmp_path / "backups" / name
        folder.mkdir(parents=True)
        (folder / "backup.json").write_text(text)
    assert "lake restore good`" in bring_back(tmp_path)


def test_a_damaged_catalogue_is_named(filled):
    workspace, _ = filled
    (workspace.root / "catalog.sqlite").write_bytes(b"garbage" * 1000)
    with pytest.raises(LakeError, match=r"catalogue is damaged.*nightschool lake restore"):
        Lake(workspace)


def test_files_without_a_catalogue_are_never_given_a_new_one(filled):
    workspace, _ = filled
    (workspace.root / "catalog.sqlite").unlink()
    with pytest.raises(WorkspaceError, match=r"catalogue .*catalog.sqlite is gone; .*nightschool lake restore"):
        Lake(workspace)
    assert not (workspace.root / "catalog.sqlite").exists()


MOUNTS = """
/dev/sda1 / ext4 rw 0 0
server:/export /home nfs4 rw,vers=4.2 0 0
/dev/sdb1 /home/fast\\040disk xfs rw 0 0
//nas/share /mnt/nas cifs rw 0 0
me@far: /mnt/far fuse.sshfs rw 0 0
tmpfs /tmp tmpfs rw 0 0
"""


@pytest.mark.parametrize(
    ("folder", "kind"),
    [("/home/me/w", "nfs4"), ("/home", "nfs4"), ("/mnt/nas/a/b", "cifs"), ("/mnt/far/w", "fuse.sshfs"), ("/srv/w", None),
     ("/home/fast disk/w", None), ("/tmp/w", None), ("/homework", None)],
)  # fmt: skip
def test_a_workspace_on_a_network_file_system_is_refused(tmp_path, folder, kind):
    root = tmp_path.__class__(folder)
    if kind is None:
        refuse_network_file_system(root, MOUNTS)
    else:
        with pytest.raises(WorkspaceError, match=rf"network file system \({kind} at .*put it on a local disk"):
            refuse_network_file_system(root, MOUNTS)


@pytest.mark.parametrize(
    "words",
    [
        "database or disk is full",
        "[Errno 28] No space left on device: 'x'",
        'Failed to execute query "PRAGMA journal_mode=WAL": disk I/O error',  # what SQLite says where its -shm finds no room
        "unable to open database file",
    ],
)
def test_a_disk_that_takes_nothing_has_a_remedy(words):
    error = sqlite3.OperationalError(words)
    text = explain(error, Path("/w"))
    assert words in text and "/w" in text and "run the same command again" in text
    assert not is_passing(error)


@pytest.mark.parametrize(
    "statement",
    [
        "select cast('disk image is malformed' as int)",
        "select error('file is not a database')",
        "select 'disk is full'::date",
    ],
)
def test_words_that_an_error_quotes_say_nothing_of_the_catalogue(filled, statement):
    with pytest.raises(QueryError) as error:
        run_sql(filled[0], statement)
    assert "restore" not in str(error.value) and "free some space" not in str(error.value)
