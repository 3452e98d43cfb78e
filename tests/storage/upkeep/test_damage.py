"""A damaged or missing database is named with its remedy by every command, and hides no other finding."""

import random
import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from unittest.mock import Mock

import pytest
import yaml
from typer.testing import CliRunner

from flows.cli import app
from flows.doctor.doctor import run_checks as examine
from flows.doctor.workspace import workspace_checks
from flows.night.night import open_night
from flows.recipe.recipe import load_recipe
from flows.report.progress import Progress
from storage.catalog.catalog import attach, catalog_of
from storage.catalog.duck import connect
from storage.errors import NightschoolError
from storage.lake.lake import Lake
from storage.ledger.ledger import Call, Ledger
from storage.ledger.published import publish
from storage.sql.run import run_sql
from storage.upkeep.files import guarded
from storage.workspace import Workspace
from tests.flows.conftest import SMALL
from tests.storage.small import build

pytestmark = pytest.mark.slow

CALLS = 300


def call(number: int) -> Call:
    chat = ({"role": "user", "content": f"question {number} " * 20},)
    return Call(f"key-{number}", "m@1", "r", "solve", chat, {}, "0.0", "answer " * 80, "stop", 1, 1)


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """A lake with calls of this machine, of which one checkpoint is missing: a finding that must not be hidden."""
    workspace = build(tmp_path_factory.mktemp("damage") / "w")
    workspace.folder("checkpoints", "0")
    with Lake(workspace) as lake, Ledger(workspace.ledger) as ledger:
        ledger.add(map(call, range(CALLS)), published=False)
        publish(ledger, lake)
    return workspace


@pytest.fixture
def copy(whole, tmp_path):
    shutil.copytree(whole.root, tmp_path / "w")
    return Workspace.open(tmp_path / "w")


def garbage(file: Path) -> None:
    file.write_bytes(random.Random(1).randbytes(file.stat().st_size))


def half(file: Path) -> None:
    file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])


def behind_the_header(file: Path) -> None:
    data = bytearray(file.read_bytes())
    data[4096:] = random.Random(2).randbytes(len(data) - 4096)
    file.write_bytes(data)


def last_pages(file: Path) -> None:
    """Only what nobody reads to open the file."""
    data = bytearray(file.read_bytes())
    data[-8192:] = random.Random(3).randbytes(8192)
    file.write_bytes(data)


def another(file: Path) -> None:
    """A database of something else."""
    for end in ("", "-wal", "-shm"):
        file.with_name(file.name + end).unlink(missing_ok=True)
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("create table t(a)")
        connection.commit()


def tables(file: Path) -> list[str]:
    code = "import sqlite3, sys; print(*(row[0] for row in sqlite3.connect(sys.argv[1]).execute('select name from sqlite_master')))"
    return subprocess.run(
        [sys.executable, "-c", code, str(file)], check=True, capture_output=True, text=True
    ).stdout.split()


def files(workspace: Workspace) -> dict[Path, bytes]:
    return {path: path.read_bytes() for name in ("lake", "releases") for path in (workspace.root / name).rglob("*.*")}


def lake_check(workspace: Workspace) -> str:
    done = CliRunner().invoke(app, ["lake", "check", "-q", "-w", str(workspace.root)])
    assert done.exit_code == 1 and (done.exception is None or isinstance(done.exception, SystemExit)), done.exception
    return done.output


def ledger_check(workspace: Workspace) -> tuple[int, str]:
    done = CliRunner().invoke(app, ["ledger", "check", "-w", str(workspace.root)])
    assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
    return done.exit_code, done.output


def doctor(workspace: Workspace) -> str:
    findings = examine(workspace_checks(workspace.root))
    assert not any("the check broke" in finding.state for finding in findings), findings
    assert {finding.part for finding in findings} >= {"lake", "ledger"}
    return "\n".join(f"{finding.level} {finding.state}; {finding.remedy}" for finding in findings)


def night(workspace: Workspace, tmp_path: Path) -> str:
    """What the night of a small recipe says when it cannot begin; empty when it can."""
    file = tmp_path / "recipe.yaml"
    file.write_text(yaml.safe_dump(SMALL))
    try:
        with open_night(load_recipe(file), "2026-05-01", workspace, Progress(quiet=True)):
            return ""
    except NightschoolError as error:
        return str(error)


def folder(file: Path) -> None:
    file.unlink()
    file.mkdir()


def dangling(file: Path) -> None:
    file.unlink()
    file.symlink_to("/nonexistent/x")


def loop(file: Path) -> None:
    file.unlink()
    file.symlink_to(file.name)


def other_database(file: Path) -> None:
    for end in ("", "-wal", "-shm"):
        file.with_name(file.name + end).unlink(missing_ok=True)
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("create table notes (text)")


@pytest.mark.parametrize("breaks", [half, last_pages, folder, dangling, loop, other_database])
def test_a_damaged_ledger(copy, tmp_path, breaks):
    breaks(copy.ledger)
    remedy = f"mv {copy.ledger} {copy.ledger}.damaged"
    output = lake_check(copy)
    assert remedy in output and "checkpoint model-1" in output
    code, output = ledger_check(copy)
    assert code == 1 and remedy in output
    output = doctor(copy)
    assert remedy in output and "commits" in output
    assert breaks is last_pages or remedy in night(copy, tmp_path)
    assert "free some space" not in output
    copy.ledger.rename(f"{copy.ledger}.damaged")
    code, output = ledger_check(copy)
    assert code == 0 and night(copy, tmp_path) == ""


@pytest.mark.parametrize("breaks", [behind_the_header, Path.unlink])
def test_a_damaged_catalogue(copy, tmp_path, breaks):
    done = CliRunner().invoke(app, ["lake", "backup", "--name", "mine", "-q", "-w", str(copy.root)])
    assert done.exit_code == 0, done.output
    breaks(copy.root / "catalog.sqlite")
    garbage(copy.ledger)
    remedy = "nightschool lake restore mine-"
    output = lake_check(copy)
    assert remedy in output and f"mv {copy.ledger}" in output
    output = doctor(copy)
    assert remedy in output and f"mv {copy.ledger}" in output
    assert remedy in night(copy, tmp_path)
    copy.ledger.unlink()
    code, output = ledger_check(copy)
    assert code == 1 and remedy in output
    name = next((copy.root / "backups").glob("mine-*")).name
    done = CliRunner().invoke(app, ["lake", "restore", name, "--force", "-q", "-w", str(copy.root)])
    assert done.exit_code == 0, done.output
    assert "catalog.sqlite" not in lake_check(copy) and night(copy, tmp_path) == ""


@pytest.mark.parametrize("left", ["coordination.sqlite", "lake", "releases"])
@pytest.mark.parametrize("breaks", [another, Path.unlink])
def test_a_catalogue_that_is_another_database_or_gone_begins_no_lake(copy, tmp_path, left, breaks):
    """Whatever is left of the lake, nothing is written into that database and nothing of the lake is changed."""
    catalogue = copy.root / "catalog.sqlite"
    breaks(catalogue)
    for name in {"coordination.sqlite", "lake", "releases"} - {left}:
        (copy.root / name).rename(tmp_path / name)
    before = files(copy)
    says = "is not this lake's catalogue" if breaks is another else "is gone"
    outputs = [lake_check(copy), ledger_check(copy)[1], doctor(copy), night(copy, tmp_path)]
    for command in (["lake", "maintain"], ["sql", "from calls"], ["release", "create", "set"]):
        outputs.append(CliRunner().invoke(app, [*command, "-w", str(copy.root)]).output)
    for output in outputs:
        assert says in output and "nightschool lake restore" in output, output
    assert files(copy) == before and (tables(catalogue) == ["t"] if breaks is another else not catalogue.exists())


def test_a_catalogue_of_an_empty_lake_does_not_begin_one_beside_files(copy, tmp_path):
    another(copy.root / "catalog.sqlite")
    (copy.root / "catalog.sqlite").unlink()
    with closing(connect()) as connection:
        attach(connection, copy, catalog_of(copy), read_only=False)
    (copy.root / "coordination.sqlite").unlink()
    assert "is not this lake's catalogue" in night(copy, tmp_path)
    assert "is not this lake's catalogue" in lake_check(copy)


def test_a_database_of_something_else_in_a_new_workspace_stays_what_it_is(tmp_path):
    workspace = Workspace.create(tmp_path / "w")
    another(workspace.root / "catalog.sqlite")
    with pytest.raises(NightschoolError, match="is a database with the table t"):
        Lake(workspace)
    assert tables(workspace.root / "catalog.sqlite") == ["t"]


def test_a_catalogue_put_back_from_a_back_up_by_hand_is_read(copy):
    done = CliRunner().invoke(app, ["lake", "backup", "-q", "-w", str(copy.root)])
    assert done.exit_code == 0, done.output
    (copy.root / "catalog.sqlite").unlink()
    shutil.copy(next((copy.root / "backups").glob("*/catalog.sqlite")), copy.root)
    assert "catalog.sqlite" not in lake_check(copy) and doctor(copy).startswith("ok")


def sql(file: Path, statement: str) -> None:
    with closing(sqlite3.connect(file)) as connection:
        connection.executescript(statement)


@pytest.mark.parametrize("breaks", [folder, dangling, loop])
def test_what_stands_in_place_of_the_catalogue_is_named(copy, tmp_path, breaks):
    breaks(copy.root / "catalog.sqlite")
    what = "is a folder" if breaks is folder else "is a link to "
    for output in (lake_check(copy), doctor(copy), night(copy, tmp_path), ledger_check(copy)[1]):
        assert what in output and "move it away" in output and "free some space" not in output


def test_a_catalogue_behind_a_link_is_asked(copy, tmp_path):
    (copy.root / "catalog.sqlite").rename(tmp_path / "elsewhere.sqlite")
    (copy.root / "catalog.sqlite").symlink_to(tmp_path / "elsewhere.sqlite")
    assert run_sql(copy, "select count(*) as n from calls").to_pylist()[0]["n"] > 0


NO_JSON = "update nightschool_meta set value = 'x'"
TEXT = "insert into nightschool_leases (name, token, holder, place, pid, expires) values ('l', 1, 'h', 'p', 1, 'soon')"
LOST = "alter table nightschool_leases drop column started"


@pytest.mark.parametrize("statement", [NO_JSON, TEXT, LOST])
def test_coordination_tables_that_are_not_ours_are_a_damaged_file(copy, statement):
    file = copy.root / "coordination.sqlite"
    sql(file, statement)
    for output in (lake_check(copy), doctor(copy)):
        assert f"{file} is damaged" in output and f"mv {file} {file}.damaged" in output


def deep(file: Path) -> None:
    file.write_text("[" * 200_000)


RELEASE = "releases/set/1/manifest.json"


@pytest.mark.parametrize("breaks", [folder, loop, deep])
@pytest.mark.parametrize("name", [RELEASE, "releases/set/1/data/cot-00000.parquet", "checkpoints/0/model.safetensors"])
def test_whatever_stands_in_place_of_a_file_hides_no_other_finding(copy, breaks, name):
    file = copy.root / name
    if name.startswith("checkpoints"):
        file.write_text("weights")
    file.chmod(0o600)
    breaks(file)
    for option in ([], ["--deep"]):
        done = CliRunner().invoke(app, ["lake", "check", "-q", *option, "-w", str(copy.root)])
        assert isinstance(done.exception, SystemExit), done.exception
        assert str(file) in done.output or (breaks is deep and str(file.parent) in done.output) or not option
        assert "checkpoint model-1" in done.output


def test_a_file_without_a_size_ends_no_check_in_the_middle(copy):
    sql(copy.root / "catalog.sqlite", "update ducklake_data_file set file_size_bytes = null")
    output = lake_check(copy)
    assert "has no size in the catalogue" in output and "nightschool lake restore" in output


def test_a_check_that_breaks_is_a_finding_and_the_others_are_made(copy, monkeypatch):
    monkeypatch.setattr("storage.upkeep.check.release_ids", Mock(side_effect=ValueError("x")))
    output = lake_check(copy)
    assert "releases: the check broke (ValueError: x)" in output and "checkpoint model-1" in output
    assert next(guarded("a check", map(int, ["x"]))).startswith("a check: the check broke (ValueError")


@pytest.mark.parametrize("breaks", [garbage, folder, dangling, loop])
def test_a_damaged_coordination_file(copy, tmp_path, breaks):
    file = copy.root / "coordination.sqlite"
    breaks(file)
    remedy = f"mv {file} {file}.damaged"
    output = lake_check(copy)
    assert remedy in output and "checkpoint model-1" in output
    output = doctor(copy)
    assert remedy in output and "all published" in output
    assert ledger_check(copy)[0] == 0  # it only reads
    assert remedy in night(copy, tmp_path)
    file.rename(f"{file}.damaged")
    assert "coordination.sqlite" not in lake_check(copy) and night(copy, tmp_path) == ""


def test_without_a_back_up_the_catalogue_comes_back_from_a_copy(copy):
    (copy.root / "catalog.sqlite").unlink()
    assert "there is no back-up" in lake_check(copy)


def test_damage_that_appears_while_the_ledger_is_open_is_named(copy):
    with Ledger(copy.ledger) as ledger:
        last_pages(copy.ledger)
        with pytest.raises(NightschoolError, match="is damaged"):
            for number in range(CALLS):
                ledger.find(f"key-{number}")
