import json

from typer.testing import CliRunner

from flows.cli import app
from storage.lake.lake import Lake
from storage.ledger.ledger import Ledger
from storage.ledger.published import publish

RUN = CliRunner()


def test_generations_are_imported_published_and_checked(workspace, tmp_path):
    file = tmp_path / "f.jsonl"
    file.write_text(json.dumps({"messages": [{"role": "user", "content": "q"}], "response": "a"}) + "\n")
    options = ["--workspace", str(workspace.root), "--json"]
    done = RUN.invoke(app, ["ledger", "import", str(file), "--model", "m@1", *options])
    assert done.exit_code == 0, done.output
    assert json.loads(done.stdout) == {"lines": 1, "new": 1, "known": 0, "differing": 0, "failed": 0}
    with Lake(workspace) as lake, Ledger(workspace.ledger) as ledger:
        publish(ledger, lake)
    done = RUN.invoke(app, ["ledger", "check", *options])
    assert done.exit_code == 0 and json.loads(done.stdout)["agree"] is True


def test_a_check_that_finds_something_exits_with_1_and_can_repair(workspace, tmp_path):
    file = tmp_path / "f.jsonl"
    file.write_text(json.dumps({"messages": [{"role": "user", "content": "q"}], "response": "a"}) + "\n")
    options = ["--workspace", str(workspace.root)]
    assert RUN.invoke(app, ["ledger", "import", str(file), "--model", "m@1", *options]).exit_code == 0
    with Ledger(workspace.ledger) as ledger:
        ledger.mark_published([call.key for call in ledger.unpublished()])
    done = RUN.invoke(app, ["ledger", "check", *options])
    assert done.exit_code == 1 and "missing_in_lake" in done.stdout
    assert RUN.invoke(app, ["ledger", "check", "--repair", *options]).exit_code == 0


def test_a_bad_line_is_a_sentence(workspace, tmp_path):
    (tmp_path / "f.jsonl").write_text("{}\n")
    done = RUN.invoke(app, ["ledger", "import", str(tmp_path / "f.jsonl"), "--model", "m@1", "-w", str(workspace.root)])
    assert done.exit_code == 1 and "line 1: messages: Field required" in done.stderr
