import pytest

from synth.methods import get_method
from synth.problems import get_task, open_source
from tests.synth.conftest import Scripted
from tests.synth.methods.dialogue import run

COMPOSED = get_method("skill_composition")


@pytest.fixture(scope="module")
def composed():
    return list(open_source("skills", {"tiers": [1, 2, 3]}).draw(9, seed=4))


def teacher(story=lambda problem: f"Once upon a time: {problem.prompt}", solve=None):
    solve = solve or (lambda problem, number: get_task("skills").solve(problem))
    counts = {}

    def reply(request):
        if request.act == "story":
            return story(request.problem)
        key = request.messages[-1]["content"]
        counts[key] = counts.get(key, -1) + 1
        return solve(ORIGINAL.get(request.problem.gold, request.problem), counts[key])

    return Scripted(reply)


ORIGINAL = {}


async def made(ledger, problems, engine, **params):
    ORIGINAL.update({problem.gold: problem for problem in problems})
    return (await run(ledger, COMPOSED, problems, COMPOSED.params(**params), teacher=engine))[0]


async def test_the_story_is_asked_and_the_program_says_what_is_right(ledger, composed):
    problems = list({problem.gold: problem for problem in composed}.values())
    rows = await made(ledger, problems, teacher())
    for row, problem in zip(rows, problems, strict=True):
        assert row["messages"][-1]["content"].startswith("Once upon a time: ") and row["notes"].refused is None
        assert (row["notes"].question.gold, row["gold_source"], row["answer"]) == (problem.gold, "rule", problem.gold)
        assert row["attrs"]["grades"] == [True] * problem.tier and row["attrs"]["skills"] == problem.attrs["skills"]


async def test_only_full_marks_are_learned(ledger, composed):
    problem = next(one for one in composed if one.tier == 3)
    bare, wrong = (
        f"That is clear.\n#### {problem.gold}",
        get_task("skills").solve(problem).rsplit("\n", 1)[0] + "\n#### 0",
    )
    answers = [bare, wrong, get_task("skills").solve(problem), bare]
    (row,) = await made(ledger, [problem], teacher(solve=lambda _, number: answers[number]))
    assert row["notes"].refused is None and row["response"] == answers[2] and row["attrs"]["full_marks"] == 1
    (row,) = await made(ledger, [problem], teacher(solve=lambda _, number: bare), max_tokens=999)
    assert row["notes"].refused == "no_full_mark" and row["attrs"]["grades"] == [False] * 3


@pytest.mark.parametrize(
    ("story", "fault"),
    [
        (lambda problem: problem.prompt + " There are 77777 birds too.", "numbers_changed"),
        (lambda problem: problem.prompt.upper(), "same_question"),
        (lambda problem: "", "no_question"),
    ],
)
async def test_a_story_with_other_numbers_is_refused_before_it_is_solved(ledger, composed, story, fault):
    engine = teacher(story)
    (row,) = await made(ledger, composed[:1], engine)
    assert row["notes"].refused == fault and [request.act for request in engine.requests] == ["story"]
