"""The flow `maintain` on the lake of a real night, with a real Prefect server."""

import json
import subprocess
import sys

from tests.flows.conftest import SMALL

DATE = "2026-01-01"


def maintain(cli, recipe) -> dict:
    arguments = f"recipe={str(recipe)!r}, date={DATE!r}, workspace={str(cli.workspace)!r}, quiet=True"
    code = f"import json; from flows.maintain import maintain; print('said', json.dumps(maintain({arguments})))"
    done = subprocess.run(
        [sys.executable, "-c", code], env=cli.environment, capture_output=True, text=True, timeout=240
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return json.loads(done.stdout.rpartition("said ")[2])


def test_it_merges_small_files_and_no_row_or_release_changes(cli):
    recipe = cli.recipe(SMALL)
    cli("run", recipe, "--date", DATE, "--no-train", "--quiet")
    rows = cli("sql", "select sample_id, response from accepted order by all", "--json")
    first = maintain(cli, recipe)
    assert first["rejected"] == 0 and first["cleaned"] == []
    assert first["lake"]["compaction"]["rows_flushed"] > 0
    again = maintain(cli, recipe)["lake"]["compaction"]
    assert again["rows_flushed"] == 0
    assert cli("sql", "select sample_id, response from accepted order by all", "--json") == rows
    cli("release", "verify", "small@1")
