"""`nightschool try` and `nightschool methods`: a look at a method before paying for a night."""

import json
import re
import subprocess
import sys
import threading
import tomllib
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner

from flows.cli import app
from flows.night.trial import Watched
from flows.recipe.recipe import load_recipe
from synth.answers.format import FORMATS
from synth.calls.ask import Asker
from synth.calls.prompting import Prompts
from synth.methods import get_method
from synth.night.runner import run_attempts
from synth.problems import open_source
from tests.synth.conftest import Scripted
from tests.synth.night.test_runner import attempts

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parent.parent.parent.parent

RUNNER = CliRunner()
WRONG = "2 + 3 = 6\\n6 - 1 = 5\\n#### 5"
GIVEN = [
    "--problem",
    "Ann has 2 apples, buys 3 and sells 1. How many?",
    "--gold",
    "4",
    "--solution",
    "2 + 3 = 5\\n5 - 1 = 4",
]


def tried(*arguments, code=0):
    result = RUNNER.invoke(app, ["try", *arguments])
    assert result.exit_code == code, result.output
    return result.output


@pytest.mark.parametrize("method", ["cot", "gold", "knights_knaves", "retrospective_enhancement"])
def test_methods_that_need_no_model_can_be_tried_at_once(method):
    shown = json.loads(tried(method, "--json", "--tier", "3"))
    assert shown["status"] == "done" and [sample["decision"] for sample in shown["samples"]] == ["accepted"]


def test_the_whole_dialogue_is_shown():
    shown = tried("tutorship", *GIVEN, "--attempt", WRONG)
    for word in (
        "is asked `solve`",
        "is asked `tutorship/correct`",
        "First wrong step: 1",
        "2 + 3 is 5, not 6.",
        "#### 4",
        "accepted",
    ):
        assert word in shown, word
    result = json.loads(tried("tutorship", *GIVEN, "--attempt", WRONG, "--json"))
    assert [(call["role"], call["model"]) for call in result["calls"]] == [
        ("student", "given@1"),
        ("teacher", "solver@2"),
    ]
    assert (
        result["samples"][0]["attrs"]["first_error_step"] == 1 and result["samples"][0]["verdicts"]["answer"] == "pass"
    )


def test_critique_of_a_typed_attempt():
    result = json.loads(tried("critique", *GIVEN, "--attempt", WRONG, "--json"))
    assert result["samples"][0]["labels"] == [False, False] and result["samples"][0]["kind"] == "stepwise"
    assert "✗ 2 + 3 = 6" in tried("critique", *GIVEN, "--attempt", WRONG)


def test_a_puzzle_is_solved_from_its_text():
    puzzle = (
        "A very special island is inhabited only by knights and knaves. Knights always tell the truth, and knaves always "
        'lie. You meet 2 inhabitants: Ann, and Bo. Ann said that Bo is a knave. "Ann is a knave and Bo is a knave," Bo said. '
        "So who is a knight and who is a knave?"
    )
    result = json.loads(tried("knights_knaves", "--problem", puzzle, "--task", "knights_knaves", "--json"))
    assert result["problem"]["gold"] == "Ann is a knight, Bo is a knave"


def test_a_workspace_keeps_the_calls(tmp_path):
    workspace = str(tmp_path / "place")
    first = tried("cot", "-w", workspace, "--json")
    assert (tmp_path / "place" / "ledger.sqlite").exists() and tried("cot", "-w", workspace, "--json") == first
    assert tried("cot", "--json", "--set", "methods.cot.params.samples=2").count('"prompt": "solve"') == 2


@pytest.mark.parametrize(
    ("arguments", "parts"),
    [
        (["tutership"], ["did you mean 'tutorship'"]),
        (["tutorship"], ["models.student is missing", "--recipe", "--attempt"]),
        (["tutorship", "--problem", "x", "--attempt", "y"], ["--gold"]),
        (["cot", "--problem", "x", "--source", "arithmetic"], ["--problem or --source"]),
        (["cot", "--problem", "x", "--gold", "no number at all, really"], []),
        (["cot", "--problem", "x", "--task", "maths"], ["task", "maths"]),
        (["knights_knaves", "--problem", "Hello.", "--task", "knights_knaves"], ["--problem"]),
        (["knights_knaves", "--problem", "x"], ["works on knights_knaves"]),
        (["cot", "--set", "methods.cot.params.sample=2"], ["sample"]),
        (["cot", "--source", "nowhere"], ["nowhere"]),
    ],
)
def test_what_is_wrong_is_said_in_a_sentence(arguments, parts):
    result = RUNNER.invoke(app, ["try", *arguments])
    assert not isinstance(result.exception, Exception) or isinstance(result.exception, SystemExit)
    if parts:
        assert result.exit_code == 1
    for part in parts:
        assert part in result.output, result.output


def test_the_recipe_of_all_kinds_loads_and_gives_its_models_and_parameters():
    recipe = ROOT / "recipes" / "kinds.yaml"
    loaded = load_recipe(recipe)
    assert len(loaded.methods) == 9
    shown = tried("knights_knaves", "--recipe", str(recipe), "--set", "models={teacher: {engine: solver}}", "--json")
    assert json.loads(shown)["problem"]["source"] == "puzzles"


def test_methods_are_listed_with_what_their_parameters_mean():
    listed = json.loads(RUNNER.invoke(app, ["methods", "--json"]).output)
    tutorship = next(row for row in listed if row["name"] == "tutorship")
    assert tutorship["roles"] == ["student", "teacher"] and tutorship["paper"] == "arXiv:2501.14002"
    share = next(part for part in tutorship["parameters"] if part["name"] == "confirmations")
    assert share["default"] == 0.3 and "ours" in share["about"]
    assert "confirmations" in RUNNER.invoke(app, ["methods", "tutorship"]).output
    assert "did you mean" in RUNNER.invoke(app, ["methods", "tutership"]).output


def test_the_method_that_the_documents_add_appears_with_its_prompt_and_can_be_tried(tmp_path):
    """The three files of docs/methods.md in a package on the path with an entry point, as pip would install it."""
    page = (ROOT / "docs" / "methods.md").read_text(encoding="utf-8")
    source, prompt, project = (
        re.search(rf"```{kind}\n(.*?)```", page, re.S)[1] for kind in ("python", "jinja", "toml")
    )
    (tmp_path / "yours").mkdir()
    (tmp_path / "yours" / "__init__.py").touch()
    (tmp_path / "yours" / "brief.py").write_text(source)
    (tmp_path / "yours" / "brief.jinja").write_text(prompt)
    points = tomllib.loads(project)["project"]["entry-points"]
    info = tmp_path / "yours-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: yours\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(
        "".join(f"[{group}]\n" + "".join(f"{n} = {v}\n" for n, v in names.items()) for group, names in points.items())
    )

    def nightschool(*arguments):
        code = f"import sys; sys.path.insert(0, {str(tmp_path)!r}); from flows.cli import app; app({list(arguments)!r})"
        return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT).stdout

    assert json.loads(nightschool("methods", "brief", "--json"))[0]["parameters"][0]["default"] == 4
    long = "\n".join(f"{n} + 1 = {n + 1}" for n in range(9))
    tried = json.loads(nightschool("try", "brief", "--attempt", long, "--json"))
    (asked,) = tried["calls"]
    assert asked["prompt"] == "brief/brief" and tried["samples"][0]["reason"] == "method_rejection:too_long"
    assert asked["messages"][0]["content"] == (
        f"{tried['problem']['prompt']}\n\nUse at most 4 lines{FORMATS['hash'].ending}"
    )


@pytest.mark.parametrize("option", ["--problem", "--gold", "--attempt", "--solution"])
def test_what_is_no_utf8_is_a_sentence(option):
    result = RUNNER.invoke(app, ["try", "cot", "--problem", "1 + 1?", "--gold", "2", option, "half \udcff"])
    assert result.exit_code == 1 and f"{option}: this is no UTF-8" in result.output


@pytest.fixture
def half_a_character() -> Iterator[str]:
    """A model server whose answer holds one half of a surrogate pair, as a cut-off stream leaves it."""
    message = {"role": "assistant", "content": "2 + 3 = 5 \ud83d\n5 - 1 = 4\n#### 4"}
    usage = {"prompt_tokens": 9, "completion_tokens": 9}
    body = json.dumps({"choices": [{"message": message, "finish_reason": "stop"}], "usage": usage}).encode()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_GET = do_POST  # noqa: N815 - the standard library's name

        def log_message(self, format: str, *arguments: object) -> None:
            return

    server = HTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/v1"
    server.shutdown()


def test_half_a_character_of_a_model_is_said_in_a_sentence(tmp_path, half_a_character):
    recipe = yaml.safe_load((ROOT / "recipes" / "kinds.yaml").read_text())
    teacher = {"engine": "vllm", "endpoint": half_a_character, "name": "m", "revision": "1"}
    recipe = {
        "name": "half",
        "problems": recipe["problems"],
        "models": {"teacher": teacher},
        "methods": [{"method": "cot"}],
    }
    (tmp_path / "half.yaml").write_text(yaml.safe_dump(recipe))
    for option in ([], ["--json"]):
        shown = tried("cot", *GIVEN, "--recipe", str(tmp_path / "half.yaml"), *option)
        words = " ".join(shown.split())
        assert shown.encode() and "malformed_answer" in words and "holds half a surrogate pair" in words
    assert json.loads(shown)["status"] == "failed"


async def test_a_dialogue_with_a_tool_is_watched_turn_by_turn(ledger):
    problem = open_source("arithmetic", {"tiers": [1]}).draw(1, seed=1, tier=1)[0]

    def user(request):
        told = [message for message in request.messages if message["role"] == "tool"]
        call = '<tool_call>{"name": "calculator", "arguments": {"expression": "2 + 3"}}</tool_call>'
        return f"#### {problem.gold}" if told else call

    watched = Watched(Asker(ledger, {"teacher": Scripted(user)}, Prompts(), night="2026-01-01/test"))
    finished = await run_attempts(attempts(get_method("tool_dialogue"), [problem]), watched)
    assert finished.attempts["status"].to_pylist() == ["done"]
    assert [(call["role"], call["response"]) for call in watched.calls][1] == ("tool", "5")
    assert [call["role"] for call in watched.calls] == ["teacher", "tool", "teacher"]
