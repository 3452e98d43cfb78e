"""Takedowns: the text is in no byte of the workspace, what stays is as it was, and nothing comes back."""

import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from uuid import uuid4

import psycopg
import pytest
from typer.testing import CliRunner

from flows.cli import app
from storage.catalog.catalog import PostgresCatalog, catalog_of
from storage.catalog.leases import acquire
from storage.errors import LakeError, LeaseError, PinError, QueryError, WorkspaceError
from storage.lake.artefacts import find_artefact
from storage.lake.lake import Lake, table_of
from storage.ledger.ledger import Ledger
from storage.releases.checks import diff_releases, verify_release
from storage.releases.handover import open_table
from storage.releases.making import create_release
from storage.releases.reading import get_release, list_releases
from storage.takedown.carry_out import resume, take_down
from storage.takedown.plan import plan_takedown
from storage.takedown.purge import scrub_catalogue
from storage.upkeep.check import run_checks
from storage.upkeep.restore import restore
from storage.workspace import Workspace
from synth.night.draw import Draw, draw_night, hold_out
from tests.storage.lake.test_maintenance import keep_at_once
from tests.storage.secrets_lake import NIGHT, SECRET, build, call, places, rows_of

pytestmark = pytest.mark.slow

SAID = {"because": "the author asked for it"}


def server_places(workspace) -> set[str]:
    """Files of the PostgreSQL server that hold the secret; its log of writes is recycled by the server, in its own time."""
    catalog = catalog_of(workspace)
    if not isinstance(catalog, PostgresCatalog):
        return set()
    with psycopg.connect(catalog.conninfo, autocommit=True) as connection:
        connection.execute("checkpoint")
        ((folder,),) = connection.execute("show data_directory").fetchall()
    return {name for name in places(Path(folder)) if not name.startswith("pg_wal/")}


def analyze(workspace) -> None:
    """What the server does by itself every minute or so: its samples hold values of the rows."""
    catalog = catalog_of(workspace)
    if isinstance(catalog, PostgresCatalog):
        with psycopg.connect(catalog.conninfo, autocommit=True) as connection:
            connection.execute("analyze")


def test_a_role_that_may_not_rewrite_what_the_server_has_sampled_hears_of_it(postgres_server):
    role = f"tenant{uuid4().hex[:8]}"
    with psycopg.connect(postgres_server, autocommit=True) as connection:
        connection.execute(f"create role {role} login password '{os.environ['PGPASSWORD']}'")
        connection.execute(f"create schema {role} authorization {role}")
        connection.execute(f"create table {role}.emptied (text varchar(9), many integer[])")
        connection.execute(f"alter table {role}.emptied owner to {role}")
    as_tenant = psycopg.conninfo.make_conninfo(postgres_server, user=role)
    assert scrub_catalogue(PostgresCatalog(as_tenant, role))
    assert not scrub_catalogue(PostgresCatalog(postgres_server, role))


def wrong(lake) -> dict[str, list[str]]:
    return {name: lines for name, lines in run_checks(lake).items() if lines}


@pytest.mark.parametrize(
    ("either", "steps"),
    [("sqlite", ("removal of", "purge of the lake")), ("postgres", ("successor of set@2", "purge of the catalogue"))],
    indirect=["either"],
)
def test_killed_twice_and_finished_it_leaves_no_byte_in_the_workspace_or_the_catalogue(either, steps):
    build(either)
    analyze(either)
    kinds = {name.split("/")[0] for name in places(either.root)}
    assert kinds >= {"lake", "ledger.sqlite", "releases", "reports", "checkpoints", "spill"}, kinds
    assert server_places(either) or {"catalog.sqlite", "backups"} <= kinds
    with Lake(either, read_only=True) as lake:
        plan = plan_takedown(lake, problems=["ps1", "ps2"], **SAID)
    assert plan.takedown.sample_ids == ("s1", "s2") and plan.takedown.releases == ("set@1", "set@2")
    assert set(plan.takedown.call_ids) == {"call-s1", "call-s2", "call-judge-s1", "call-judge-s2", "call-open"}
    assert plan.takedown.checkpoints == ("model-0", "model-1") and plan.backups
    for step in steps:
        kill_at(step, either)
        with Lake(either, read_only=True) as lake:
            assert "not finished" in run_checks(lake, only=["takedowns"])["takedowns"][0]
    with Lake(either) as lake:
        (done,) = resume(lake)
        assert done["removed"] == {
            "attempts": 4, "calls": 4, "evaluations": 2, "evidence": 4, "problems": 2, "reviews": 2, "samples": 2, "signatures": 2,
            "verdicts": 4,
        }  # fmt: skip
        assert done["successors"] == {"set@1": "set@3", "set@2": "set@4"}
        assert places(either.root) == set() and server_places(either) == set()
        assert wrong(lake) == {}
        assert lake.rows("select checkpoint_id, rows, itself from exposed") == [
            {"checkpoint_id": "model-0", "rows": 2, "itself": True},
            {"checkpoint_id": "model-1", "rows": 2, "itself": False},
        ]
        (run,) = lake.rows("select summary from runs")
        assert "trained" in run["summary"] and "loss_masks" not in run["summary"]
        assert lake.rows("select count(*) as n from calls") == [{"n": 41}]
        assert find_artefact(lake, "plain") == '{"shown": ["plain 0"]}'
        with pytest.raises(PinError, match=r"few_shot had prepared for the night .* was taken down"):
            find_artefact(lake, "secret")
    with Ledger(either.ledger) as ledger:
        assert ledger.count() == 42 and ledger.find("call-plain") and ledger.is_gone("call-open")


def kill_at(step, workspace) -> None:
    """Start a takedown, or let it go on, and let it be killed in the middle of a step."""
    command = [sys.executable, "-m", "tests.storage.taker", str(workspace.root), step]
    taker = subprocess.run(command, stdout=subprocess.PIPE, text=True, timeout=120)
    assert taker.returncode == -signal.SIGKILL and f"\n{step}" in f"\n{taker.stdout}"


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """The lake with the secret, two releases more: the first of `old` holds it, the second does not."""
    workspace = Workspace.create(tmp_path_factory.mktemp("built") / "w")
    build(workspace)
    with Lake(workspace) as lake:
        create_release(lake, "old", night=NIGHT, condition="sample_id in ('r01', 's1')")
        create_release(lake, "old", night=NIGHT, condition="sample_id in ('r01', 'r02')")
        create_release(lake, "gone", night=NIGHT, condition="sample_id = 's1'")
    return workspace


@pytest.fixture(scope="module")
def taken(built, tmp_path_factory):
    """The same after everything was compacted, `s1` was taken down by a condition, and everything compacted again."""
    workspace = copied(built, tmp_path_factory.mktemp("taken"))
    with Lake(workspace) as lake:
        keep_at_once(lake)
        condition = f"prompt = '{SECRET} one' and task = 'math_word'"
        plan = plan_takedown(lake, problems=["ps1"], where=condition, **SAID)
        assert plan.takedown.kind == "problem+condition" and plan.takedown.sample_ids == ("s1",)
        take_down(lake, plan.takedown, rewrite=lambda lake, night: (_report(lake, night)).rename(_page(lake, night)))
        keep_at_once(lake)
    return workspace


def _page(lake, night):
    return lake.workspace.root / "reports" / f"{night.replace('/', '-')}.html"


def _report(lake, night):
    new_page = _page(lake, night).with_suffix(".new")
    new_page.write_text(f"the night {night} without it")
    return new_page


def copied(workspace, folder) -> Workspace:
    shutil.copytree(workspace.root, folder / "w")
    return Workspace.open(folder / "w")


@pytest.fixture
def copy(taken, tmp_path):
    return copied(taken, tmp_path)


def test_what_does_not_hold_the_row_is_as_it_was(built, taken):
    with Lake(taken, read_only=True) as lake:
        assert wrong(lake) == {}
        plain, before = get_release(lake, "plain"), built.root / "releases/plain/1"
        assert plain.id == "plain@1" and verify_release(lake, plain) == [] and open_table(plain).num_rows == 40
        for file in plain.files():
            assert file.read_bytes() == (before / "data" / file.name).read_bytes()
        assert lake.rows("select count(*) as n, count(distinct commit_id) as commits from samples") == [
            {"n": 42, "commits": 2}
        ]
        assert SECRET not in (taken.root / "takedowns").joinpath(f"{_only(lake)}.json").read_text()
        assert (taken.root / "reports/2026-01-01-r.html").read_text() == f"the night {NIGHT} without it"
        assert places(taken.root, f"{SECRET} one") == set() and places(taken.root, f"{SECRET} two")


def _only(lake) -> str:
    (row,) = lake.rows("select distinct takedown_id from takedowns")
    return str(row["takedown_id"])


def test_a_redacted_release_is_named_and_compared_but_not_read(built, taken):
    with Lake(taken, read_only=True) as lake:
        redacted, successor = get_release(lake, "set@1"), get_release(lake, "set@3")
        assert redacted.redaction and redacted.redaction.successor == "set@3" and not redacted.path.exists()
        for read in (redacted.files, redacted.table, lambda: open_table(redacted), redacted.must_be_readable):
            with pytest.raises(LakeError, match=f"set@1 was redacted by takedown {_only(lake)}: take set@3"):
                read()
        assert verify_release(lake, redacted) == verify_release(lake, successor) == []
        difference = diff_releases(lake, "set@1", "set@3")
        assert (difference["rows_in"], difference["rows_out"], difference["kept"]) == (0, 1, 40)
        assert difference["reasons"] == [{"reason": "taken down", "rows": 1}]
        assert {row["release_id"]: row["successor"] for row in list_releases(taken) if row["takedown_id"]} == {
            "set@1": "set@3", "set@2": "set@4", "old@1": "old@3", "gone@1": None,
        }  # fmt: skip
        manifest = successor.manifest
        assert (manifest["predecessor"], manifest["takedown"], manifest["rows"]) == ("set@1", _only(lake), 40)
        with pytest.raises(LakeError, match=r"gone@1 was redacted .* none of its rows is left"):
            get_release(lake, "gone").files()
        with Lake(built, read_only=True) as before:
            rows = [row for row in get_release(before, "set@1").table().to_pylist() if row["sample_id"] != "s1"]
        assert successor.table().to_pylist() == rows, "the same rows in the same order"


def test_the_latest_release_is_never_the_successor_of_an_older_one(copy):
    with Lake(copy) as lake:
        assert get_release(lake, "old").id == "old@2" and get_release(lake, "set").id == "set@4"
        same = create_release(lake, "set", night=NIGHT)
        more = create_release(lake, "old", night=NIGHT, condition="sample_id = 'r03'")
        assert same is not None and same.id == "set@4" and more is not None and more.id == "old@4"
        assert get_release(lake, "old").id == "old@4"


def test_the_row_does_not_come_back_under_any_id(copy):
    tables = rows_of({"again": f"{SECRET} one", "fine": "fine"})
    with Lake(copy) as lake:
        lake.commit(
            "again", "samples", {**tables, "calls": table_of("calls", [{"call_id": "call-s1", "response": SECRET}])}
        )
        (failed,) = lake.rows("select * from attempts where attempt_id = 'aagain' and status <> 'planned'")
        assert (failed["status"], failed["reason"], failed["samples"]) == ("failed", "taken_down", 0)
        assert _only(lake) in failed["detail"]
        assert (
            lake.rows("select sample_id from verdicts where sample_id in ('again', 'fine')")
            == [{"sample_id": "fine"}] * 2
        )
        assert lake.rows("select sample_id from samples where sample_id in ('again', 'fine')") == [
            {"sample_id": "fine"}
        ]
        assert lake.rows("select * from calls where call_id = 'call-s1'") == []
        (commit,) = lake.rows("select rows from commits where key = 'again'")
        assert commit["rows"] == 2 + 1 + 4 + 2 + 1 + 3 + 2 + 1 and run_checks(lake, only=["commits"]) == {"commits": []}
    explanation = json.loads(CliRunner().invoke(app, ["why", "s1", "--json", "-w", str(copy.root)]).stdout)["takedown"]
    assert explanation["because"] == SAID["because"] and explanation["made_again"] == 1
    shown = CliRunner().invoke(app, ["why", "s1", "-w", str(copy.root)]).stdout
    assert (
        "taken down on" in shown and "set@1 was redacted; in its place: set@3" in shown and "read by model-0" in shown
    )


def test_an_old_back_up_is_restored_without_what_was_taken_down_since(built, copy):
    (backup,) = (built.root / "backups").iterdir()
    shutil.copytree(backup, copy.root / "backups" / backup.name)
    with pytest.raises(LakeError, match=r"names .* files that are gone"):
        restore(copy, backup.name, force=True)
    shutil.copytree(built.data, copy.data, dirs_exist_ok=True)
    done = restore(copy, backup.name, force=True)
    assert len(done.takedowns) == 1 and places(copy.root, f"{SECRET} one") == set()
    with Lake(copy) as lake:
        assert lake.rows("select sample_id from samples where sample_id like 's%'") == [{"sample_id": "s2"}]
        assert wrong(lake) == {}
    assert done.kept and Path(done.kept).exists(), "what was there can be restored: it does not hold the text"
    restore(copy, Path(done.kept).name, force=True)
    with Lake(copy) as lake:
        assert get_release(lake, "gone").redaction and run_checks(lake, only=["files", "takedowns"]) == {
            "files": [], "takedowns": [],
        }  # fmt: skip


def test_another_machine_purges_its_own_files(copy):
    with Lake(copy) as lake:
        (copy.root / "takedowns" / f"{_only(lake)}.purged").unlink()
        with Ledger(copy.ledger) as ledger:
            ledger._aside.execute("delete from gone")
            assert ledger.add([call("call-s1", f"{SECRET} one")], published=True).new == 1
        (left,) = run_checks(lake, only=["takedowns"])["takedowns"]
        assert "was done elsewhere" in left and places(copy.root, f"{SECRET} one") == {"ledger.sqlite"}
        assert resume(lake) == [] and places(copy.root, f"{SECRET} one") == set()
        assert run_checks(lake, only=["takedowns"]) == {"takedowns": []}


def test_calls_that_another_row_needs_stay_and_copies_go_too(copy):
    tables = rows_of({"twin": "plain 7", "near": "plain 7 or so"})
    changed = [{**row, "parents": ["call-r07"]} for row in tables["samples"].to_pylist()]
    verdict = {
        "sample_id": "near",
        "filter": "near_duplicates",
        "outcome": "fail",
        "detail": json.dumps({"kept": "r07"}),
    }
    with Lake(copy) as lake:
        lake.commit("twin", "samples", {**tables, "samples": table_of("samples", changed)})
        lake.commit("near", "curate", {"verdicts": table_of("verdicts", [verdict])})
        plan = plan_takedown(lake, samples=["r07"], **SAID)
        assert plan.takedown.sample_ids == ("r07", "twin") and plan.copies == ("twin",) and plan.similar == ("near",)
        assert plan.kept_calls == {"call-r07": "near"}
        assert plan.takedown.call_ids == ("call-judge-r07", "call-judge-twin")
        quoted = plan_takedown(lake, problems=["pr07"], **SAID)
        assert quoted.quoting == ("near",)


def test_what_cannot_be_taken_down_is_said(copy):
    with Lake(copy) as lake:
        for given, message in (
            ({"samples": ["s1"]}, "'s1': takedown .* has removed it"),
            ({"samples": ["nowhere"]}, "'nowhere': there is none in samples"),
            ({"problems": ["nowhere"]}, "there is none in problems"),
            ({}, "name what goes"),
            ({"where": "false"}, "selects no row"),
        ):
            with pytest.raises(LakeError, match=message):
                plan_takedown(lake, **SAID, **given)
        with pytest.raises(LakeError, match="needs a reason"):
            plan_takedown(lake, because=" ", samples=["r01"])
        with pytest.raises(QueryError, match="--where"):
            plan_takedown(lake, where="true); delete from samples; --", **SAID)
        plan = plan_takedown(lake, samples=["r01"], **SAID)
        with acquire(lake.catalog, "training", purpose="a training"), pytest.raises(LeaseError, match="a training"):
            take_down(lake, plan.takedown)
        with copy.lock("night-2026-01-01-r"), pytest.raises(WorkspaceError, match="night-2026-01-01-r is at work"):
            take_down(lake, plan.takedown)
        assert lake.rows("select count(*) as n from samples") == [{"n": 42}]


def test_the_command_shows_a_plan_asks_and_does_it(copy):
    def run(*arguments, **more):
        return CliRunner().invoke(app, ["lake", "takedown", *arguments, "-w", str(copy.root), "-q"], **more)

    selection = ["r01", "--problem", "pr02", "--reason", "asked"]
    planned = json.loads(run(*selection, "--dry-run", "--json").stdout)["plan"]
    assert planned["sample_ids"] == ["r01", "r02"] and planned["problem_ids"] == ["pr02"]
    assert "releases that get a successor" in run(*selection, "--dry-run").stdout
    assert run(*selection, input="n\n").exit_code == 1
    assert run("--resume", "r01").exit_code == 1 and "nothing to finish" in run("--resume").stdout
    with Lake(copy, read_only=True) as lake:
        assert len(lake.rows("select 1 from samples where sample_id in ('r01', 'r02')")) == 2
    done = run(*selection, "--yes")
    assert done.exit_code == 0 and "plain@1 is redacted; in its place: plain@2" in done.stdout, done.output
    with Lake(copy, read_only=True) as lake:
        assert lake.rows("select 1 from samples where sample_id in ('r01', 'r02')") == [] and wrong(lake) == {}
    listed = CliRunner().invoke(app, ["release", "verify", "-w", str(copy.root)])
    assert listed.exit_code == 0 and "plain@1: redacted by takedown" in listed.stdout


def drawn_structures(lake, draw):
    drawn = draw_night(lake, [draw], night="1", seed=0, fresh=False, drop=print)
    return {problem.structure_id for problem in drawn[draw.name]}


def test_no_night_draws_what_was_taken_down(lake):
    draw = Draw("sums", "arithmetic", {"tiers": [1]}, 40, 1, 30, 10, (1,))
    first = drawn_structures(lake, draw)
    row = {"takedown_id": "t", "event": "planned", "structure_ids": sorted(first)}
    lake.commit("t", "takedown", {"takedowns": table_of("takedowns", [row])})
    hold_out(lake, draw, night="1", seed=0)
    again = drawn_structures(lake, draw)
    held = {row["structure_id"] for row in lake.rows("select structure_id from problems")}
    assert first and again and held and not (again | held) & first
