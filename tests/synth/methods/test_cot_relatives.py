"""Response diversification, query expansion and retrospective enhancement (JiuZhang-8B)."""

import random
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from synth.methods import get_method
from synth.methods.response_diversification import similarity
from synth.methods.retrospective_enhancement import draw_slips, restore, splice
from synth.night.runner import run_attempts
from synth.problems import get_task, open_source
from tests.synth.conftest import Scripted
from tests.synth.methods.dialogue import run, scripted
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
    """The known one in other words; one without equations; and one that only leaves a step of the known one out."""
    method = get_method("response_diversification")
    asked = []

    def diversify(request):
        asked.append(request.inputs["others"])
        solution = get_task("arithmetic").solve(request.problem)
        words = f"Everything that comes in less everything that goes out makes it.\n#### {request.problem.gold}"
        return f"**Another way:** shorter\n\n**Solution:**\n{solution if request.seed % 2 else words}"

    rows, _ = await run(ledger, method, problems, teacher=scripted(diversify=diversify))
    assert {row["notes"].refused for row in rows} == {"not_different", "no_equations"}
    assert all(row["answer"] == problem.gold for row, problem in zip(rows[1::2], problems, strict=True))
    assert set(asked) == {()} and len(rows) == 2 * len(problems)  # what was refused is not shown as another solution


async def test_a_solution_that_leaves_steps_of_the_known_one_out_is_no_other_way(ledger, problems):
    problem = replace(
        problems[0], task="math_word", solution="2 * 3 = 6\n2 * 4 = 8\n6 + 8 = 14\n#### 14", gold="14", attrs={}
    )
    method = get_method("response_diversification")
    for steps, refused in (("6 + 8 = 14", "not_different"), ("3 + 4 = 7\n7 * 2 = 14", None)):
        teacher = Scripted(lambda request, steps=steps: f"Another way: so\nSolution:\n{steps}\n#### 14", steps)
        rows, _ = await run(ledger, method, [problem], method.params(solutions=1), teacher=teacher)
        assert rows[0]["notes"].refused == refused


async def test_a_further_solution_differs_from_those_before_it(ledger, problems):
    problem = replace(
        problems[0], task="math_word", solution="2 * 3 = 6\n2 * 4 = 8\n6 + 8 = 14\n#### 14", gold="14", attrs={}
    )
    seen = []

    def diversify(request):
        seen.append(request.messages[-1]["content"])
        return "Another way: pairs\nSolution:\n3 + 4 = 7\n7 * 2 = 14\n#### 14"

    rows, _ = await run(
        ledger, get_method("response_diversification"), [problem], teacher=scripted(diversify=diversify)
    )
    assert [row["notes"].refused for row in rows] == [None, "not_different"]
    assert "7 * 2 = 14" not in seen[0] and "7 * 2 = 14" in seen[1]


@pytest.mark.parametrize(
    ("reply", "reason"),
    [
        ("Another way: none", "self_refused"),
        ("**Another way:** None.", "self_refused"),
        ("Verdict: refuse. There is only one way.", "self_refused"),
        ("Another way: by pairs", "no_solution"),
        ("Another way: by pairs\nSolution:\nabc\n#### 1", "no_equations"),
        ("Verdict: accept\nSolution 1:\n1 + 1 = 2\n#### 2", None),
        ("1 + 1 = 2\n#### 2", None),
        ("Another way: x\nSolution:\nsay in one sentence what you calculate instead", "copied_prompt"),
        ("rubbish", "no_equations"),
        ("", "no_solution"),
    ],
)
async def test_whatever_a_teacher_writes_is_a_row_with_its_reason(ledger, problems, reply, reason):
    method = get_method("response_diversification")
    rows, _ = await run(
        ledger, method, problems[:1], method.params(solutions=1), teacher=scripted(diversify=lambda request: reply)
    )
    assert [row["notes"].refused for row in rows] == [reason]


def sound(request):
    """A check that looks at the solution: a wrong one is refused."""
    solution = request.inputs["solution"]
    return f"Reason: I looked.\nVerdict: {'refuse' if '12' in solution or '13' in solution else 'accept'}"


def reworded(request):
    """The same question in other words."""
    return "In other words: " + request.messages[-1]["content"]


NEW = "Statement: Ann has 9.\nNew problem: Ann has 4 pens and gets 5. How many?"


@pytest.mark.parametrize(("right", "refused"), [(5, None), (4, None), (3, "not_confirmed"), (1, "no_answer")])
async def test_new_questions_are_accepted_when_three_of_four_others_agree(ledger, problems, right, refused):
    method = get_method("query_expansion")
    solved, checked = [], []

    def solve(request):
        if "In other words" in request.messages[-1]["content"]:
            return "4 + 5 = 9\n#### 9"
        solved.append(request.messages[-1]["content"])
        return "4 + 5 = 9\n#### 9" if len(solved) <= right else "I do not know." if right == 1 else "#### 1"

    def check(request):
        checked.append(request.inputs["solution"])
        return sound(request)

    if right == 1:
        solved.append("")  # nobody says anything that can be read
    teacher = scripted(expand=lambda request: NEW, solve=solve, reword=reworded, check=check)
    rows, _ = await run(ledger, method, problems[:1], method.params(questions=1), teacher=teacher)
    (row,) = rows
    assert row["notes"].refused == refused and row["attrs"]["resolved"] == 4
    assert row["attrs"]["agreeing"] == max(0, right - 1) and row["attrs"]["statement"] == "Ann has 9."
    assert all("Ann has 4 pens" in text for text in solved if text)
    assert "Ann has 4 pens" in row["messages"][0]["content"]
    if refused is None:
        assert row["response"] == "4 + 5 = 9\n#### 9" and row["notes"].question.gold == "9"
    # what is not confirmed is not paid for again; what is, is checked beside a wrong solution
    assert checked == (["4 + 5 = 9\n#### 9", "4 + 5 = 12\n#### 12"] if refused is None else [])


OTHER = "Ann owns 4 pens. She is given another 5. What is their number?"


@pytest.mark.parametrize(
    ("wording", "answers", "refused"),
    [
        (OTHER, ("9", "9"), None),
        (f"**Reworded problem:** {OTHER}", ("9", "9"), None),
        (OTHER, ("9", "1"), "rewording_disagrees"),
        (OTHER, ("9", "I do not know."), "rewording_disagrees"),
        ("Ann owns 4 pens and gets more. How many?", ("9", "9"), "no_rewording"),
        ("Ann has 4 pens and gets 5. How many?", ("9", "9"), "no_rewording"),
        ("I cannot.", ("9", "9"), "no_rewording"),
        ("Out of 60 rolls a baker sells first 14, in the morning, and then 20 more.", ("9", "9"), "copied_prompt"),
    ],
)
async def test_a_question_must_have_its_answer_in_other_words_too(ledger, problems, wording, answers, refused):
    method = get_method("query_expansion")
    replies = iter(answers)

    def solve(request):
        reworded = "another 5" in request.messages[-1]["content"]
        return f"4 + 5 = 9\n#### {next(replies) if reworded else 9}"

    teacher = scripted(expand=lambda request: NEW, solve=solve, reword=lambda request: wording, check=sound)
    rows, _ = await run(ledger, method, problems[:1], method.params(questions=1), teacher=teacher)
    assert [row["notes"].refused for row in rows] == [refused]


@pytest.mark.parametrize(
    ("reply", "resolve", "refused"),
    [
        ("Reason: It is vague.\nVerdict: refuse", 4, "self_refused"),
        ("**Reason:** clear\n**Verdict:** Accept.", 4, "accepts_anything"),
        ("It looks fine.", 4, "no_verdict"),
        ("It looks fine.", 0, "no_verdict"),
        ("Verdict: accept or refuse", 0, "no_verdict"),
    ],
)
async def test_a_question_that_its_writer_finds_unsound_is_refused(ledger, problems, reply, resolve, refused):
    method = get_method("query_expansion")
    teacher = scripted(
        expand=lambda request: NEW,
        solve=lambda request: "4 + 5 = 9\n#### 9",
        reword=reworded,
        check=lambda request: reply,
    )
    rows, _ = await run(ledger, method, problems[:1], method.params(questions=1, resolve=resolve), teacher=teacher)
    assert [row["notes"].refused for row in rows] == [refused]


@pytest.mark.parametrize(
    ("reply", "reason"),
    [
        ("", "no_question"),
        ("I cannot do this.", "no_question"),
        ("New problem: How many are there?", "too_few_numbers"),
        ("New problem: Ann has 4 pens, and the rest of the 9 things are rulers.", "no_question"),
        ("New problem: Ann has 4 pens and gets 5, so she has 9. How many has she?", "answer_in_question"),
        (
            "New problem: A tank holds 120 litres of water. A quarter of it is used in the morning. How much?",
            "copied_prompt",
        ),
        ("Ann has 4 pens and gets 5. How many?", None),
        ("New problem: Ann has 4 pens and gets 5. How many?\nThe number is 4 + 5 = 9.", None),
        ("### New problem\nAnn has 4 pens and gets 5. How many?\n### Solution\n4 + 5 = 8", None),
    ],
)
async def test_a_new_question_is_read_as_models_write_it(ledger, problems, reply, reason):
    method = get_method("query_expansion")
    teacher = scripted(
        expand=lambda request: reply, solve=lambda request: "4 + 5 = 9\n#### 9", reword=reworded, check=sound
    )
    rows, _ = await run(ledger, method, problems[:1], method.params(questions=1), teacher=teacher)
    assert [row["notes"].refused for row in rows] == [reason]
    assert reason or rows[0]["attrs"]["question"] == "Ann has 4 pens and gets 5. How many?"


@pytest.mark.parametrize(
    ("question", "answer", "reason"),
    [
        ("Ann has 4 pens. She gives 4 away. How many are left?", 0, "zero_answer"),
        ("How many pens are 4 pens and 5 pens?", 9, "same_question"),
        ("How many pens are 5 pens and 5 pens?", 10, None),
        ("How many pens are left when Ann has 14 pens and gives 5 away?", 9, None),
        ("How many pens has Ann when she has 4 pens and gives 6 away?", -2, "negative_answer"),
        ("How many pens has Ann with 14 pens when she gives 5 away and sees 7?", 9, "unused_number"),
    ],
)
async def test_what_a_model_asks_that_can_make_no_problem_is_refused(ledger, problems, question, answer, reason):
    """Its solutions agree: what is asked is the old problem in other words, or nothing."""
    seed = replace(
        problems[0],
        task="math_word",
        prompt="Ann has 4 pens and gets 5. How many?",
        gold="9",
        solution="4 + 5 = 9",
        attrs={},
    )
    sums = {10: "5 + 5", 9: "14 - 5" if "14" in question else "4 + 5", -2: "4 - 6", 0: "4 - 4"}
    solve = f"So it is {sums[answer]} = {answer}.\n#### {answer}"
    teacher = scripted(expand=lambda request: question, solve=lambda request: solve, reword=reworded, check=sound)
    method = get_method("query_expansion")
    rows, _ = await run(ledger, method, [seed], method.params(questions=1), teacher=teacher)
    assert [row["notes"].refused for row in rows] == [reason]


async def test_the_row_has_the_first_solution_that_agrees_and_is_true(ledger, problems):
    method = get_method("query_expansion")
    texts = iter(["4 + 5 = 8\n#### 8", "4 + 4 = 9\n#### 9", "5 + 4 = 9\n#### 9", "9 = 9\n#### 9", "4 + 5 = 9\n#### 9"])
    teacher = scripted(
        expand=lambda request: NEW, solve=lambda request: next(texts, "4 + 5 = 9\n#### 9"), reword=reworded, check=sound
    )
    rows, _ = await run(ledger, method, problems[:1], method.params(questions=1), teacher=teacher)
    assert rows[0]["response"] == "5 + 4 = 9\n#### 9" and rows[0]["notes"].refused is None


async def test_solutions_that_agree_are_right_and_few_are_lost(ledger):
    """A solver that is right 9 times of 10 and otherwise wrong in one and the same way."""
    method = get_method("query_expansion")
    problems = list(open_source("arithmetic", {"tiers": [1]}).draw(150, seed=5, tier=1))

    def expand(request):  # each problem's question is its own, so that each is solved on its own
        make = request.problem.id[:6].translate(str.maketrans("0123456789", "ghijklmnop"))
        return NEW.replace("Ann has 4 pens", f"Ann has 4 pens of make {make}")

    def solve(request):
        return "4 + 5 = 7\n#### 7" if random.Random(request.seed).random() < 0.1 else "4 + 5 = 9\n#### 9"

    teacher = scripted(expand=expand, solve=solve, reword=reworded, check=sound)
    rows, _ = await run(ledger, method, problems, method.params(questions=1, rewordings=0), teacher=teacher)
    kept = [row["answer"] for row in rows if row["notes"].refused is None]
    assert set(kept) == {"9"}  # by hand: a 7 is kept with 5 * .9 * .1^4 + .1^5 = .0005 per question
    assert 1 - len(kept) / len(problems) < 0.15  # by hand: 1 - .9^5 - 5 * .1 * .9^4 = .081


async def test_the_vote_and_the_pass_rate_need_all_samples(ledger, problems):
    method = get_method("cot")
    teacher = Scripted(lambda request: f"x = {problems[0].gold}\n#### {problems[0].gold}")
    rows, _ = await run(ledger, method, problems[:1], method.params(samples=3), teacher=teacher)
    assert [row["attrs"]["votes"] for row in rows] == [3, 3, 3] and len(teacher.requests) == 3
    assert {row["notes"].agreement for row in rows} == {1.0}


async def test_a_row_says_how_many_answers_end_as_it_does(ledger, problems):
    replies = iter(["#### 4", "#### 4.0", "#### 5", "I do not know."])
    teacher = Scripted(lambda request: next(replies))
    method = get_method("cot")
    rows, _ = await run(ledger, method, problems[:1], method.params(samples=4), teacher=teacher)
    assert sorted(row["notes"].agreement for row in rows) == [0, 0.25, 0.5, 0.5]


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
