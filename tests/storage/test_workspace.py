import json
import subprocess
import sys

import pytest

from storage.errors import WorkspaceError
from storage.workspace import FORMAT_VERSION, Workspace


def test_a_new_workspace_knows_its_format(tmp_path):
    Workspace.create(tmp_path / "w")
    assert json.loads((tmp_path / "w" / "workspace.json").read_text()) == {"format": FORMAT_VERSION}
    assert Workspace.open(tmp_path / "w").root == (tmp_path / "w").resolve()


def test_a_newer_workspace_is_refused_with_the_remedy(tmp_path):
    Workspace.create(tmp_path / "w")
    (tmp_path / "w" / "workspace.json").write_text(json.dumps({"format": FORMAT_VERSION + 1}))
    with pytest.raises(WorkspaceError, match=f"format {FORMAT_VERSION + 1}.*update Nightschool"):
        Workspace.open(tmp_path / "w")
    with pytest.raises(WorkspaceError, match="update Nightschool"):
        Workspace.create(tmp_path / "w")


def test_a_foreign_folder_is_never_made_a_workspace(tmp_path):
    (tmp_path / "thesis.tex").write_text("x")
    with pytest.raises(WorkspaceError, match="not empty"):
        Workspace.create(tmp_path)


def test_no_workspace_says_what_to_do(tmp_path):
    with pytest.raises(WorkspaceError, match="--workspace"):
        Workspace.open(tmp_path / "nowhere")


@pytest.mark.parametrize(
    "text",
    ["", "{", "[]", "null", "{}", "[" * 200_000, '{"format": "3"}', '{"format": 3.0}', '{"format": true}', '{"format": -5}',
     '{"format": 3, "catalog": "x"}', '{"format": 3, "catalog": {}}', '{"format": 3, "data": 5}', '{"format": 3, "group": 5}'],
)  # fmt: skip
def test_a_damaged_marker_is_named_with_a_copy_of_it(tmp_path, text):
    (tmp_path / "workspace.json").write_text(text)
    with pytest.raises(WorkspaceError, match=r"workspace.json is damaged .*restore it from a back-up"):
        Workspace.open(tmp_path)
    copy = tmp_path / "backups" / "b" / "workspace.json"
    copy.parent.mkdir(parents=True)
    copy.write_text('{"format": 3}')
    with pytest.raises(WorkspaceError, match=f"cp {copy} "):
        Workspace.open(tmp_path)


def test_a_file_in_the_place_of_a_folder_is_named(workspace):
    (workspace.root / "reports").write_text("")
    with pytest.raises(WorkspaceError, match=r"reports cannot be made, a file is in its place; move that away"):
        workspace.folder("reports")


def test_a_lock_keeps_other_processes_out_and_dies_with_its_holder(workspace):
    code = (
        "import sys, pathlib, time\n"
        "from storage.workspace import Workspace\n"
        f"with Workspace.open(pathlib.Path({str(workspace.root)!r})).lock('x'):\n"
        "    print('held', flush=True)\n"
        "    time.sleep(60)\n"
    )
    holder = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    assert holder.stdout is not None and holder.stdout.readline() == "held\n"
    with pytest.raises(WorkspaceError, match="held by another process"), workspace.lock("x", wait=False):
        pass
    holder.kill()
    holder.wait()
    with workspace.lock("x", wait=False):
        pass


def test_a_file_in_the_place_of_a_workspace_is_no_traceback(tmp_path):
    (tmp_path / "notes").write_text("x")
    with pytest.raises(WorkspaceError, match="notes cannot be used: Not a directory"):
        Workspace.open(tmp_path / "notes")
    with pytest.raises(WorkspaceError, match=r"notes/w cannot be used.*name a folder"):
        Workspace.create(tmp_path / "notes" / "w")


def test_a_workspace_of_somebody_else_is_refused_before_anything_runs(tmp_path, monkeypatch):
    Workspace.create(tmp_path / "w")
    monkeypatch.setattr("os.access", lambda path, mode: False)  # root may write anywhere
    with pytest.raises(WorkspaceError, match="w cannot be used: Permission denied; name a folder"):
        Workspace.create(tmp_path / "w")


def test_the_environment_says_where_the_files_of_a_new_workspace_go(tmp_path, monkeypatch):
    """And the data of benchmarks, which have a variable of their own, are not mistaken for that place."""
    monkeypatch.setenv("NIGHTSCHOOL_DATA", str(tmp_path / "benchmarks"))
    assert "data" not in Workspace.create(tmp_path / "a").config
    monkeypatch.setenv("NIGHTSCHOOL_LAKE", str(tmp_path / "lake"))
    assert Workspace.create(tmp_path / "b").config["data"] == str(tmp_path / "lake")
    assert "data" not in Workspace.open(tmp_path / "a").config
