from dataclasses import replace

import pytest

from filters import get_filter
from filters.base import Context, run_filters
from filters.night.policy import decide
from storage.lake.lake import Lake
from storage.sql.run import run_sql
from synth.methods import get_method
from synth.problems import get_task, open_source
from synth.problems.base import Problem
from tests.synth.conftest import Scripted
from tests.synth.methods.dialogue import corrupt, errs, run, scripted

TUTORSHIP = get_method("tutorship")


def solve(problem):
    return get_task(problem.task).solve(problem)


async def by_solver(ledger, problems, student, params=None, **more):
    from synth.engines.solver import Solver

    return await run(ledger, TUTORSHIP, problems, params, student=student, teacher=Solver(), **more)


async def test_the_first_wrong_step_is_the_one_that_was_made_wrong(ledger, problems):
    rows, _ = await by_solver(ledger, problems, Scripted(lambda request: corrupt(request.problem)))
    for row, problem in zip(rows, problems, strict=True):
        attrs = row["attrs"]
        assert attrs["check"] == "wrong" and row["notes"].judgement.agrees is True and attrs["first_error_step"] == 2
        assert attrs["rule_first_error_step"] == 2 and attrs["step_agrees"] is True
        assert row["answer"] == problem.gold
        assert get_task("arithmetic").check(problem, row["response"]).outcome == "correct"


async def test_a_right_attempt_is_confirmed_and_marked_for_the_cap(ledger, problems):
    rows, _ = await by_solver(ledger, problems, Scripted(lambda request: solve(request.problem)))
    draws = set()
    for row in rows:
        attrs = row["attrs"]
        assert (
            attrs["check"] == "correct" and row["notes"].judgement.agrees is True and attrs["first_error_step"] is None
        )
        share = row["notes"].share
        assert (share.of, share.cap) == ("confirmation", 0.3)
        draws.add(share.draw)
    assert len(draws) == len(rows)


async def test_a_teacher_that_errs_is_found_out(ledger, problems):
    """A student that is wrong half the time, a teacher whose verdict is wrong a tenth of the time: both are known."""
    problems = list(open_source("arithmetic", {"tiers": [1]}).draw(200, seed=7, tier=1))

    def teach(request):
        problem = request.problem
        right = not errs(problem, "student", 0.5)
        if right != errs(problem, "teacher", 0.1):
            return "Check: correct"
        return f"Check: wrong\nFirst wrong step: 2\nWhy: no.\nCorrected:\n{solve(problem)}"

    student = Scripted(
        lambda request: corrupt(request.problem) if errs(request.problem, "student", 0.5) else solve(request.problem)
    )
    rows, table = await run(ledger, TUTORSHIP, problems, student=student, teacher=Scripted(teach))
    mistakes = {index for index, problem in enumerate(problems) if errs(problem, "teacher", 0.1)}
    assert {index for index, row in enumerate(rows) if row["notes"].judgement.agrees is False} == mistakes
    assert 10 < len(mistakes) < 30
    verdicts = run_filters([get_filter("answer")], table, Context(problems={item.id: item for item in problems}))
    outcome = decide(table, verdicts)["outcome"].to_pylist()
    assert {index for index, word in enumerate(outcome) if word == "rejected"} == mistakes  # recall and precision 1


@pytest.mark.slow
async def test_the_error_rate_and_the_effect_of_a_lesson_are_one_query_each(ledger, workspace, problems):
    """The queries are those of the module's docstring."""
    import synth.methods.tutorship as module

    def learn(request):
        if request.act == "retry":
            return solve(request.problem)
        return corrupt(request.problem)

    rows, table = await by_solver(ledger, problems, Scripted(learn), TUTORSHIP.params(retry=True))
    assert len({row["sample_id"] for row in rows}) == len(problems)
    with Lake(workspace) as lake:
        lake.commit("test", "test", {"samples": table}, night="2026-01-01/test")
    statements = [part for part in module.__doc__.replace("    --", "\n--").split("--")[1:]]
    queries = [part[part.index("select") :] for part in statements]
    assert len(queries) == 2
    assert run_sql(workspace, queries[0]).to_pylist()[0].popitem()[1] == 0
    assert run_sql(workspace, queries[1]).to_pylist()[0].popitem()[1] == 1


async def test_a_second_attempt_is_hinted_at_but_not_told_the_answer(ledger, problems):
    problems = [replace(problem, gold="31337") for problem in problems]
    seen = []

    def learn(request):
        seen.append((request.act, request.messages[-1]["content"]))
        return "1 + 1 = 3\n#### 3"

    reply = "Check: wrong\nFirst wrong step: 1\nWhy: {}\nCorrected:\n1 + 1 = 2\n#### 31337"
    for why, hinted in (("1 + 1 is 2.", True), ("The answer is 31,337.", False)):
        seen.clear()
        teacher = Scripted(lambda request, why=why: reply.format(why), f"teacher {why}")
        rows, _ = await run(
            ledger, TUTORSHIP, problems[:1], TUTORSHIP.params(retry=True), student=Scripted(learn, why), teacher=teacher
        )
        retry = dict(seen)["retry"]
        assert "step 1" in retry and (why in retry) is hinted
        assert not any("31337" in text or "31,337" in text for _, text in seen)
        attrs = rows[0]["attrs"]
        assert attrs["second_correct"] is False and attrs["control_correct"] is False
        assert attrs["explanation_gives_answer"] is not hinted
        assert TUTORSHIP.calls(TUTORSHIP.params(retry=True)) == {"student": 3, "teacher": 1}
        assert [act for act, _ in seen].count("solve") == 2


async def test_a_confirmed_attempt_is_not_tried_again(ledger, problems):
    student = Scripted(lambda request: solve(request.problem))
    rows, _ = await by_solver(ledger, problems, student, TUTORSHIP.params(retry=True))
    assert len(student.requests) == len(problems) and "second_attempt" not in rows[0]["attrs"]


@pytest.mark.parametrize(
    ("reply", "refused"),
    [("Check: correct", None), ("Check: wrong\nWhy: it is not the reference answer.", "mentions_reference")],
)
async def test_a_teacher_that_mentions_the_reference_is_refused(ledger, problems, reply, refused):
    student = Scripted(lambda request: solve(request.problem))
    teacher = scripted(correct=lambda request: reply)
    rows, _ = await run(ledger, TUTORSHIP, problems[:1], student=student, teacher=teacher)
    assert rows[0]["notes"].refused == refused


# (what the student wrote, what the teacher replies, why it is refused, what the lesson names); the problem: 5 + 3 - 2, gold 6
WRONG = "5 + 3 = 9\n9 - 2 = 7\n#### 7"
ELSEWHERE = "5 + 3 = 8\n8 + 1 = 9\n#### 9"
RIGHT = "5 + 3 = 8\n8 - 2 = 6\n#### 6"
LUCKY = "5 + 3 = 9\n9 - 2 = 6\n#### 6"
LESSON = "Check: wrong\nFirst wrong step: {}\nWhy: {}\nCorrected:\n5 + 3 = 8\n8 - 2 = 6\n#### 6"
REPLIES = {
    "a lesson": (WRONG, LESSON.format(1, "5 + 3 is 8, not 9."), None, 1, True),
    "reasoning first": (WRONG, f"(1) 5 + 3 is 8.\n(2) It builds on it.\n\n{LESSON.format(1, 'It is 8.')}", None, 1, True),
    "a step of its own": (WRONG, LESSON.format(2, "It is 4."), "step_disagrees", None, True),
    "no such step": (WRONG, LESSON.format(9, "It is 8."), "step_disagrees", None, True),
    "a true step from elsewhere": (ELSEWHERE, LESSON.format(2, "Two are taken away."), None, None, True),
    "a right step blamed": (ELSEWHERE, LESSON.format(1, "It is 8."), "step_disagrees", None, True),
    "an explanation that names the step": (ELSEWHERE, LESSON.format(2, "In step 2 two are taken away."), None, None, True),
    "a verdict and a step": (WRONG, "Check: correct\nFirst wrong step: 1", "verdict_against_step", None, False),
    "two verdicts": (WRONG, "Check: correct\nCheck: wrong", "two_verdicts", None, None),
    "its own correction": (
        WRONG,
        "Check: correct\nCorrected:\n8 - 2 = 6\n#### 6",
        "verdict_against_correction",
        None,
        False,
    ),
    "nothing to correct": (RIGHT, "Check: wrong\nCorrected:\n8 - 2 = 6\n#### 6", "verdict_against_correction", None, False),
    "false arithmetic of its own": (
        WRONG,
        "Check: wrong\nFirst wrong step: 1\nWhy: no.\nCorrected:\n5 + 3 = 7\n7 - 2 = 6\n#### 6",
        "false_correction",
        1,
        True,
    ),
    "a form that was copied": (
        WRONG,
        LESSON.format(1, "Pens that are given away are subtracted, not added."),
        "copied_prompt",
        1,
        True,
    ),
    "no correction": (WRONG, "Check: wrong\nFirst wrong step: 1\nWhy: It is 6.", "no_correction", 1, True),
    "the problem for an explanation": (WRONG, LESSON.format(1, "Five, three more, two less."), "no_explanation", 1, True),
    "an echo of the question": (
        WRONG,
        LESSON.format(1, "It is 8.") + "\nThe student's answer: 7\nThe right answer: 6, so the student's answer is wrong.",
        "copied_prompt",
        1,
        True,
    ),
    "a right attempt": (RIGHT, "Check: correct", None, None, True),
    "a right answer by false arithmetic": (LUCKY, LESSON.format(1, "It is 8."), None, 1, True),
    "which is not right": (LUCKY, "Check: correct", None, None, False),
    "which is wrong nowhere else": (LUCKY, LESSON.format(2, "It is 7."), "step_disagrees", None, None),
    "no verdict": (WRONG, "It is fine, I think.", None, None, None),
}  # fmt: skip


@pytest.mark.parametrize("case", REPLIES)
async def test_a_lesson_is_true_or_refused_with_its_own_reason(ledger, case):
    attempt, reply, refused, named, agrees = REPLIES[case]
    problem = Problem("math_word", "test", f"Five, three more, two less? {case}", "6", case, solution=RIGHT)
    rows, _ = await run(
        ledger,
        TUTORSHIP,
        [problem],
        student=scripted(solve=lambda request: attempt),
        teacher=scripted(correct=lambda request: reply),
    )
    notes = rows[0]["notes"]
    assert (notes.refused, rows[0]["attrs"]["first_error_step"], notes.judgement.agrees) == (refused, named, agrees)
    if named is None:
        assert "step" not in rows[0]["response"].lower() or rows[0]["attrs"]["check"] is None
    verdicts = {
        name: get_filter(name) for name in ("answer", "method_rejection", "attempt")
    }  # accepted only when nothing speaks against it
    accepted = case in (
        "a lesson", "reasoning first", "a true step from elsewhere", "an explanation that names the step",
        "a right attempt", "a right answer by false arithmetic",
    )  # fmt: skip
    findings = run_filters(list(verdicts.values()), _, Context(problems={problem.id: problem}))
    assert (set(findings["outcome"].to_pylist()) == {"pass"}) is accepted


@pytest.mark.parametrize("attempt", ["", "Hello.", "#### 7", "5 + 3 = 8"])
async def test_no_teacher_is_asked_about_an_attempt_without_a_step_or_an_answer(ledger, problems, attempt):
    teacher = scripted(correct=lambda request: "Check: wrong")
    rows, table = await run(
        ledger, TUTORSHIP, problems[:1], student=scripted(solve=lambda request: attempt), teacher=teacher
    )
    assert teacher.requests == [] and len(rows[0]["parents"]) == 1
    every = [get_filter(name) for name in ("structure", "attempt", "method_rejection", "answer")]
    verdicts = run_filters(every, table, Context(problems={item.id: item for item in problems}))
    assert decide(table, verdicts)["reason"].to_pylist() == ["attempt:unreadable_attempt"]


async def test_the_reference_is_the_gold_solution_where_there_is_one(ledger, problems):
    teacher = scripted(correct=lambda request: "Check: correct")
    for solution, shown in ((RIGHT, "8 - 2 = 6"), (None, "The right answer: 6")):
        problem = Problem("math_word", "test", "Five, three more, two less?", "6", "x", solution=solution)
        await run(ledger, TUTORSHIP, [problem], student=scripted(solve=lambda request: WRONG), teacher=teacher)
        asked = teacher.requests[-1].messages[-1]["content"]
        assert shown in asked and "(2) 9 - 2 = 7" in asked and "<" not in asked.replace("<final answer>", "")


async def test_a_rule_names_no_step_that_may_be_right(ledger):
    """The solver corrects from the start where it is not sure which step is wrong."""
    from synth.engines.solver import Solver

    problem = Problem("math_word", "test", "Five, three more, two less?", "6", "x", solution=RIGHT)
    for attempt, named in ((ELSEWHERE, None), (WRONG, 1), (LUCKY, 1), (RIGHT, None)):
        rows, _ = await run(
            ledger,
            TUTORSHIP,
            [problem],
            student=Scripted(lambda request, text=attempt: text, attempt),
            teacher=Solver(),
        )
        assert rows[0]["attrs"]["first_error_step"] == named and rows[0]["notes"].judgement.agrees is True
        assert ("5 + 3 = 8\n8 - 2 = 6" in rows[0]["response"]) is (attempt != RIGHT)
