"""`nightschool reverify` as people call it."""

import json

import pytest
from typer.testing import CliRunner

from flows.cli import app
from tests.flows.night import older


@pytest.fixture
def reverify(workspace):
    older.write(workspace)

    def call(*arguments, code=0, answer=""):
        done = CliRunner().invoke(app, ["reverify", "--workspace", str(workspace.root), *arguments], input=answer)
        assert done.exit_code == code, done.output
        return done.output

    return call


@pytest.mark.slow
def test_it_shows_asks_does_what_it_is_told_and_has_nothing_to_do_then(reverify):
    shown = reverify("--plan")
    assert "answer: on 6 rows version 1 has decided" in shown and "wrong_answer" in shown
    assert "of 6 rows 2 would be rejected that are accepted, 2 accepted that are rejected" in shown
    assert "release set@1 would get a successor" in shown and "tainted: model second" in shown
    assert "Aborted" in reverify(answer="n\n", code=1)
    assert json.loads(reverify("--plan", "--json"))["plan"]["rows"] == 6, "nothing was done"
    some = json.loads(reverify("--plan", "--json", "--where", "gold = '17' or method = 'none'"))["plan"]
    assert some["rows"] == 1 and some["changes"][0]["examples"][0]["sample_id"] == "wrong-0"
    assert "--where" in reverify("--plan", "--where", "1 = 1; drop table samples", code=1)
    assert "did you mean" in reverify("--plan", "--filter", "anser", code=1)
    done = json.loads(reverify("--yes", "--json", "--quiet"))["done"]
    assert (done["rejected_now"], done["accepted_now"]) == (2, 2) and done["successors"][0]["successor"] == "set@2"
    assert "nothing to do" in reverify() and json.loads(reverify("--yes", "--json"))["plan"]["nothing"]
