"""A workspace of format 2, migrated: nothing is lost, old questions get the same answers, everything verifies."""

import json
import math
import subprocess
import sys

import pytest

from storage.catalog.catalog import attach, catalog_of
from storage.catalog.duck import connect
from storage.catalog.format3 import to_three
from storage.errors import LakeError
from storage.lake.lake import Lake
from storage.releases.card import card
from storage.releases.checks import verify_release
from storage.releases.handover import open_table
from storage.releases.making import create_release
from storage.releases.publish import publish
from storage.releases.reading import get_release
from storage.upkeep.check import check_lake
from storage.workspace import FORMAT_VERSION, Workspace
from tests.storage import format2

pytestmark = pytest.mark.slow

KILLED = """
import os, pathlib, signal, sys
from storage.catalog import evolution
from storage.lake.lake import Lake
from storage.workspace import Workspace

step = evolution.STEPS[2]

def killed(connection):
    step(connection)
    os.kill(os.getpid(), signal.SIGKILL)

evolution.STEPS[2] = killed
Lake(Workspace.open(pathlib.Path(sys.argv[1])))
"""


def without_nulls(rows):
    return [{name: value for name, value in row.items() if value is not None} for row in rows]


def test_it_is_migrated_after_a_copy_and_everything_verifies(either):
    format2.write(either)
    with Lake(Workspace.open(either.root)) as lake:
        assert check_lake(lake) == []
        assert lake.rows("select count(*) as n, sum(words)::bigint as words from samples") == [{"n": 4, "words": 12}]
        assert without_nulls(lake.rows("select * exclude (commit_id) from evaluations")) == [format2.EVALUATION]
        assert lake.rows("select judge, finish_reason from evaluations") == [{"judge": None, "finish_reason": None}]
        for name, rows in (
            ("judgements", format2.JUDGEMENTS), ("perplexities", format2.PERPLEXITIES), ("trials", format2.TRIALS),
        ):  # fmt: skip
            assert without_nulls(lake.rows(f"select * exclude (commit_id) from {name} order by all")) == sorted(
                rows, key=lambda row: list(map(str, row.values()))
            ), name
        kinds = lake.rows(
            "select kind, count(*) as n, round(sum(value), 6) as total from evidence group by all order by all"
        )
        assert kinds == [
            {"kind": "perplexity", "n": 2, "total": round(math.exp(0.5), 6)}, {"kind": "rubric", "n": 2, "total": 4.0},
            {"kind": "trial", "n": 3, "total": 1.0},
        ]  # fmt: skip
        calls = "select name, call_ids from evidence where kind = 'trial' and len(call_ids) > 0"
        assert lake.rows(calls) == [{"name": format2.CALL, "call_ids": [format2.CALL]}]
        assert lake.rows("select tries, correct from pass_rates") == [{"tries": 3, "correct": 1}]
        assert lake.rows("select look, candidate from looks") == lake.rows(
            "select look, candidate from promotion_looks"
        )
        assert lake.rows("select count(*) as n from commits") == [{"n": 7}], "rows keep the commit they came with"
    assert json.loads((either.root / "workspace.json").read_text())["format"] == FORMAT_VERSION
    (copy,) = (either.root / "backups").glob("format-2-*")
    assert json.loads((copy / "workspace.json").read_text())["format"] == 2
    with Lake(Workspace.open(either.root), read_only=True) as lake:
        assert lake.rows("select count(*) as n from accepted") == [{"n": 2}]


def test_the_names_that_filters_had_are_those_of_today_in_views(workspace):
    format2.write(workspace)
    with Lake(Workspace.open(workspace.root)) as lake:
        reasons = lake.rows("select reason from rejected order by reason")
        assert [row["reason"] for row in reasons] == ["method_rejection:too_long", "rubric:low_clarity"]
        by_filter = "select filter, count(*) as n from {} group by all order by all"
        assert [row["filter"] for row in lake.rows(by_filter.format("observations"))] == [
            "method_rejection", "policy", "rubric",
        ]  # fmt: skip
        assert {row["filter"] for row in lake.rows(by_filter.format("verdicts"))} == {"judge", "own_rule", "policy"}


def test_a_release_made_before_opens_and_verifies_as_it_was(workspace, tmp_path):
    format2.write(workspace)
    with Lake(Workspace.open(workspace.root)) as lake:
        release = get_release(lake, "set@1")
        assert verify_release(lake, release) == [] and release.words == 6
        assert release.table()["words"].to_pylist() == [3, 3] and "tokens" not in release.table().column_names
        assert [batch["words"].to_pylist() for batch in release.batches(["sample_id", "words"])] == [[3, 3]]
        assert open_table(release)["words"].to_pylist() == [3, 3]
        assert "2 rows, 6 words" in card(release, ["set@1"], {"default": {"train": 2}})
        assert (release.path / "manifest.json").read_text() == json.dumps(dict(release.manifest)), (
            "nothing is rewritten"
        )
        later = create_release(lake, "set", night=format2.NIGHT, condition="sample_id = 's0'")
        assert later is not None and later.manifest["words"] == 3 and verify_release(lake, later) == []
        folder = tmp_path / "published"
        (folder / "data").mkdir(parents=True)
        for name in release.manifest["files"]:
            (folder / "data" / "train-0001-00000.parquet").write_bytes((release.path / name).read_bytes())
        state = {
            "releases": ["set@1"],
            "test": 0.05,
            "shapes": [],
            "files": {"data/train-0001-00000.parquet": {"rows": 2}},
        }
        (folder / "published.json").write_text(json.dumps(state))
        with pytest.raises(LakeError, match="column `tokens` is `words` today: publish to a new folder"):
            publish(later, folder)


def test_killed_in_the_middle_it_is_migrated_by_the_next_who_opens_it(either):
    format2.write(either)
    process = subprocess.run([sys.executable, "-c", KILLED, str(either.root)], check=False)
    assert process.returncode == -9
    assert json.loads((either.root / "workspace.json").read_text())["format"] == 2
    with Lake(Workspace.open(either.root)) as lake:
        assert check_lake(lake) == [] and lake.rows("select count(*) as n from evidence") == [{"n": 7}]


def test_a_step_that_was_taken_already_changes_nothing(workspace):
    """Another machine took it, or this one died before `workspace.json` said so."""
    format2.write(workspace)
    Lake(Workspace.open(workspace.root)).close()
    workspace.config["format"] = 2
    workspace.write_config()
    with Lake(Workspace.open(workspace.root)) as lake:
        assert lake.rows("select count(*) as n from evidence") == [{"n": 7}] and check_lake(lake) == []
    assert Workspace.open(workspace.root).format == FORMAT_VERSION
    connection = connect(data_path=workspace.data_path)
    attach(connection, workspace, catalog_of(workspace), read_only=False)
    to_three(connection)
    assert connection.execute("select count(*) from evidence").fetchone() == (7,)
    connection.close()
