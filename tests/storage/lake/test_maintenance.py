import os
import random
import shutil
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta

import pytest

from storage.catalog.backup import back_up
from storage.catalog.evolution import known_tables
from storage.catalog.leases import acquire
from storage.errors import LakeError, LeaseError
from storage.lake.cursors import changes_since
from storage.lake.lake import Lake, table_of
from storage.lake.maintenance import clean, compact, compact_lake, expire, maintain_lake
from storage.releases.checks import verify_release
from storage.releases.making import create_release
from storage.releases.reading import get_release
from storage.upkeep.check import check_lake
from tests.storage.releases.test_releases import accept


def commit(lake, number: int) -> None:
    rows = [{"problem_id": f"{number}-{index}", "split": "heldout"} for index in range(30)]
    lake.commit(f"k{number}", "test", {"problems": table_of("problems", rows)})


def ids(changes) -> set[str]:
    return {name for batch in changes.batches("problems", ["problem_id"]) for name in batch["problem_id"].to_pylist()}


def fingerprints(lake) -> dict[str, tuple[int, str]]:
    """Rows and a hash of all rows, of every table."""
    rows = lake.rows(
        " union all ".join(
            f"select '{name}' as name, count(*) as n, coalesce(sum(hash(t)::hugeint), 0)::varchar as h from {name} t"
            for name in known_tables()
        )
    )
    return {row["name"]: (row["n"], row["h"]) for row in rows}


def soon() -> datetime:
    return datetime.now(UTC) + timedelta(minutes=1)


def keep_at_once(lake) -> dict:
    """All of maintenance as if `keep_days` had passed."""
    with acquire(lake.catalog, "maintenance") as lease:
        compacted = compact(lake, lease)
        return {**compacted, **expire(lake, lease, soon()), **clean(lake, lease, soon())}


@pytest.mark.slow
def test_nothing_that_anybody_needs_changes_through_compaction_expiry_and_clean_up(either):
    with Lake(either) as lake:
        accept(lake, "a", "b")
        release = create_release(lake, "set", night="n")
        for number in range(6):
            commit(lake, number)
        changes_since(lake, "me").acknowledge()
        commit(lake, 6)
        before, files = fingerprints(lake), len(list(either.data.rglob("*.parquet")))
        done = keep_at_once(lake)
        assert done["files_before"] == files and done["files_after"] < files and done["files_removed"] > 0
        assert done["snapshots_expired"] > 0 and done["snapshots_kept"] == 1 and done["bytes_removed"] > 0
        assert len(list(either.data.rglob("*.parquet"))) == done["files_after"]
        assert fingerprints(lake) == before
        again = keep_at_once(lake)
        assert (again["bytes_to_merge"], again["rows_flushed"], again["files_removed"]) == (0, 0, 0)
    with Lake(either) as lake:
        assert fingerprints(lake) == before and check_lake(lake) == []
        assert release is not None and verify_release(lake, get_release(lake, release.id)) == []
        new = changes_since(lake, "me")
        assert (new.since, new.until) == (8, 9) and ids(new) == {f"6-{index}" for index in range(30)}
        commit(lake, 7)


@pytest.mark.slow
def test_a_cursor_is_right_through_deletes_rewrites_compaction_and_expiry(either):
    with Lake(either) as lake:
        for number in range(3):
            commit(lake, number)
        changes_since(lake, "me").acknowledge()
        commit(lake, 3)
        lake.connection.execute("delete from problems where problem_id in ('0-1', '3-1')")
        lake.connection.execute("call ducklake_rewrite_data_files('lake', delete_threshold => 0.0)")
        keep_at_once(lake)
        new = changes_since(lake, "me")
        assert (new.since, new.until) == (3, 4) and ids(new) == {f"3-{index}" for index in range(30)} - {"3-1"}
        new.acknowledge()
        assert changes_since(lake, "me").commits == ()


@pytest.mark.slow
def test_compaction_killed_in_the_middle_leaves_a_lake_that_opens_and_a_second_run_finishes(either):
    with Lake(either) as lake:
        for number in range(3):
            commit(lake, number)
            accept(lake, *(f"{number}-{index}" for index in range(30)))
        before = fingerprints(lake)
    maintainer = subprocess.Popen(
        [sys.executable, "-m", "tests.storage.maintainer", str(either.root)], stdout=subprocess.PIPE, text=True
    )
    assert maintainer.stdout is not None
    while not (line := maintainer.stdout.readline()).startswith("compaction of problems"):
        assert line, "it ended before"
    time.sleep(random.uniform(0, 0.1))
    maintainer.kill()
    maintainer.wait()
    with Lake(either) as lake:
        assert fingerprints(lake) == before
        compact_lake(lake)
        assert compact_lake(lake, dry_run=True)["tables"] == []
        assert fingerprints(lake) == before and check_lake(lake) == []


@pytest.mark.slow
def test_maintenance_keeps_young_files_and_its_dry_run_does_nothing(workspace):
    with Lake(workspace) as lake:
        for number in range(3):
            commit(lake, number)
        orphan = workspace.data / "main" / "problems" / "ducklake-of-a-killed-writer.parquet"
        shutil.copy2(next(workspace.data.rglob("*.parquet")), orphan)
        young = orphan.with_name("ducklake-of-a-writer-at-work.parquet")
        shutil.copy2(orphan, young)
        os.utime(orphan, (time.time() - 9 * 86_400,) * 2)
        files = sorted(workspace.data.rglob("*.parquet"))
        planned = maintain_lake(lake, dry_run=True)
        assert planned["compaction"]["tables"] == ["problems"] and planned["compaction"]["bytes_to_merge"] > 0
        assert planned["cleaning"]["orphans_removed"] == 1 and planned["backup"] is None
        assert sorted(workspace.data.rglob("*.parquet")) == files and not (workspace.root / "backups").exists()
        lines: list[str] = []
        done = maintain_lake(lake, say=lines.append)
        assert done["compaction"]["files_after"] < done["compaction"]["files_before"]
        assert (done["cleaning"]["orphans_removed"], done["cleaning"]["files_removed"]) == (1, 0)
        assert not orphan.exists() and young.exists() and lines[0].startswith("back-up")
        assert set(files) - {orphan} <= set(workspace.data.rglob("*.parquet")), "replaced files stay for keep_days"
        with pytest.raises(LakeError, match="keep-days 0: at least 1"):
            maintain_lake(lake, keep_days=0)


@pytest.mark.slow
def test_orphans_stay_while_a_back_up_names_them_or_another_lake_may_own_them(workspace, tmp_path):
    with Lake(workspace) as lake:
        commit(lake, 0)
        with lake.lock():
            backup = back_up(workspace, lake.catalog, "mine")
        (file,) = (workspace.data / "main" / "problems").glob("*.parquet")
        lake.connection.execute("truncate problems")
        keep_at_once(lake)
        assert not file.exists()
        file.write_bytes(b"x")  # as after a restore of an older back-up: here, but unknown to the catalogue
        os.utime(file, (time.time() - 9 * 86_400,) * 2)
        week = datetime.now(UTC) - timedelta(days=7)
        with acquire(lake.catalog, "maintenance") as lease:
            held = clean(lake, lease, week)
            assert held["orphans_held"] == 1 and backup.name in held["held_because"] and file.exists()
            shutil.rmtree(backup)
            workspace.config["data"] = str(workspace.data)
            assert "another lake may share" in clean(lake, lease, week)["held_because"] and file.exists()
            assert clean(lake, lease, week, orphans=True)["orphans_removed"] == 1 and not file.exists()


def test_orphans_that_are_more_than_half_of_all_files_stay_unless_it_is_said(workspace):
    with Lake(workspace) as lake:
        commit(lake, 0)
        (file,) = workspace.data.rglob("*.parquet")
        orphans = [file.with_name(f"ducklake-of-another-{number}.parquet") for number in range(2)]
        for orphan in orphans:
            shutil.copy2(file, orphan)
            os.utime(orphan, (time.time() - 9 * 86_400,) * 2)
        week = datetime.now(UTC) - timedelta(days=7)
        with acquire(lake.catalog, "maintenance") as lease:
            held = clean(lake, lease, week)
            assert (
                held["orphans_held"] == 2
                and "names 1 files" in held["held_because"]
                and "--orphans" in held["held_because"]
            )
            assert all(orphan.exists() for orphan in orphans)
            assert clean(lake, lease, week, orphans=True)["orphans_removed"] == 2


@pytest.mark.slow
def test_old_back_ups_of_maintenance_go_and_those_of_people_stay(workspace):
    with Lake(workspace) as lake:
        commit(lake, 0)
        for name in ("maintenance", "mine"):
            with lake.lock():
                folder = back_up(workspace, lake.catalog, name)
            text = (folder / "backup.json").read_text()
            old = (datetime.now(UTC) - timedelta(days=8)).strftime("%Y%m%dT%H%M%S%f")
            (folder / "backup.json").write_text(text.replace(folder.name.partition("-")[2], old))
        with acquire(lake.catalog, "maintenance") as lease:
            (gone,) = clean(lake, lease, datetime.now(UTC) - timedelta(days=7))["backups_removed"]
        (left,) = (workspace.root / "backups").iterdir()
        assert gone.startswith("maintenance-") and left.name.startswith("mine-")


def test_too_little_room_is_said_before_anything_is_merged(workspace, monkeypatch):
    with Lake(workspace) as lake:
        for number in range(3):
            commit(lake, number)
        usage = shutil.disk_usage(workspace.data)
        monkeypatch.setattr("storage.lake.maintenance.shutil.disk_usage", lambda _: usage._replace(free=100))
        with pytest.raises(LakeError, match=r"compaction needs .* MB free; nothing was merged"):
            compact_lake(lake)
        assert len(list(workspace.data.rglob("*.parquet"))) == 3


def test_one_maintains_at_a_time_and_a_caller_may_hold_the_lease(workspace):
    with Lake(workspace) as lake:
        commit(lake, 0)
        with acquire(lake.catalog, "maintenance", purpose="another's") as lease:
            with pytest.raises(LeaseError, match="another's"):
                maintain_lake(lake)
            assert maintain_lake(lake, lease=lease, dry_run=True)["backup"] is None
        lost = acquire(lake.catalog, "maintenance")
        lost.release()
        with acquire(lake.catalog, "maintenance"), pytest.raises(LeaseError, match="lost"):
            expire(lake, lost, soon())
