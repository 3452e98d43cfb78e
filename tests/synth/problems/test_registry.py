import subprocess
import sys
from pathlib import Path

import pytest

from storage.errors import RecipeError
from synth.answers.outcome import Outcome
from synth.problems import get_task, open_source, source_names, task_names

ROOT = Path(__file__).parents[3]
PLUGIN = """
from pydantic import BaseModel

class Echo:
    name = "echo"
    def check(self, problem, response): ...
    def steps(self, response): return []
    def solve(self, problem): return None
    def review(self, problem, attempt): return None

class Options(BaseModel):
    size: int = 1
    def open(self):
        return self

broken = object()
"""
ENTRY_POINTS = """
[nightschool.tasks]
echo = echo_plugin:Echo
broken = echo_plugin:broken
gone = no_such_module:Task
[nightschool.sources]
echo = echo_plugin:Options
broken = echo_plugin:broken
"""


@pytest.fixture
def plugin(tmp_path, monkeypatch):
    info = tmp_path / "echo_plugin-1.0.dist-info"
    info.mkdir()
    (tmp_path / "echo_plugin.py").write_text(PLUGIN)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: echo-plugin\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(ENTRY_POINTS)
    monkeypatch.syspath_prepend(tmp_path)
    get_task.cache_clear()
    yield
    get_task.cache_clear()
    sys.modules.pop("echo_plugin", None)


@pytest.mark.parametrize("name", ["arithmetic", "knights_knaves", "math_word"])
def test_built_in_tasks(name):
    assert get_task(name).name == name
    assert get_task(name) is get_task(name)


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("arithmetic", {"tiers": [1, 2]}),
        ("knights_knaves", {"people": [3], "style": "compact"}),
        ("knights_knaves", None),
    ],
)
def test_procedural_sources_draw_problems_that_their_task_solves(name, options):
    problems = open_source(name, options).draw(4, seed=1)
    assert len(problems) == 4
    for problem in problems:
        task = get_task(problem.task)
        assert task.check(problem, task.solve(problem)).outcome is Outcome.CORRECT


def test_files_open_by_name(tmp_path):
    path = tmp_path / "mine.jsonl"
    path.write_text('{"question": "What is 2?", "answer": "#### 2"}\n')
    for name, options in [
        ("gsm8k", {}),
        ("file", {"mapping": "gsm8k"}),
        ("file", {"mapping": {"question": "question", "answer": "answer", "answer_pattern": "#### (.*)"}}),
    ]:
        [problem] = open_source(name, {"path": str(path), **options}).draw(1, seed=0)
        assert (problem.gold, problem.source) == ("2", "gsm8k" if name == "gsm8k" else "mine")


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("arithmatic", {}, "did you mean 'arithmetic'?"),
        ("gsm8k", {"pth": "x"}, "did you mean 'path'?"),
        ("gsm8k", {"path": "x", "split": "test"}, "leave them out"),
        ("arithmetic", {"tiers": [99]}, "there is no tier 99"),
        ("knights_knaves", {"people": [9]}, "2 to 8 people"),
        ("knights_knaves", {"style": "long"}, "'style' is 'long'"),
        ("file", {"mapping": "gsm8k"}, "'path' is missing"),
        ("file", {"mapping": "nothing", "path": "x"}, "built-in mappings are gsm8k, svamp"),
        ("file", {"mapping": {"question": "{a.b}", "answer": "a"}, "path": "x"}, "mapping.question"),
    ],
)
def test_wrong_sources_and_options_are_named(name, options, message):
    with pytest.raises(RecipeError) as error:
        open_source(name, options)
    assert message in str(error.value)


def test_unknown_task_is_named():
    with pytest.raises(RecipeError, match="did you mean 'math_word'"):
        get_task("math_words")


def test_installed_packages_add_tasks_and_sources(plugin):
    assert "echo" in task_names() and "echo" in source_names()
    assert get_task("echo").name == "echo"
    assert open_source("echo", {"size": 3}).size == 3
    with pytest.raises(RecipeError, match="no method 'check'"):
        get_task("broken")
    with pytest.raises(RecipeError, match="pydantic model"):
        open_source("broken")
    with pytest.raises(RecipeError, match="cannot be imported"):
        get_task("gone")


def test_importing_the_package_is_cheap():
    heavy = "{'torch', 'transformers', 'datasets', 'pyarrow', 'prefect', 'pydantic'}"
    code = f"import sys, synth.problems; print(sorted({heavy} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert done.stdout.strip() == "[]"
