"""The library's tasks as problems. All of them: `benchmarks/tasks.py`; here some, of each way of scoring."""

import json
import random
import re
from pathlib import Path

import pytest

from storage.errors import RecipeError
from synth.answers.outcome import Outcome
from synth.problems import get_task, open_source
from synth.problems.holdout import draw_heldout, structure_ids
from synth.problems.reasoning_gym import scoring
from synth.problems.reasoning_gym.reading import reads_back
from synth.problems.reasoning_gym.table import offered
from synth.sample import problem_of, problem_row

pytest.importorskip("reasoning_gym")
SOME = ["countdown", "maze", "mini_sudoku", "spiral_matrix", "gsm_symbolic", "list_functions"]


@pytest.fixture(scope="module", autouse=True)
def _started():
    """The process of the scorers, which takes seconds to start."""
    [problem] = open_source("reasoning_gym", {"task": "maze"}).draw(1, seed=0)
    get_task("reasoning_gym").check(problem, "<answer>0</answer>")


@pytest.mark.parametrize("name", SOME)
def test_gold_scores_one_and_another_answer_less(name):
    source = open_source("reasoning_gym", {"task": name})
    before = random.getstate()
    problems = source.draw(3, seed=5)
    assert random.getstate() == before
    assert problems == open_source("reasoning_gym", {"task": name}).draw(3, seed=5)
    assert problems != source.draw(3, seed=6)
    task = get_task("reasoning_gym")
    for problem in problems:
        again = problem_of(json.loads(json.dumps(problem_row(problem, split="train", night="n"))))
        assert task.check(again, f"So <answer>{problem.gold}</answer>").outcome is Outcome.CORRECT
        assert task.check(problem, "<answer>?</answer>").outcome is Outcome.WRONG


def test_tiers_are_drawn_in_equal_shares_and_held_out_sets_are_disjoint():
    source = open_source("reasoning_gym", {"task": "chain_sum", "tiers": [1, 3]})
    assert [problem.tier for problem in source.draw(4, seed=0)] == [1, 3, 1, 3]
    held = structure_ids(draw_heldout(source, 5, (1, 3), seed=1))
    drawn = structure_ids(source.draw(40, seed=1, exclude=held))
    assert len(held) == 10 and len(drawn) == 40 and not held & drawn


def test_a_gold_answer_that_is_too_long_to_be_read_is_left_out_and_said():
    source = open_source("reasoning_gym", {"task": "tower_of_hanoi", "tiers": [1, 2, 3]})
    problems = source.draw(50, seed=11)
    assert len(problems) == 50 and all(reads_back(problem.gold) for problem in problems)
    assert [row.reason for row in source.dropped] == ["bad_gold"] * len(source.dropped) != []
    assert source.dropped[0].detail.endswith("characters is not read from a response.")


def test_a_small_task_is_used_up():
    source = open_source("reasoning_gym", {"task": "maze", "config": {"min_dist": 3, "max_dist": 3}})
    first = source.draw(3, seed=1)
    assert len(first) == 3 and not structure_ids(first) & structure_ids(
        source.draw(3, seed=1, exclude=structure_ids(first))
    )


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"task": "puzzle24"}, "is not offered"),
        ({"task": "maze", "tiers": [99]}, "has the tiers 1 to"),
        ({"task": "maze", "config": {"size": 3}}, "config has no option 'size'"),
        ({"task": "maze", "config": {"min_dist": -1}}, "tier 1"),
        ({}, "option 'task' is missing"),
    ],
)
def test_options_are_checked(options, message):
    with pytest.raises(RecipeError, match=message):
        open_source("reasoning_gym", options)


@pytest.mark.parametrize(
    ("response", "outcome"),
    [
        ("no answer", Outcome.WRONG),
        ("<answer>1 + ", Outcome.UNVERIFIABLE),
        ("<answer>9**9**9**9**9</answer>", Outcome.UNVERIFIABLE),
        (f"<answer>{'9' * 60_000}</answer>", Outcome.WRONG),
        (f"<answer>{'9 ' * 5_000}</answer>", Outcome.WRONG),
    ],
)
def test_odd_answers_are_judged_in_time(response, outcome, monkeypatch):
    if "**" in response:  # it never ends
        monkeypatch.setattr(scoring, "LIMIT_S", 1.0)
    [problem] = open_source("reasoning_gym", {"task": "countdown"}).draw(1, seed=3)
    check = get_task("reasoning_gym").check(problem, response)
    assert check.outcome is outcome


EVALUATING = [
    "binary_matrix", "n_queens", "number_sorting", "spiral_matrix", "string_insertion", "countdown", "puzzle24",
    "simple_integration", "intermediate_integration", "polynomial_multiplication",
]  # fmt: skip
"""Tasks whose scorers, as the library has them, evaluate an answer (`test_no_other_scorer_evaluates` finds them)."""


@pytest.mark.parametrize("task", sorted(set(EVALUATING) & set(offered())))
def test_answers_are_never_executed(task, tmp_path):
    reached = tmp_path / "reached"
    [problem] = open_source("reasoning_gym", {"task": task}).draw(1, seed=3)
    for answer in (f"__import__('os').mkdir('{reached}')", f"[open('{reached}', 'w')]", f"open('{reached}', 'w')"):
        assert get_task("reasoning_gym").check(problem, f"<answer>{answer}</answer>").outcome is not Outcome.CORRECT
    assert not reached.exists()


def test_no_other_scorer_evaluates():
    import reasoning_gym

    root = Path(reasoning_gym.__file__).parent
    evaluating = {
        file.stem
        for file in root.rglob("*.py")
        for scorer in re.findall(r"def score_answer\(.*?(?=\n    def |\Z)", file.read_text(), re.S)
        if re.search(r"(?<!json\.)\b(eval|exec|parse_expr|sympify|compile|loads)\(", scorer)
    }
    assert evaluating == set(EVALUATING)


def test_gold_with_more_around_it_is_not_called_wrong():
    [problem] = open_source("reasoning_gym", {"task": "spiral_matrix"}).draw(1, seed=3)
    check = get_task("reasoning_gym").check(problem, f"<answer>The answer: {problem.gold}</answer>")
    assert check.outcome is Outcome.UNVERIFIABLE
