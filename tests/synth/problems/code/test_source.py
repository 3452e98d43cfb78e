import json

import pytest

from storage.errors import ProblemError, RecipeError
from synth.answers.outcome import Outcome
from synth.problems import get_task, open_source

ROWS = [
    {"prompt": "Add two numbers.", "entry_point": "add", "tests": ["assert add(2, 3) == 5"],
     "solution": "def add(a, b): return a + b"},
    {"prompt": "Subtract.", "entry_point": "sub", "tests": ["assert sub(2, 3) == 5"], "solution": "def sub(a, b): return a - b"},
    {"prompt": "Add two numbers.", "entry_point": "add", "tests": ["assert add(0, 0) == 0"]},
    {"prompt": "double", "entry_point": "double", "tests": [{"args": [2.5], "expected": 5.0}]},
    {"prompt": "odd", "entry_point": "odd", "tests": ["assert odd(x)"]},
]  # fmt: skip


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "mine.jsonl"
    path.write_text("\n".join(map(json.dumps, ROWS)))
    return path


def test_problems_are_drawn_and_bad_rows_are_named(file):
    source = open_source("code", {"path": str(file)})
    first, second = source.draw(10, seed=0)
    assert first.attrs["entry_point"] == "add" and first.prompt == "Add two numbers.\n\nCall the function add."
    assert second.prompt == "double" and second.gold == "passes 1 tests"
    assert [(row.line, row.reason) for row in source.dropped] == [(2, "bad_gold"), (3, "duplicate"), (5, "bad_gold")]
    assert source.draw(10, seed=0, exclude=frozenset({first.structure_id})) == [second]
    task = get_task("code")
    assert task.check(first, task.solve(first)).outcome is Outcome.CORRECT
    assert json.loads(json.dumps(first.attrs)) == first.attrs


def test_a_bad_row_can_stop_a_draw(file):
    with pytest.raises(ProblemError, match="line 2: its own solution does not pass its tests"):
        open_source("code", {"path": str(file), "bad_gold": "stop"}).draw(10, seed=0)


def test_options_are_checked(file):
    with pytest.raises(RecipeError, match="option 'promt'"):
        open_source("code", {"path": str(file), "promt": "x"})
    with pytest.raises(ProblemError, match="no field 'task_name'"):
        open_source("code", {"path": str(file), "entry_point": "task_name"}).draw(1, seed=0)


def test_without_a_sandbox_the_source_and_the_interpreter_refuse_to_start(file, monkeypatch):
    from synth.environments import get_environment
    from synth.sandbox import SandboxError, bubblewrap

    problem = open_source("arithmetic", {"tiers": [1]}).draw(1, seed=1, tier=1)[0]
    bubblewrap.check_sandbox.cache_clear()
    monkeypatch.setattr(bubblewrap.shutil, "which", lambda _: None)
    for start in (lambda: open_source("code", {"path": file}), lambda: get_environment("python").start(problem, 0)):
        with pytest.raises(SandboxError, match="apt-get install bubblewrap"):
            start()
    bubblewrap.check_sandbox.cache_clear()
