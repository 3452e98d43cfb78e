"""What people type wrongly gets a sentence, never a traceback."""

import copy
import json
import subprocess
import sys

import pytest

from storage.workspace import FORMAT_VERSION
from tests.flows.conftest import SMALL

GOOD = '{"question": "What is 1 + 1?", "answer": "2"}\n'


def with_file(cli, text: str | bytes, name: str = "data.jsonl") -> dict:
    path = cli.folder / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    content = copy.deepcopy(SMALL)
    mapping = {"question": "question", "answer": "answer"}
    content["problems"]["sources"] = [
        {"name": "mine", "kind": "file", "options": {"path": str(path), "mapping": mapping, "bad_gold": "stop"}}
    ]
    content["methods"] = [{"method": "gold"}]
    return content


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        (GOOD + '{"question": "broken"', ["data.jsonl", "line 2"]),
        (GOOD + GOOD.replace("1 + 1", "1 + 2").replace("answer", "reply"), ["data.jsonl", "line 2", "answer"]),
        ("", ["data.jsonl", "no rows"]),
        (GOOD + '{"question": "q?", "answer": ""}\n', ["line 2"]),
    ],
)
def test_a_bad_file_is_named_with_its_line(cli, text, parts):
    message = cli("plan", cli.recipe(with_file(cli, text)), code=1)
    for part in parts:
        assert part in message, message


def test_what_a_file_leaves_out_is_said_with_its_lines(cli):
    content = with_file(cli, GOOD + GOOD + '{"question": "q?", "answer": ""}\n')
    del content["problems"]["sources"][0]["options"]["bad_gold"]
    recipe = cli.recipe(content)
    plan = json.loads(cli("plan", recipe, "--json"))
    assert plan["problems"] == {"mine": 1}
    assert plan["left_out"] == [
        "source mine: 1 row left out, bad_gold (row 3)", "source mine: 1 row left out, duplicate (row 2)",
    ]  # fmt: skip
    assert [(row["line"], row["reason"], row["question"]) for row in plan["left_out_rows"]][-1] == (3, "bad_gold", "q?")
    assert "1 row left out, bad_gold (row 3)" in cli("plan", recipe)
    listed = cli("plan", recipe, "--left-out")
    assert "2 rows make no problem" in listed and "duplicate" in listed and "does not verify" in listed


def test_a_missing_file_is_named(cli):
    content = with_file(cli, GOOD)
    content["problems"]["sources"][0]["options"]["path"] = str(cli.folder / "gone.jsonl")
    recipe = cli.recipe(content)
    for command in (("plan", recipe), ("run", recipe, "--quiet")):
        assert "gone.jsonl" in cli(*command, code=1)


@pytest.mark.parametrize(
    ("change", "parts"),
    [
        (["--set", "methods.0.method=tutership"], ["tutership", "did you mean 'tutorship'"]),
        (["--set", "problems.limit=-1"], ["problems.limit = -1"]),
        (["--set", "problems.sources.0.kind=arithmetics"], ["arithmetics", "did you mean 'arithmetic'"]),
        (["--date", "yesterday"], ["'yesterday'", "YYYY-MM-DD"]),
        (["--set", "filters.lenght.x=1"], ["lenght", "did you mean 'length'"]),
    ],
)
def test_a_bad_word_is_answered_with_the_right_one(cli, change, parts):
    message = cli("plan", cli.recipe(SMALL), *change, code=1)
    for part in parts:
        assert part in message, message


def test_a_workspace_of_a_newer_version_is_refused(cli):
    cli.workspace.mkdir()
    (cli.workspace / "workspace.json").write_text(json.dumps({"format": FORMAT_VERSION + 1}))
    for command in (["run", cli.recipe(SMALL)], ["sql", "select 1"]):
        assert "update Nightschool" in cli(*command, code=1)


def test_a_query_before_the_first_night_says_what_to_do(cli):
    assert "run a recipe first" in cli("sql", "select 1", code=1)


def test_a_prefect_server_that_is_gone_is_a_sentence(cli):
    cli.environment["PREFECT_API_URL"] = "http://127.0.0.1:9/api"
    cli.environment["PREFECT_CLIENT_MAX_RETRIES"] = "0"
    output = cli("run", cli.recipe(SMALL), "--quiet", code=1)
    assert "http://127.0.0.1:9/api" in output and "unset PREFECT_API_URL" in output


def test_a_schedule_that_is_none_starts_and_writes_nothing(cli):
    output = cli("up", cli.recipe(SMALL), "--port", "0", "--cron", "banana", code=1)
    assert "cron 'banana' is no schedule" in output and not cli.workspace.exists()


def test_plan_writes_nothing(cli):
    plan = json.loads(cli("plan", cli.recipe(SMALL), "--json"))
    assert plan["attempts"] == {"cot": 60} and plan["calls"] == 60 and plan["cost"] == 0
    assert not cli.workspace.exists()


def test_plan_prices_what_a_paid_model_would_take(cli):
    content = copy.deepcopy(SMALL)
    content["models"]["teacher"] = {
        "engine": "vllm", "endpoint": "http://127.0.0.1:9", "name": "m", "revision": "1",
        "price": {"prompt": 1.0, "completion": 2.0}, "tokens_per_second": 100,
    }  # fmt: skip
    content["methods"][0]["params"] = {"samples": 4, "max_tokens": 100}
    plan = json.loads(cli("plan", cli.recipe(content), "--json"))
    role = plan["roles"][0]
    assert role["calls"] == 240 and role["completion_tokens"] == 24_000
    assert role["hours"] == pytest.approx(240 / 3600, abs=1e-3)
    expected = role["expected"]  # no night says anything yet: by the prompts
    assert expected["nights"] == 0 and expected["calls"] == 240 and expected["spread"] is None
    assert 240 * 30 < expected["prompt_tokens"] < role["prompt_tokens"] / 2
    assert plan["cost"] == pytest.approx(0.048 + role["prompt_tokens"] / 1e6, abs=1e-4)


def test_plan_counts_what_filters_ask(cli):
    content = copy.deepcopy(SMALL)
    content["models"] |= {
        name: {"engine": "vllm", "endpoint": "http://127.0.0.1:9", "name": name, "revision": "1"}
        for name in ("grader", "scorer")
    }
    content["filters"] = {"rubric": {"role": "grader", "max_tokens": 50}, "perplexity": {"role": "scorer"}}
    content["methods"][0]["params"] = {"samples": 2, "max_tokens": 100}
    roles = {role["role"]: role for role in json.loads(cli("plan", cli.recipe(content), "--json"))["roles"]}
    assert (roles["grader"]["calls"], roles["grader"]["completion_tokens"]) == (240, 12_000)  # 2 rows, 2 aspects
    assert (roles["scorer"]["calls"], roles["scorer"]["prompt_tokens"]) == (120, 12_000)


def test_methods_are_listed(cli):
    listed = json.loads(cli("methods", "--json"))
    assert {"cot", "critique", "gold", "knights_knaves", "tutorship"} <= {row["name"] for row in listed}


def test_what_ctrl_c_ended_does_not_wait_for_the_end_of_python():
    code = (
        "import atexit, time\n"
        "from flows import cli\n"
        "atexit.register(time.sleep, 3600)\n"
        "def app():\n    print('said')\n    raise SystemExit(cli.STOPPED)\n"
        "cli.app = app\n"
        "cli.main()\n"
    )
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (ended.returncode, ended.stdout) == (130, "said\n"), ended.stderr
