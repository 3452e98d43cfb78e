"""A second user of the machine: in a workspace's group they read the lake, outside of it nothing, and never what is private."""

import grp
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from storage.lake.lake import Lake, table_of
from storage.ledger.ledger import Ledger
from storage.workspace import Workspace
from tests.storage.small import build

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform != "linux" or os.geteuid() != 0, reason="only root can become another user"),
]

NOBODY = 65534
GROUP = grp.getgrall()[-1]
AS_ANOTHER = """
import json, os, sqlite3, sys
from pathlib import Path
from storage.lake.lake import Lake
from storage.workspace import Workspace

def tried(step):
    try:
        return step()
    except Exception as error:
        return f"{type(error).__name__}: {error}"

def rows():
    with Lake(Workspace.open(root), read_only=True) as lake:
        return lake.rows("select count(*) as n from commits")[0]["n"]

root, user, groups = Path(sys.argv[1]), int(sys.argv[2]), json.loads(sys.argv[3])
rows()  # imports while every folder can be read
os.setgroups(groups); os.setresgid(user, user, user); os.setresuid(user, user, user)
os.environ["HOME"] = "/nonexistent"
print(json.dumps({
    "rows": tried(rows),
    "parquet": tried(lambda: all(file.read_bytes()[:4] == b"PAR1" for file in (root / "lake").rglob("*.parquet"))),
    "releases": tried(lambda: any(file.read_bytes() for file in (root / "releases").rglob("*.parquet"))),
    "ledger": tried(lambda: (root / "ledger.sqlite").read_bytes().decode("latin-1")[:6]),
    "leases": tried(lambda: (root / "coordination.sqlite").read_bytes().decode("latin-1")[:6]),
    "locks": tried(lambda: os.listdir(root / "locks")),
    "prefect": tried(lambda: os.listdir(root / "prefect")),
    "new": tried(lambda: (root / "new").touch()),
    "written": tried(lambda: [file.open("ab") for file in (root / "lake").rglob("*.parquet")][0].name),
    "catalogue": tried(lambda: (root / "catalog.sqlite").open("ab").name),
}))
"""


@pytest.fixture(scope="module")
def shared():
    """A workspace of a group, in a folder that everybody may enter."""
    with tempfile.TemporaryDirectory(prefix="nightschool-group-") as folder:
        Path(folder).chmod(0o755)
        workspace = Workspace.create(Path(folder) / "w", group=GROUP.gr_name)
        build(workspace.root)
        Ledger(workspace.ledger).close()
        (workspace.folder("prefect") / "login").write_text("x")
        yield workspace


def seen(workspace, *groups: int) -> dict[str, object]:
    """What another user of these groups gets to see."""
    command = [sys.executable, "-c", AS_ANOTHER, str(workspace.root), str(NOBODY), json.dumps(groups)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=240)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def refused(value) -> bool:
    return str(value).startswith("PermissionError")


def test_a_member_of_the_group_reads_the_lake_and_nothing_private_and_changes_nothing(shared):
    with Lake(shared) as lake:  # at work meanwhile
        lake.commit("x", "test", {"runs": table_of("runs", [{"run_id": "r", "night": "n"}])})
        commits = lake.rows("select count(*) as n from commits")[0]["n"]
        outcome = seen(shared, GROUP.gr_gid)
    assert outcome["rows"] == commits
    assert outcome["parquet"] is outcome["releases"] is True
    private = ("ledger", "leases", "locks", "prefect", "new", "written", "catalogue")
    assert {name: outcome[name] for name in private if not refused(outcome[name])} == {}


def test_another_user_of_the_machine_sees_nothing(shared):
    outcome = seen(shared)
    assert "Permission denied" in str(outcome["rows"])
    names = ("parquet", "releases", "ledger", "leases", "locks", "prefect", "new", "catalogue")
    assert {name: outcome[name] for name in names if not refused(outcome[name])} == {}
