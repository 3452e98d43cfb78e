"""`nightschool release` as people use it."""

import json

import pytest
import yaml

from tests.flows.cli.test_sql_command import Shell
from tests.storage.small import build

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def shell(tmp_path_factory):
    return Shell(build(tmp_path_factory.mktemp("release") / "w"))


def test_a_release_is_made_shown_compared_and_verified(shell):
    release = json.loads(
        shell(
            "release",
            "create",
            "mix",
            "--where",
            "words < 100",
            "--mixture",
            "tutorship=50%",
            "--mixture",
            "cot=50%",
            "--json",
        )
    )
    assert release["release"] == "mix@1" and release["new"] and release["rows"] == 16
    again = shell("release", "create", "mix", "--mixture", "tutorship=50%", "--mixture", "cot=50%")
    assert "nothing was made" in again
    shown = yaml.safe_load(shell("release", "show", "mix"))
    assert shown["by_method"] == {"cot": 8, "tutorship": 8} and shown["mixture"] == {
        "method:tutorship": "50%",
        "method:cot": "50%",
    }
    difference = json.loads(shell("release", "diff", "set@1", "set@2", "--json"))
    assert (difference["rows_in"], difference["rows_out"], difference["kept"]) == (10, 0, 10)
    assert "10 rows in, 0 out, 10 kept" in shell("release", "diff", "set@1", "set@2")
    assert {row["release_id"] for row in json.loads(shell("release", "list", "--json"))} == {"set@1", "set@2", "mix@1"}
    assert shell("release", "verify").count("every hash is right") == 3


def test_what_cannot_be_released_is_a_sentence(shell):
    assert "no accepted row fits" in shell("release", "create", "none", "--where", "tier > 99", code=1)
    assert "read_text" in shell(
        "release", "create", "x", "--where", "method in (select content from read_text('/etc/passwd'))", code=1
    )
    assert "write method:cot=5000" in shell("release", "create", "x", "--mixture", "half", code=1)
    assert "there are " in shell("release", "verify", "nothing", code=1)


def test_a_changed_file_fails_the_verification(shell):
    path = next((shell.workspace.root / "releases" / "set" / "1" / "data").glob("*.parquet"))
    content = path.read_bytes()
    path.chmod(0o644)
    path.write_bytes(b"")
    result = shell("release", "verify", "set@1", "--json", code=1)
    path.write_bytes(content)
    assert result == "" or "has changed" in result
    assert "every hash is right" in shell("release", "verify", "set@1")


def test_a_release_is_published_and_exported(shell, tmp_path):
    published = json.loads(shell("release", "publish", "set@1", str(tmp_path / "hub"), "--shape", "messages", "--json"))
    assert (
        published["releases"] == ["set@1"] and published["pushed"] is None and (tmp_path / "hub" / "README.md").exists()
    )
    assert "set@1, set@2 in" in shell("release", "publish", "set@2", str(tmp_path / "hub"), "--shape", "messages")
    assert "$HF_TOKEN" in shell(
        "release", "publish", "set@2", str(tmp_path / "hub"), "--shape", "messages", "--push", "me/set", code=1
    )
    assert "12 rows" in shell("release", "export", "set@2", str(tmp_path / "rl.parquet"), "--shape", "verl")
