"""No error repeats the password of an address."""

import pytest

from storage.shown_values import shown_value


@pytest.mark.parametrize(
    "value",
    ["http://u:hunter2@h", "ftp://h/?key=hunter2", "h://x#hunter2", ["http://u:hunter2@h"], {"a": "s3://id:hunter2@b"}],
)
def test_a_password_is_not_shown(value):
    assert "hunter2" not in shown_value(value)


@pytest.mark.parametrize("value", ["http://127.0.0.1:8000/v1", "a@b?", 3, None])
def test_everything_else_is(value):
    assert shown_value(value) == repr(value)
