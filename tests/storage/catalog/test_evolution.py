import json
import subprocess
import sys
import tarfile
from pathlib import Path

import pyarrow as pa
import pytest

from storage import views
from storage.catalog import evolution
from storage.errors import LakeError, WorkspaceError
from storage.lake.lake import Lake, table_of
from storage.messages import chat_of
from storage.releases.reading import get_release
from storage.schema import TABLES
from storage.workspace import FORMAT_VERSION, Workspace
from synth.tools.calls import ToolCall, turn_of

ARCHIVE = Path(__file__).parent / "format1.tar.gz"


@pytest.fixture
def old(tmp_path) -> Path:
    """A workspace as version 0.1 of format 1 wrote it."""
    with tarfile.open(ARCHIVE) as archive:
        archive.extractall(tmp_path / "old", filter="data")
    return tmp_path / "old"


@pytest.mark.slow
def test_an_older_workspace_is_migrated_after_a_copy_of_its_catalogue(old):
    with Lake(Workspace.open(old)) as lake:
        assert lake.rows("select made, accepted, rejected from funnel") == [
            {"made": 40, "accepted": 30, "rejected": 10}
        ]
        assert get_release(lake, "old@1").table().num_rows == 30
        assert lake.rows("select count(*) as n from samples") == [{"n": 40}]
    assert json.loads((old / "workspace.json").read_text())["format"] == FORMAT_VERSION
    (copy,) = (old / "backups").glob("format-1-*")
    assert json.loads((copy / "workspace.json").read_text())["format"] == 1 and (copy / "catalog.sqlite").exists()
    with Lake(Workspace.open(old)) as lake:
        assert lake.has("one")
    assert len(list((old / "backups").iterdir())) == 1


def test_reading_an_older_workspace_says_what_to_do(old):
    with pytest.raises(WorkspaceError, match=r"has format 1.*nightschool lake migrate"):
        Lake(Workspace.open(old), read_only=True)


@pytest.mark.slow
def test_a_migration_that_was_killed_is_run_again(old, monkeypatch):
    def dies(*_: object) -> None:
        raise OSError("killed")

    with monkeypatch.context() as patch, pytest.raises(OSError, match="killed"):
        patch.setattr(evolution, "_replace_views", dies)
        Lake(Workspace.open(old))
    assert json.loads((old / "workspace.json").read_text())["format"] == 1
    with Lake(Workspace.open(old)) as lake:
        assert lake.rows("select count(*) as n from accepted") == [{"n": 30}]


@pytest.mark.slow
def test_a_new_column_a_new_table_and_another_view_arrive_when_it_is_opened_for_writing(workspace, monkeypatch):
    promotion = [{"candidate": "c", "decision": "refused"}]
    with Lake(workspace) as lake:
        lake.commit("k", "test", {"promotions": table_of("promotions", promotion)})
    seconds = pa.field("seconds", pa.float64(), metadata={"comment": "how long it took"})
    notes = pa.field("notes", pa.list_(pa.struct([("by", pa.string())])), metadata={"comment": "notes"})
    schema = TABLES["promotions"]
    monkeypatch.setitem(TABLES, "promotions", schema.append(seconds).append(notes))
    monkeypatch.setitem(
        TABLES, "extras", pa.schema([seconds, TABLES["promotions"].field("commit_id")], {"comment": "x"})
    )
    monkeypatch.setitem(views.VIEWS, "students", ("other", "select candidate, seconds, notes from promotions"))
    monkeypatch.setitem(views.VIEWS, "newer", ("newer", "select * from students"))
    with Lake(workspace) as lake:
        assert lake.rows("select * from newer") == [{"candidate": "c", "seconds": None, "notes": None}]
        lake.commit("l", "test", {"extras": pa.table({"seconds": [1.0]})})
    monkeypatch.delitem(views.VIEWS, "newer")
    with Lake(workspace) as lake, pytest.raises(LakeError, match="newer"):
        lake.rows("select * from newer")


def test_opening_a_current_lake_changes_nothing(workspace):
    with Lake(workspace) as lake:
        before = lake.rows("select max(snapshot_id) as n from lake.snapshots()")
    with Lake(workspace) as lake:
        assert lake.rows("select max(snapshot_id) as n from lake.snapshots()") == before


def test_a_column_of_another_type_is_named(workspace, monkeypatch):
    Lake(workspace).close()
    schema = TABLES["promotions"]
    position = schema.get_field_index("reason")
    monkeypatch.setitem(TABLES, "promotions", schema.set(position, schema.field(position).with_type(pa.int64())))
    with pytest.raises(LakeError, match=r"promotions.reason is VARCHAR in this lake and BIGINT"):
        Lake(workspace)


def test_a_catalogue_that_a_newer_version_has_migrated_is_refused(either):
    """On another machine, say: its `workspace.json` is not ours."""
    with Lake(either) as lake:
        lake.catalog.set_note("schema", json.dumps({"format": FORMAT_VERSION + 1}))
    for read_only in (False, True):
        with pytest.raises(WorkspaceError, match=f"format {FORMAT_VERSION + 1}.*update Nightschool"):
            Lake(either, read_only=read_only)


@pytest.mark.slow
def test_two_processes_that_open_a_new_lake_make_it_once(either):
    code = (
        "import sys, pathlib\n"
        "from storage.lake.lake import Lake\n"
        "from storage.workspace import Workspace\n"
        "with Lake(Workspace.open(pathlib.Path(sys.argv[1]))) as lake:\n"
        "    assert lake.rows('select * from funnel') == []\n"
    )
    workers = [subprocess.Popen([sys.executable, "-c", code, str(either.root)]) for _ in range(3)]
    assert [worker.wait() for worker in workers] == [0, 0, 0]


def test_messages_of_a_lake_from_before_tools_get_their_fields(workspace, monkeypatch):
    """A list of structs grows at its end: older rows have null there, and newer ones hold calls."""
    before = pa.list_(pa.struct([("role", pa.string()), ("content", pa.string())]))
    asked = [{"role": "user", "content": "2 + 3?"}]
    schema = TABLES["samples"]
    with monkeypatch.context() as patch:
        position = schema.get_field_index("messages")
        older = schema.set(position, schema.field(position).with_type(before))
        patch.setitem(TABLES, "samples", older.remove(older.get_field_index("tools")))
        with Lake(workspace) as lake:
            lake.commit("k", "test", {"samples": table_of("samples", [{"sample_id": "a", "messages": asked}])})
    turn = turn_of("", [ToolCall("calculator", '{"expression": "2 + 3"}')])
    told = {"role": "tool", "content": "5", "tool_call_id": "call00000"}
    with Lake(workspace) as lake:
        rows = [{"sample_id": "b", "messages": [*asked, turn, told], "tools": "[]"}]
        lake.commit("l", "test", {"samples": table_of("samples", rows)})
    with Lake(workspace, read_only=True) as lake:
        rows = lake.rows("select messages, tools from samples order by sample_id")
    assert [chat_of(row["messages"]) for row in rows] == [asked, [*asked, turn, told]]
    assert [row["tools"] for row in rows] == [None, "[]"]
