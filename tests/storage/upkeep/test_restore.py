import json
import subprocess
import sys

import pytest

from storage.catalog.backup import back_up, find_backup, list_backups
from storage.catalog.leases import acquire, list_leases
from storage.errors import LakeError, LeaseError
from storage.lake.cursors import changes_since
from storage.lake.lake import Lake, table_of
from storage.lake.maintenance import compact_lake
from storage.upkeep import restore as module
from storage.upkeep.check import check_lake
from storage.upkeep.restore import restore
from tests.storage.lake.test_maintenance import commit, fingerprints, keep_at_once

pytestmark = pytest.mark.slow


def backed_up(lake, name: str = "mine") -> str:
    with lake.lock():
        return back_up(lake.workspace, lake.catalog, name).name


def test_restore_brings_back_the_state_under_an_open_lake_and_keeps_what_was_there(either):
    with Lake(either) as lake:
        for number in range(2):
            commit(lake, number)
        changes_since(lake, "me").acknowledge()
        before, name = fingerprints(lake), backed_up(lake)
        for number in range(2, 5):
            commit(lake, number)
        lake.connection.execute("create table later (a int); insert into later values (1)")
        changes_since(lake, "me").acknowledge()
        compact_lake(lake)
        after = fingerprints(lake)
        acquire(lake.catalog, "training")
        with pytest.raises(LakeError, match=r"the lake has 5 commits, back-up mine-\d.* has 2: .*--force"):
            restore(either, name)
        assert restore(either, name, dry_run=True).to_json() == {
            "backup": name, "commits": 2, "commits_before": 5, "kept": None, "dry_run": True, "takedowns": (),
        }  # fmt: skip
        assert fingerprints(lake) == after
        kept = restore(either, name, force=True).kept
        assert fingerprints(lake) == before, "a process that has it open sees the restored lake"
        assert len(list_leases(lake.catalog)) == 1
        commit(lake, 9)
        assert changes_since(lake, "me").since == 2
        with pytest.raises(LeaseError, match="training"):
            acquire(lake.catalog, "training")
    with Lake(either) as lake:
        assert lake.has("k9") and not lake.has("k2")
    restore(either, str(kept), force=True)
    with Lake(either) as lake:
        assert fingerprints(lake) == after and check_lake(lake) == [] and changes_since(lake, "me").since == 5


def test_a_damaged_back_up_is_refused_by_name(workspace):
    with Lake(workspace) as lake:
        commit(lake, 0)
        name = backed_up(lake)
    file = workspace.root / "backups" / name / "catalog.sqlite"
    whole, before = file.read_bytes(), (workspace.root / "catalog.sqlite").read_bytes()
    for damage, message in ((whole[:-1], "has changed"), (None, "is missing")):
        file.unlink() if damage is None else file.write_bytes(damage)
        with pytest.raises(LakeError, match=rf"back-up {name} is damaged: .*catalog.sqlite {message}"):
            restore(workspace, name, force=True)
    (file.parent / "backup.json").write_text("{")
    with pytest.raises(LakeError, match=rf"back-up {name} is damaged: .*backup.json"):
        restore(workspace, name, force=True)
    with pytest.raises(LakeError, match="unknown back-up 'other'"):
        restore(workspace, "other")
    assert (workspace.root / "catalog.sqlite").read_bytes() == before


def test_a_back_up_whose_files_are_gone_or_of_another_lake_is_refused(workspace, tmp_path):
    with Lake(workspace) as lake:
        commit(lake, 0)
        commit(lake, 1)
        name = backed_up(lake)
        keep_at_once(lake)
    with pytest.raises(LakeError, match=r"names 2 files that are gone .*main/problems/"):
        restore(workspace, name, force=True)
    folder = find_backup(workspace, name).folder
    workspace.config["data"] = str(tmp_path / "elsewhere")
    with pytest.raises(LakeError, match=r"has data in its workspace, workspace .* has .*elsewhere"):
        restore(workspace, str(folder), force=True)


def test_a_damaged_or_missing_catalogue_is_restored_and_the_damaged_one_kept(workspace):
    with Lake(workspace) as lake:
        commit(lake, 0)
        before, name = fingerprints(lake), backed_up(lake)
    (workspace.root / "catalog.sqlite").write_bytes(b"garbage" * 1000)
    with pytest.raises(LakeError, match=r"cannot be read: .*damaged.*--force keeps it aside"):
        restore(workspace, name)
    kept = restore(workspace, name, force=True).kept
    assert kept and "damaged-" in kept
    with Lake(workspace) as lake:
        assert fingerprints(lake) == before
    (workspace.root / "catalog.sqlite").unlink()
    assert restore(workspace, name).commits_before is None
    with Lake(workspace, read_only=True) as lake:
        assert fingerprints(lake) == before and check_lake(lake) == []
    assert [backup.name for backup in list_backups(workspace)] == [name]


def test_a_restore_that_dies_before_the_catalogue_leaves_a_lake_that_opens(workspace, monkeypatch):
    with Lake(workspace) as lake:
        commit(lake, 0)
        name = backed_up(lake)
        commit(lake, 1)
        before = fingerprints(lake)

    def dies(command, what):
        if what.startswith("restoring"):
            raise LakeError(f"{what} failed: killed")
        return subprocess.run(command, check=True, capture_output=True)

    with monkeypatch.context() as patch, pytest.raises(LakeError, match="killed"):
        patch.setattr(module, "run", dies)
        restore(workspace, name, force=True)
    with Lake(workspace) as lake:
        assert fingerprints(lake) == before and check_lake(lake) == []
    restore(workspace, name, force=True)
    with Lake(workspace) as lake:
        assert lake.has("k0") and not lake.has("k1")


def test_a_back_up_of_a_newer_version_is_refused(workspace):
    with Lake(workspace) as lake:
        commit(lake, 0)
        name = backed_up(lake)
    folder = workspace.root / "backups" / name
    (folder / "workspace.json").write_text(json.dumps({"format": 99}))
    record = json.loads((folder / "backup.json").read_text())
    code = "import hashlib, sys; print(hashlib.sha256(open(sys.argv[1], 'rb').read()).hexdigest())"
    done = subprocess.run(
        [sys.executable, "-c", code, str(folder / "workspace.json")], check=True, capture_output=True, text=True
    )
    record["files"]["workspace.json"] = done.stdout.strip()
    (folder / "backup.json").write_text(json.dumps(record))
    with pytest.raises(Exception, match=r"has format 99.*update Nightschool"):
        restore(workspace, name)


def test_the_name_of_a_back_up_is_a_name(workspace):
    with Lake(workspace) as lake:
        lake.commit("k", "test", {"runs": table_of("runs", [{"run_id": "r"}])})
        with pytest.raises(LakeError, match=r"back-up name '\.\./x'"):
            backed_up(lake, "../x")
