import json

import pytest
from typer.testing import CliRunner

from flows.cli import app
from storage.lake.lake import Lake
from tests.storage.lake.test_maintenance import commit

RUN = CliRunner()


def invoke(workspace, *arguments: str, code: int = 0):
    done = RUN.invoke(app, ["lake", *arguments, "--workspace", str(workspace.root)])
    assert done.exit_code == code, done.output
    return done


@pytest.mark.slow
def test_a_lake_is_maintained_backed_up_and_restored(workspace):
    with Lake(workspace) as lake:
        for number in range(3):
            commit(lake, number)
    planned = json.loads(invoke(workspace, "maintain", "--dry-run", "--json", "--quiet").stdout)
    assert planned["compaction"]["tables"] == ["problems"] and not (workspace.root / "backups").exists()
    assert "to be merged" in invoke(workspace, "compact", "--dry-run").stdout
    backup = json.loads(invoke(workspace, "backup", "--name", "mine", "--json").stdout)
    assert backup["commits"] == 3 and backup["files"] == 3
    done = invoke(workspace, "maintain")
    assert "compaction of problems: 3 files" in done.stderr and "back-up: " in done.stdout
    assert json.loads(invoke(workspace, "compact", "--json").stdout)["tables"] == []
    with Lake(workspace) as lake:
        commit(lake, 3)
    assert "--force" in invoke(workspace, "restore", backup["backup"], code=1).stderr
    assert "can be restored" in invoke(workspace, "restore", backup["backup"], "--dry-run").stdout
    restored = json.loads(invoke(workspace, "restore", backup["backup"], "--force", "--json").stdout)
    assert (restored["commits"], restored["commits_before"]) == (3, 4) and "before-restore" in restored["kept"]
    with Lake(workspace, read_only=True) as lake:
        assert lake.last_seq() == 3
    assert "unknown back-up 'none'" in invoke(workspace, "restore", "none", code=1).stderr


def test_a_lake_is_made_and_said_as_json(tmp_path):
    done = RUN.invoke(app, ["lake", "init", "--workspace", str(tmp_path / "w"), "--json"])
    assert done.exit_code == 0 and json.loads(done.stdout)["data"] == f"{(tmp_path / 'w').resolve()}/lake/"
