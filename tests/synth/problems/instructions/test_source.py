import pytest

from storage.errors import ProblemError, RecipeError
from synth.answers.outcome import Outcome
from synth.calls.prompting import Prompts
from synth.problems import get_task, open_source
from synth.problems.holdout import structure_ids
from synth.problems.instructions.constraints import CONSTRAINTS

OPTIONS = {"tiers": [1, 3]}


def test_requests_are_drawn_alike_and_held_out_sets_are_disjoint():
    source = open_source("instructions", OPTIONS)
    problems = source.draw(20, seed=1)
    assert problems == open_source("instructions", OPTIONS).draw(20, seed=1) != source.draw(20, seed=2)
    assert [problem.tier for problem in problems[:4]] == [1, 3, 1, 3]
    assert all(len(problem.attrs["constraints"]) == problem.tier for problem in problems)
    held = structure_ids(problems)
    assert len(held) == 20 and not held & structure_ids(source.draw(20, seed=1, exclude=held))


def test_every_constraint_is_drawn_and_said():
    drawn = {
        name
        for problem in open_source("instructions", {"tiers": [3]}).draw(200, seed=1)
        for name, _ in problem.attrs["constraints"]
    }
    assert drawn == set(CONSTRAINTS)


def test_the_whole_response_is_judged_and_the_prompt_asks_for_nothing_else():
    [problem] = open_source("instructions", {"tiers": [1], "constraints": ["sentences.exactly"]}).draw(1, seed=1)
    task, count = get_task("instructions"), problem.attrs["constraints"][0][1]["count"]
    good = " ".join(["It is so."] * count)
    assert task.check(problem, good).outcome is Outcome.CORRECT
    assert task.check(problem, f"<think>One. Two.</think>{good}").outcome is Outcome.CORRECT
    wrong = task.check(problem, good + " And so.")
    assert (wrong.outcome, wrong.reason, wrong.answer) == (
        Outcome.WRONG,
        "broken_constraint",
        "breaks sentences.exactly",
    )
    assert task.check(problem, " ").reason == "no_answer"
    assert task.check(problem, "<think>" + good).outcome is Outcome.WRONG
    assert Prompts().text("solve", {"problem": problem}).strip() == problem.prompt


def test_personas_are_read_from_a_file(tmp_path):
    path = tmp_path / "personas.jsonl"
    path.write_text('a beekeeper in Kent\n{"persona": "a nurse on nights"}\n\n')
    prompts = [problem.prompt for problem in open_source("instructions", {"personas": str(path)}).draw(20, seed=0)]
    assert all(("beekeeper" in prompt) != ("nurse" in prompt) for prompt in prompts)
    for text, message in (("", "no persona"), ("{", "line 1"), ("x" * 501, "at most 500")):
        path.write_text(text)
        with pytest.raises(ProblemError, match=message):
            open_source("instructions", {"personas": str(path)})


@pytest.mark.parametrize(
    ("options", "message"), [({"tiers": [5]}, "1 to 4"), ({"constraints": ["words"]}, "no constraint 'words'")]
)
def test_options_are_checked(options, message):
    with pytest.raises(RecipeError, match=message):
        open_source("instructions", options)
