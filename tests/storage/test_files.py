"""A file is there whole or not at all."""

import pytest

from storage.files import whole, write_whole


def test_a_file_is_replaced_when_all_of_it_is_written(tmp_path):
    target = tmp_path / "a.json"
    write_whole(target, "first\n")
    with whole(target) as making:
        making.write_text("sec")
        assert target.read_text() == "first\n"
        making.write_text("second\n")
    assert target.read_text() == "second\n" and list(tmp_path.iterdir()) == [target]


def test_a_file_that_cannot_be_finished_leaves_the_old_one_and_no_rest(tmp_path):
    target = tmp_path / "a.json"
    write_whole(target, "first\n")
    with pytest.raises(OSError, match="full"), whole(target) as making:
        making.write_text("sec")
        raise OSError("the disk is full")
    assert target.read_text() == "first\n" and list(tmp_path.iterdir()) == [target]
