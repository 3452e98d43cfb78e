"""Response diversification, query expansion and retrospective enhancement (JiuZhang-8B)."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from synth.methods import get_method
from synth.methods.response_diversification import similarity
from synth.methods.retrospective_enhancement import draw_slips, restore, splice
from synth.night.runner import run_attempts
from synth.problems import get_task, open_source
from tests.synth.conftest import Scripted
from tests.synth.methods.dialogue import errs, run, scripted
from tests.synth.night.test_runner import attempts

STEPS = st.lists(
    st.text(st.characters(blacklist_characters="\n", blacklist_categories=("Cs",)), max_size=12), min_size=2, max_size=9
)


@given(STEPS.filter(lambda steps: "[back]" not in steps), st.integers(0, 999), st.integers(1, 4))
def test_what_was_spliced_in_can_be_taken_out_again(steps, seed, most):
    slips = draw_slips(random.Random(seed), len(steps), 0.3, most)
    text = "\n".join(splice(steps, slips))
    assert restore(text) == "\n".join(steps)
    assert 1 <= len(slips) <= most and all(step < later < len(steps) for step, later in slips)
    assert text.split("\n").count("[back]") == len(slips)


async def test_retrospective_enhancement_asks_nobody_and_stays_right(ledger):
    method = get_method("retrospective_enhancement")
    problems = list(open_source("arithmetic", {"tiers": [2]}).draw(40, seed=1, tier=2))
    rows, _ = await run(ledger, method, problems, method.params(most=3))
    for row, problem in zip(rows, problems, strict=True):
        lines = row["response"].split("\n")
        assert restore(row["response"]) == get_task("arithmetic").solve(problem)
        assert [index for index, line in enumerate(lines) if line == "[back]"] == row["attrs"]["back_positions"]
        assert get_task("arithmetic").check(problem, row["response"]).outcome == "correct"
        assert row["origin"] == "rule" and row["parents"] == []
    again, _ = await run(ledger, method, problems, method.params(most=3))
    other, _ = await run(ledger, method, problems, method.params(most=3, seed=1))
    texts = [[row["response"] for row in part] for part in (rows, again, other)]
    assert texts[0] == texts[1] != texts[2]


async def test_a_solution_of_one_step_has_nothing_to_slip_into(make_asker):
    problem = open_source("arithmetic", {"tiers": [1]}).draw(1, seed=1, tier=1)[0]
    from dataclasses import replace

    short = replace(problem, task="math_word", solution="5 + 3 = 8", gold="8")
    finished = await run_attempts(attempts(get_method("retrospective_enhancement"), [short]), make_asker())
    assert finished.attempts["reason"].to_pylist() == ["too_few_steps"]


@pytest.mark.parametrize(
    ("left", "right", "value"), [("a b", "b a", 1), ("a b", "c d", 0), ("5 + 3", "5 - 3", 0.5), ("", "", 1)]
)
def test_similarity_counts_words(left, right, value):
    assert similarity(left, right) == value


@pytest.mark.parametrize(
    ("left", "right", "value"),
    [
        ("48 / 2 = 24\n48 + 24 = 72", "In May she sold 48 * 0.5 = 24 clips.\n\nThat is 48+24=72 in all.", 1),
        ("5 + 3 = 8\n8 - 2 = 6", "5 + 3 - 2 = 6", 1),
        ("48 / 2 = 24\n48 + 24 = 72", "48 * 1.5 = 72", 0.5),
        ("3 * 2 = 6\n4 * 2 = 8\n6 + 8 = 14", "(3 + 4) * 2 = 14", 0.25),
    ],
)
def test_another_approach_computes_something_else(left, right, value):
    assert similarity(left, right) == value


async def test_solutions_that_do_not_differ_are_refused(ledger, problems):
    method = get_method("response_diversification")

    def diversify(request):
        solution = get_task("arithmetic").solve(request.problem)
        other = f"Everything that comes in less everything that goes out makes it.\n#### {request.problem.gold}"
        return f"**Verdict:** accept\n\n**Solution 1:**\n{solution}\n\n**Solution 2:**\n{other}"

    rows, _ = await run(ledger, method, problems, teacher=scripted(diversify=diversify))
    assert [row["notes"].refused for row in rows] == ["not_different", "no_equations"] * len(problems)
    assert all(row["answer"] == problem.gold for row, problem in zip(rows[1::2], problems, strict=True))


@pytest.mark.parametrize(
    ("reply", "reasons"),
    [
        ("Verdict: refuse. There is only one way.", ["self_refused"]),
        ("Verdict: accept", ["no_solution"]),
        ("Solution 1: x\nSolution 2: y", ["no_verdict", "no_verdict"]),
        ("Verdict: accept\nSolution 1:\nabc\n#### 1", ["no_equations", "no_solution"]),
        (
            "Verdict: accept\nSolution 1:\n1 + 1 = 2\n#### 2\nSolution 2:\n1 + 1 = 2, so two\n#### 2",
            [None, "not_different"],
        ),
        ("Verdict: accept or refuse\nSolution 1:\n1 + 1 = 2\n#### 2", ["no_verdict", "no_verdict"]),
        ("Verdict: accept\nSolution 1:\nother calculations, not only other words", ["copied_prompt", "copied_prompt"]),
        ("rubbish", ["no_verdict"]),
    ],
)
async def test_whatever_a_teacher_writes_is_a_row_with_its_reason(ledger, problems, reply, reasons):
    method = get_method("response_diversification")
    rows, _ = await run(ledger, method, problems[:1], teacher=scripted(diversify=lambda request: reply))
    assert [row["notes"].refused for row in rows] == reasons


def expanded(gold):
    return (
        "Statement: Ann has 9.\nQuestion 1: Ann has 4 pens and gets 5. How many?\nSolution 1:\n4 + 5 = 9\n"
        f"#### {gold}\nCheck 1: Accept. Clear.\nQuestion 2: How so?\nSolution 2:\nNobody knows.\nCheck 2: Refuse. Vague."
    )


@pytest.mark.parametrize(
    ("right", "gold", "refused"), [(4, 9, None), (3, 9, None), (2, 9, "not_confirmed"), (4, 8, "not_confirmed")]
)
async def test_new_questions_are_accepted_when_three_of_four_agree(ledger, problems, right, gold, refused):
    method = get_method("query_expansion")
    solved = []

    def solve(request):
        solved.append(request.messages[-1]["content"])
        return f"4 + 5\n#### {9 if len(solved) <= right else 1}"

    teacher = scripted(expand=lambda request: expanded(gold), solve=solve)
    rows, _ = await run(ledger, method, problems[:1], teacher=teacher)
    first, second = (row["attrs"] for row in rows)
    assert [row["notes"].refused for row in rows] == [refused, "self_refused"]
    assert first["resolved"] == 4 and first["agreeing"] == (right if gold == 9 else 0) and second["resolved"] == 0
    assert rows[0]["notes"].question.gold == str(gold) and first["statement"] == "Ann has 9."
    assert all("Ann has 4 pens" in text and "4 + 5" not in text for text in solved)
    assert "Ann has 4 pens" in rows[0]["messages"][0]["content"]


async def test_solving_again_finds_what_the_self_check_lets_pass(ledger):
    """A writer that is wrong in 30 % of questions and accepts all; a solver that is right 9 times of 10."""
    method = get_method("query_expansion")
    problems = list(open_source("arithmetic", {"tiers": [1]}).draw(150, seed=5, tier=1))

    def expand(request):
        gold = 8 if errs(request.problem, "writer", 0.3) else 9
        return expanded(gold)

    def solve(request):
        return f"#### {7 if random.Random(request.seed).random() < 0.1 else 9}"

    def expand_apart(request):  # each problem's question is its own, so that each is solved on its own
        return expand(request).replace("Ann has 4 pens", f"Ann has 4 pens of make {request.problem.id[:6]}")

    rows, _ = await run(
        ledger, method, problems, method.params(questions=1), teacher=scripted(expand=expand_apart, solve=solve)
    )
    wrong = {index for index, problem in enumerate(problems) if errs(problem, "writer", 0.3)}
    refused = {index for index, row in enumerate(rows) if row["notes"].refused}
    assert wrong <= refused  # recall 1: four solvers never agree on a wrong 8
    lost = len(refused - wrong) / (len(problems) - len(wrong))
    assert lost < 0.12  # by hand: 1 - .9^4 - 4 * .1 * .9^3 = .052 of the right ones


async def test_the_vote_and_the_pass_rate_need_all_samples(ledger, problems):
    method = get_method("cot")
    teacher = Scripted(lambda request: f"x = {problems[0].gold}\n#### {problems[0].gold}")
    rows, _ = await run(ledger, method, problems[:1], method.params(samples=3), teacher=teacher)
    assert [row["attrs"]["votes"] for row in rows] == [3, 3, 3] and len(teacher.requests) == 3


async def test_what_a_method_does_not_say_is_the_models_own_and_what_votes_can_differ(ledger, problems):
    """A single solution is asked for as the role or its model wants it (here greedily); several that vote are sampled."""
    cot = get_method("cot")
    for samples, temperature in ((1, 0.0), (3, 0.7)):
        teacher = Scripted(lambda request: f"#### {request.problem.gold}", f"teacher {samples}")
        await run(ledger, cot, problems[:1], cot.params(samples=samples), teacher=teacher)
        assert {request.sampling.temperature for request in teacher.requests} == {temperature}
    teacher = Scripted(lambda request: f"#### {request.problem.gold}", "told")
    await run(ledger, cot, problems[:1], cot.params(samples=3, temperature=0.2), teacher=teacher)
    assert {request.sampling.temperature for request in teacher.requests} == {0.2}
