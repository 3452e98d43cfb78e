import pytest

from synth.methods import get_method
from synth.problems import open_source
from tests.synth.conftest import Scripted
from tests.synth.methods.dialogue import run

PERSONAS = get_method("personas")
QUESTION = "A beekeeper fills 12 jars with 3 spoons each. How many spoons is that?"


@pytest.fixture
def problems():
    return list(open_source("arithmetic", {"tiers": [1]}).draw(4, seed=1, tier=1))


def voting(*answers):
    """Answers of the solutions of each problem, in the order of their sample numbers as far as seeds tell them apart."""
    counts = {}

    def answer(request):
        if request.act == "describe":
            return f"Somebody who counts things, the {request.problem.id[:6]} of them."
        if request.act == "write":
            return QUESTION
        number = counts[request.problem.id] = counts.get(request.problem.id, -1) + 1
        return f"We work it out.\n#### {answers[number % len(answers)]}"

    return Scripted(answer)


async def test_a_problem_of_its_own_is_labelled_by_the_vote_and_says_so(ledger, problems):
    engine = voting("36", "35", "36.0", "I")
    rows, _ = await run(ledger, PERSONAS, problems, PERSONAS.params(samples=4), teacher=engine)
    assert len(rows) == 4 and all(row["gold_source"] == "vote" for row in rows)
    for row, problem in zip(rows, problems, strict=True):
        assert row["notes"].question.gold == "36" and row["attrs"]["votes"] == 0.5 and row["notes"].refused is None
        assert row["messages"][-1]["content"].startswith(QUESTION) and row["response"].endswith("#### 36")
        assert row["attrs"]["persona_of"] != problem.id, "nobody is asked for a problem of her own"
        assert row["parents"][-1] != row["parents"][0] and len(row["parents"]) == 5


async def test_too_few_votes_make_no_gold_answer(ledger, problems):
    rows, _ = await run(ledger, PERSONAS, problems, PERSONAS.params(samples=4), teacher=voting("1", "2", "3", "4"))
    assert {(row["notes"].refused, row["notes"].question.gold, row["gold_source"]) for row in rows} == {
        ("too_few_votes", None, "none")
    }


@pytest.mark.parametrize(("question", "fault"), [("", "no_question"), ("How many bees are there?", "no_number")])
async def test_what_is_no_problem_is_refused_before_it_is_solved(ledger, problems, question, fault):
    def answer(request):
        return f"Somebody, {request.problem.id[:8]}." if request.act == "describe" else question

    engine = Scripted(answer)
    rows, _ = await run(ledger, PERSONAS, problems, PERSONAS.params(samples=4), teacher=engine)
    assert {row["notes"].refused for row in rows} == {fault} and not [r for r in engine.requests if r.act == "solve"]


async def test_the_problem_it_was_given_is_no_new_one(ledger, problems):
    def answer(request):
        return f"Somebody, {request.problem.id[:8]}." if request.act == "describe" else request.problem.prompt

    rows, _ = await run(ledger, PERSONAS, problems, teacher=Scripted(answer))
    assert {row["notes"].refused for row in rows} == {"same_question"}


async def test_the_problem_told_again_is_no_person(ledger, problems):
    """As a small model does it: "Weng works babysitting, she just did 50 minutes yesterday, and she earns $12 per hour."."""
    again = {problems[0].id: f"Somebody with {problems[0].attrs['start']} things.", problems[1].id: problems[1].prompt}

    def answer(request):
        if request.act == "describe":
            return again.get(request.problem.id, f"Somebody called {request.problem.id[:8]}.")
        return QUESTION if request.act == "write" else "#### 36"

    engine = Scripted(answer)
    await run(ledger, PERSONAS, problems, PERSONAS.params(samples=2), teacher=engine)
    shown = {request.inputs["persona"] for request in engine.requests if request.act == "write"}
    assert shown == {f"Somebody called {problem.id[:8]}." for problem in problems[2:]}


async def test_the_example_with_another_name_is_no_new_problem(ledger, problems):
    def answer(request):
        if request.act == "describe":
            return f"Somebody called {request.problem.id[:8]}."
        _, _, rest = request.problem.prompt.partition(" ")
        return f"Somebody {rest}" if request.act == "write" else "#### 36"

    rows, _ = await run(ledger, PERSONAS, problems, PERSONAS.params(samples=2), teacher=Scripted(answer))
    assert {row["notes"].refused for row in rows} == {"retells_example"}
