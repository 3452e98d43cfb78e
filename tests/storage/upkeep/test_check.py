"""Each check really fails when its invariant is broken."""

import json
import os
import shutil

import numpy as np
import pytest
from typer.testing import CliRunner

from flows.cli import app
from storage.history.run import write_run
from storage.lake.lake import Lake, table_of
from storage.upkeep.check import check_lake, run_checks
from storage.workspace import Workspace
from tests.storage.history.test_merging import entries
from tests.storage.small import build

pytestmark = pytest.mark.slow

FINISHED = "2026-01-01/r"


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """A finished night with folders for its checkpoints, in Parquet files rather than inlined."""
    workspace = build(tmp_path_factory.mktemp("check") / "w")
    for number in (0, 1):
        folder = workspace.folder("checkpoints", str(number))
        (folder / "model.safetensors").write_bytes(b"weights")
    with Lake(workspace) as lake:
        row = {"run_id": f"night/{FINISHED}", "event": "finished", "night": FINISHED}
        lake.commit("finished", "runs", {"runs": table_of("runs", [row])})
        held = [{"problem_id": f"h{number}", "task": "arithmetic", "split": "heldout"} for number in range(4)]
        lake.commit("heldout", "heldout", {"problems": table_of("problems", held)})
        rows = [{"checkpoint_id": "model-1", "sample_id": "cot-00", "problem_id": "p00", "part": "row"}]
        lake.commit("read", "checkpoint", {"stage_rows": table_of("stage_rows", rows)})
        assert check_lake(lake) == []
    return workspace


@pytest.fixture
def copy(whole, tmp_path):
    shutil.copytree(whole.root, tmp_path / "w")
    return Workspace.open(tmp_path / "w")


BROKEN = {
    "delete from samples where sample_id = 'cot-00'": {"commits", "references"},
    "update commits set seq = 2 where seq = 3": {"commits"},
    "update commits set key = (select key from commits where seq = 1) where seq = 2": {"commits"},
    "insert into runs (run_id, commit_id) values ('r', 'nowhere')": {"commits"},
    "update samples set problem_id = 'nowhere' where sample_id = 'cot-00'": {"references"},
    "update samples set attempt_id = 'nowhere' where sample_id = 'cot-00'": {"references"},
    "update samples set parents = ['nowhere'] where sample_id = 'cot-00'": {"references"},
    "update verdicts set sample_id = 'nowhere' where sample_id = 'cot-03'": {"references", "funnel"},
    "update checkpoints set release_id = 'set@9' where checkpoint_id = 'model-1'": {"references"},
    "update release_rows set sample_id = 'nowhere' where sample_id = 'cot-00'": {"references"},
    "update stage_rows set sample_id = 'nowhere'": {"references"},
    "update stage_rows set checkpoint_id = 'nowhere'": {"references"},
    "update attempts set status = 'open' where status = 'done' and attempt_id = 'cot-00'": {"funnel"},
}


def test_what_sql_breaks_is_found(copy):
    with Lake(copy) as lake:
        for statement, names in BROKEN.items():
            lake.connection.execute("BEGIN")
            lake.connection.execute(statement)
            faults = run_checks(lake, only=("commits", "references", "funnel"))
            lake.connection.execute("ROLLBACK")
            assert {name for name, lines in faults.items() if lines} == names, (statement, faults)


def largest(workspace):
    return max(workspace.data.rglob("*.parquet"), key=lambda path: path.stat().st_size)


def corrupt(workspace):
    file = largest(workspace)
    data = bytearray(file.read_bytes())
    data[-20:] = os.urandom(20)
    file.write_bytes(data)


def remove(workspace):
    largest(workspace).unlink()


def truncate(workspace):
    os.truncate(largest(workspace), 100)


def change_a_release(workspace):
    file = next((workspace.root / "releases").rglob("*.parquet"))
    file.chmod(0o644)
    file.write_bytes(b"other")


def change_a_manifest(workspace):
    (workspace.root / "releases/set/1/manifest.json").write_text(json.dumps({"rows": 1}))


def remove_a_checkpoint(workspace):
    shutil.rmtree(workspace.root / "checkpoints/1")


def damage_the_index(workspace):
    run = workspace.folder("index", "scheme", "run-1-2")
    (run / "run.json").write_text(json.dumps({"shapes": {"slots.u32": [4, 4]}, "rows": 4, "nights": []}))


def lease_for_days(workspace):
    from storage.catalog.catalog import catalog_of
    from storage.catalog.leases import acquire

    acquire(catalog_of(workspace), "training", ttl_s=300_000.0)


@pytest.mark.parametrize(
    ("breaks", "check", "message"),
    [
        (corrupt, "files", "cannot be read"),
        (remove, "files", "is missing"),
        (truncate, "files", "has 100 bytes of"),
        (change_a_release, "releases", "has changed"),
        (change_a_manifest, "releases", "is not what the lake recorded"),
        (remove_a_checkpoint, "checkpoints", "is missing; restore it"),
        (damage_the_index, "history index", "slots.u32"),
        (lease_for_days, "leases", "hours more"),
    ],
)
def test_what_files_and_clocks_break_is_found(copy, breaks, check, message):
    breaks(copy)
    with Lake(copy, read_only=True) as lake:
        faults = run_checks(lake, only=[check])
    assert message in "\n".join(faults[check])


def test_a_pipe_in_place_of_a_file_of_the_lake_is_named_and_not_read(copy):
    file = largest(copy)
    file.unlink()
    os.mkfifo(file)
    with Lake(copy, read_only=True) as lake:
        line, left_out = check_lake(lake)
    assert f"{file} is no regular file" in line and "was not checked" in left_out


def test_an_unpublished_call_is_found_and_deep_hashes_checkpoints(copy):
    from storage.ledger.ledger import Ledger

    with Ledger(copy.ledger) as ledger:
        assert ledger.add([_call("lost")], published=True).new == 1
    with Lake(copy, read_only=True) as lake:
        assert "lost" in "\n".join(run_checks(lake, only=["ledger"])["ledger"])
        assert "has changed since" in "\n".join(run_checks(lake, deep=True, only=["checkpoints"])["checkpoints"])


def test_a_changed_byte_of_the_history_index_is_found_by_a_deep_check(copy):
    rng, folder = np.random.default_rng(1), copy.folder("index", "scheme") / "run-1-2"
    write_run(entries(rng, 0, 12), folder)
    data = bytearray((folder / "slots.u32").read_bytes())
    data[0] ^= 1
    (folder / "slots.u32").write_bytes(data)
    with Lake(copy, read_only=True) as lake:
        for deep in (True, False):
            faults = run_checks(lake, deep=deep, only=["history index"])["history index"]
            assert any("slots.u32 has changed since it was written; remove" in fault for fault in faults) is deep


def _call(key):
    from storage.ledger.ledger import Call

    return Call(key, "m@1", "r", "solve", ({"role": "user", "content": "q"},), {}, "0.0", "a", "stop", 1, 1)


def test_the_command_says_what_is_wrong_and_exits_with_1(copy):
    options = ["-w", str(copy.root), "--json", "-q"]
    assert CliRunner().invoke(app, ["lake", "check", *options]).exit_code == 0
    remove(copy)
    done = CliRunner().invoke(app, ["lake", "check", *options])
    report = json.loads(done.stdout)
    assert (
        done.exit_code == 1
        and report["checks"]["files"] == 1
        and "is missing; bring it back" in "".join(report["wrong"])
    )
