"""Nobody else reads a workspace: neither what is written, by whatever library, nor what an older version left open."""

import grp
import os
import stat

import pytest

from storage.errors import WorkspaceError
from storage.lake.lake import Lake
from storage.ledger.ledger import Ledger
from storage.modes import keep_to, users_umask
from storage.workspace import Workspace
from tests.storage.small import build


def mode(path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@pytest.fixture(autouse=True)
def open_umask():
    """A user who lets everybody read."""
    before = os.umask(0o022)
    yield
    os.umask(before)


@pytest.fixture
def group():
    return grp.getgrgid(os.getgid()).gr_name


def test_every_file_of_a_workspace_is_its_owners_alone(tmp_path):
    workspace = build(tmp_path / "w")
    Ledger(workspace.ledger).close()
    workspace.folder("prefect", "logs")
    with workspace.lock("x"):
        files = list(workspace.root.rglob("*"))
    assert {path.suffix for path in files} >= {".parquet", ".sqlite", ".json", ".lock"}
    assert mode(workspace.root) == 0o700
    assert not [path for path in files if mode(path) & 0o077]


def test_a_group_may_read_the_lake_and_not_what_is_private(tmp_path, group):
    workspace = Workspace.create(tmp_path / "w", group=group)
    build(workspace.root)
    with Ledger(workspace.ledger):
        assert {mode(path) for path in workspace.root.glob("ledger.sqlite*")} == {0o600}
    (workspace.folder("prefect") / "server.db").touch()
    lake = [workspace.root, *workspace.data.rglob("*")]
    assert {mode(path) for path in lake if path.is_dir()} == {0o2750}
    assert {mode(path) for path in lake if path.is_file()} == {0o640}
    assert mode(workspace.root / "prefect") == 0o700
    assert not [path for path in workspace.root.rglob("*") if mode(path) & 0o007]


def test_what_an_older_version_left_open_is_closed(tmp_path):
    workspace = Workspace.create(tmp_path / "w")
    Ledger(workspace.ledger).close()
    workspace.root.chmod(0o755)
    workspace.ledger.chmod(0o644)
    Ledger(Workspace.open(workspace.root).ledger).close()
    assert (mode(workspace.root), mode(workspace.ledger)) == (0o700, 0o600)


def test_a_folder_of_data_elsewhere_is_closed_too(tmp_path):
    (tmp_path / "data").mkdir(mode=0o755)
    workspace = Workspace.create(tmp_path / "w", data=str(tmp_path / "data"))
    with Lake(workspace):
        assert mode(tmp_path / "data") == 0o700


def test_a_group_that_is_none_is_refused(tmp_path):
    with pytest.raises(WorkspaceError, match="no such group"):
        Workspace.create(tmp_path / "w", group="nobody-has-this")


def test_another_group_than_the_workspace_has_is_refused(tmp_path, group):
    Workspace.create(tmp_path / "w")
    with pytest.raises(WorkspaceError, match="has group none, not"):
        Workspace.create(tmp_path / "w", group=group)


def test_a_file_for_elsewhere_has_the_users_own_mode(tmp_path):
    keep_to(None)
    (tmp_path / "ours").touch()
    with users_umask():
        (tmp_path / "theirs").touch()
    (tmp_path / "ours again").touch()
    assert mode(tmp_path / "ours") == mode(tmp_path / "ours again") == 0o600
    assert mode(tmp_path / "theirs") & 0o600 == 0o600
