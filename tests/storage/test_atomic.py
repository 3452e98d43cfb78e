"""A file is there whole or not at all."""

import pytest

from storage.atomic import atomic_file, atomic_folder, write_text


def test_a_file_is_replaced_when_all_of_it_is_written(tmp_path):
    target = tmp_path / "a.json"
    write_text(target, "first\n")
    with atomic_file(target) as making:
        making.write_text("sec")
        assert target.read_text() == "first\n"
        making.write_text("second\n")
    assert target.read_text() == "second\n" and list(tmp_path.iterdir()) == [target]


def test_a_file_that_cannot_be_finished_leaves_the_old_one_and_no_rest(tmp_path):
    target = tmp_path / "a.json"
    write_text(target, "first\n")
    with pytest.raises(OSError, match="full"), atomic_file(target) as making:
        making.write_text("sec")
        raise OSError("the disk is full")
    assert target.read_text() == "first\n" and list(tmp_path.iterdir()) == [target]


def test_a_file_for_its_owner_alone_is_so_from_its_first_byte(tmp_path):
    target = tmp_path / "login"
    (tmp_path / ".login.making").write_text("left by a process that died, readable by all")
    write_text(target, "secret\n", mode=0o600, synced=True)
    assert target.read_text() == "secret\n" and target.stat().st_mode & 0o777 == 0o600


def test_a_folder_is_there_whole_or_not_at_all(tmp_path):
    target = tmp_path / "run"
    (tmp_path / ".run.making").mkdir()
    (tmp_path / ".run.making" / "old").touch()
    with pytest.raises(OSError, match="full"), atomic_folder(target) as making:
        (making / "a").touch()
        raise OSError("the disk is full")
    assert list(tmp_path.iterdir()) == []
    with atomic_folder(target) as making:
        (making / "a").touch()
    assert list(tmp_path.iterdir()) == [target] and [path.name for path in target.iterdir()] == ["a"]
