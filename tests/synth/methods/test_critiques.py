"""Critique, step labels and revision by principles."""

import random
from collections import Counter

import pytest

from filters import get_filter
from filters.base import Context, run_filters
from filters.night.policy import decide
from synth.calls.ask import Asker
from synth.calls.prompting import Prompts
from synth.methods import get_method
from synth.methods.constitutional import draw_principles, edit_ratio
from synth.night.runner import run_attempts
from synth.problems import get_task, open_source
from synth.problems.base import Problem
from tests.synth.conftest import Scripted
from tests.synth.methods.dialogue import corrupt, errs, run, scripted
from tests.synth.night.test_runner import attempts


def many(count=120, tier=2):
    return list(open_source("arithmetic", {"tiers": [tier]}).draw(count, seed=3, tier=tier))


def solve(problem):
    return get_task(problem.task).solve(problem)


async def test_a_critic_that_errs_is_rejected_and_no_other(ledger):
    """A critic that flips the last verdict a fifth of the time: the filter finds exactly those."""
    method, problems = get_method("critique"), many()

    def criticise(request):
        labels = list(request.inputs["labels"])
        if errs(request.problem, "critic", 0.2):
            labels[-1] = not labels[-1]
        return "\n".join(f"Step {n}: {'right' if label else 'wrong'}. So." for n, label in enumerate(labels, 1))

    student = Scripted(lambda request: corrupt(request.problem))
    rows, table = await run(ledger, method, problems, student=student, teacher=Scripted(criticise))
    mistaken = {index for index, problem in enumerate(problems) if errs(problem, "critic", 0.2)}
    verdicts = run_filters([get_filter("answer")], table, Context(problems={item.id: item for item in problems}))
    outcome = decide(table, verdicts)["outcome"].to_pylist()
    assert {index for index, word in enumerate(outcome) if word == "rejected"} == mistaken
    for row in rows:
        steps = len(row["steps"])
        assert len(row["attrs"]["step_critiques"]) == steps and row["attrs"]["label_agreement"] >= 1 - 1 / steps


async def test_a_critic_that_says_it_was_told_is_marked(ledger, problems):
    method = get_method("critique")
    teacher = Scripted(lambda request: "\n".join(f"Step {n}: right, as marked right." for n in range(1, 4)))
    student = Scripted(lambda request: solve(request.problem))
    rows, _ = await run(
        ledger, method, problems, student=student, teacher=Scripted(lambda r: "Step 1: right. The label says so.")
    )
    assert all(row["notes"].mentions_labels for row in rows) and teacher.requests == []


def completing(share):
    """A student whose attempt goes wrong in step 2, and whose completions of a right prefix are right at this rate."""

    def answer(request):
        if not request.continues:
            return corrupt(request.problem)
        right_lines = solve(request.problem).splitlines()
        on_the_way = all(step in right_lines for step in request.messages[-1]["content"].splitlines())
        right = on_the_way and random.Random(request.seed).random() < share
        return f"#### {request.problem.gold if right else int(request.problem.gold) + 1}"

    return Scripted(answer)


async def test_steps_are_labelled_until_the_first_that_never_ends_right(ledger):
    method, problems = get_method("step_labels"), many(20)
    student = completing(1.0)
    rows, _ = await run(ledger, method, problems, student=student)
    for row in rows:
        attrs = row["attrs"]
        assert row["labels"] == [True, False] and attrs["mc_values"] == [1.0, 0.0] and attrs["first_error_step"] == 2
        assert row["steps"] == row["notes"].attempt.text.splitlines()[:2]
        assert attrs["rule_agrees"] is True and attrs["label_source"] == "monte_carlo"
    assert len(student.requests) == len(problems) * (1 + 2 * 8)


async def test_more_completions_agree_more_with_the_rule(ledger):
    method, problems = get_method("step_labels"), many(60)
    share = {}
    for count in (1, 8):
        rows, _ = await run(ledger, method, problems, method.params(completions=count), student=completing(0.5))
        share[count] = sum(row["attrs"]["rule_agrees"] for row in rows) / len(rows)
    assert share[1] < 0.7 < 0.95 < share[8]  # by hand: .5 and 1 - .5^8


async def test_a_whole_right_attempt_has_only_right_steps_and_costs_are_bounded(ledger, problems):
    method = get_method("step_labels")
    student = scripted(
        solve=lambda request: f"#### {request.problem.gold}" if request.continues else solve(request.problem)
    )
    rows, _ = await run(ledger, method, problems, method.params(most_steps=1, completions=2), student=student)
    assert all(row["labels"] == [True] and row["attrs"]["first_error_step"] is None for row in rows)
    assert method.calls(method.params(most_steps=1, completions=2)) == {"student": 3}


def reviser(texts):
    """A teacher that revises to these texts in turn."""
    return scripted(
        principle_critique=lambda request: "It could be clearer.",
        principle_revision=lambda request: texts(request),
    )


async def test_a_chain_that_breaks_a_right_answer_is_refused(ledger):
    method, problems = get_method("constitutional"), many(6)
    student = Scripted(lambda request: solve(request.problem))
    rows, _ = await run(
        ledger, method, problems, method.params(revisions=2), student=student,
        teacher=reviser(lambda request: f"Let us see.\n{corrupt(request.problem)}"),
    )  # fmt: skip
    assert len(rows) == 3 * len(problems) and {row["notes"].refused for row in rows} == {"right_to_wrong"}
    assert Counter(row["attrs"]["transition"] for row in rows if row["kind"] == "sft") == {
        "right_to_wrong": 6, "wrong_to_wrong": 6,
    }  # fmt: skip


async def test_a_draft_without_a_step_is_not_criticised(ledger):
    method, problems = get_method("constitutional"), many(2)
    student = Scripted(lambda request: f"#### {request.problem.gold}")
    teacher = reviser(lambda request: solve(request.problem))
    rows, _ = await run(ledger, method, problems, student=student, teacher=teacher)
    assert [row["notes"].refused for row in rows] == ["no_steps"] * 2 and teacher.requests == []


async def test_a_mended_answer_makes_a_pair_whose_better_half_is_verified(ledger):
    method, problems = get_method("constitutional"), many(6)
    student = Scripted(lambda request: corrupt(request.problem))
    rows, table = await run(
        ledger, method, problems, method.params(revisions=2), student=student,
        teacher=reviser(lambda request: f"Let us go through it.\n{solve(request.problem)}"),
    )  # fmt: skip
    verdicts = run_filters([get_filter("answer")], table, Context(problems={item.id: item for item in problems}))
    assert set(decide(table, verdicts)["outcome"].to_pylist()) == {"accepted"}
    pairs = [row for row in rows if row["kind"] == "preference"]
    assert len(pairs) == 6 and {row["attrs"]["transition"] for row in pairs} == {"wrong_to_right"}
    assert {row["notes"].refused for row in rows if row["attrs"].get("revision_idx") == 2} == {"no_change"}
    chains = {row["attrs"]["chain_id"] for row in rows}
    assert len(chains) == 6 and all(len(row["parents"]) == 5 for row in pairs)


def test_principles_are_drawn_evenly_and_not_twice_before_all():
    drawn = [draw_principles(f"problem {number}", 4, 4) for number in range(400)]
    assert all(sorted(order) == [0, 1, 2, 3] for order in drawn)
    first = Counter(order[0] for order in drawn)
    assert all(70 < first[number] < 130 for number in range(4))  # 100 expected; sd 8.7
    assert draw_principles("a", 1, 3) == [0, 0, 0]


@pytest.mark.parametrize(
    ("before", "after", "ratio"),
    [("a b c d", "a b c d", 0), ("a b", "c d", 1), ("a b c d", "a b c e", 0.4), ("a b", "b a", 1)],
)
def test_change_is_counted_in_pairs_of_words(before, after, ratio):
    assert edit_ratio(before, after) == pytest.approx(ratio)


async def test_where_no_derivation_is_known_completions_label_the_steps(ledger):
    from dataclasses import replace

    method = get_method("critique")
    problems = [replace(problem, task="math_word", solution=None) for problem in many(5)]
    solutions = {problem.id: solve(plain) for problem, plain in zip(problems, many(5), strict=True)}

    def learn(request):
        lines = solutions[request.problem.id].splitlines()
        if not request.continues:
            return "\n".join([lines[0], "1 + 1 = 3", "3 + 1 = 4", "#### 4"])
        return f"#### {request.problem.gold if request.messages[-1]['content'].splitlines() == lines[:1] else 4}"

    def criticise(request):
        return "\n".join(
            f"Step {n}: {'right' if label else 'wrong'}." for n, label in enumerate(request.inputs["labels"], 1)
        )

    refused = await run_attempts(attempts(method, problems), make(ledger, Scripted(learn), Scripted(criticise)))
    assert set(refused.attempts["reason"].to_pylist()) == {"no_derivation"}
    params = method.params(completions=2)
    rows, _ = await run(ledger, method, problems, params, student=Scripted(learn), teacher=Scripted(criticise))
    for row in rows:
        attrs = row["attrs"]
        assert (
            row["labels"] == [True, False]
            and row["notes"].judgement.agrees is True
            and attrs["label_source"] == "monte_carlo"
        )
        assert attrs["first_error_step"] == 2 and len(row["parents"]) == 1 + 2 * 2 + 1


@pytest.mark.parametrize(
    ("right_after", "labels", "source"),
    [((1,), [True, False], "monte_carlo"), ((1, 2), [True, True], "monte_carlo"), ((), [True, None], "rule")],
)
async def test_completions_label_what_the_rule_is_not_sure_of(ledger, right_after, labels, source):
    """The first step is the derivation's: completions that say otherwise are not believed."""

    def answer(request):
        if not request.continues:
            return "5 + 3 = 8\n8 + 1 = 9\n#### 9"
        return f"#### {6 if len(request.messages[-1]['content'].split()) // 5 in right_after else 9}"

    teacher = scripted(
        critique=lambda request: "\n".join(
            f"Step {n}: {'right' if label else 'wrong'}. So." for n, label in enumerate(request.inputs["labels"], 1)
        )
    )
    method = get_method("critique")
    rows, _ = await run(
        ledger, method, [PROBLEM], method.params(completions=2), student=Scripted(answer), teacher=teacher
    )
    assert (rows[0]["labels"], rows[0]["attrs"]["label_source"]) == (labels, source)
    assert rows[0]["notes"].refused == ("unsure_step" if None in labels else None)
    assert bool(teacher.requests) is (None not in labels)


def make(ledger, student, teacher):
    return Asker(ledger, {"student": student, "teacher": teacher}, Prompts(), night="2026-01-01/test")


PROBLEM = Problem("math_word", "test", "Five, three more, two less?", "6", "x", solution="5 + 3 = 8\n8 - 2 = 6")
WRONG = "5 + 3 = 8\n8 - 2 = 5\n#### 5"
CRITIQUES = {
    "as it is": (WRONG, "Step 1: right. It adds.\nStep 2: wrong. It is 6.\nVerdict: wrong", "accepted"),
    "without a verdict": (WRONG, "Step 1: right. It adds.\nStep 2: wrong. It is 6.", "accepted"),
    "a verdict against its steps": (
        WRONG,
        "Step 1: right.\nStep 2: wrong.\nVerdict: right",
        "method_rejection:verdict_against_steps",
    ),
    "a verdict in the prompt's own words": (
        WRONG,
        "Step 1: right. It adds.\nStep 2: wrong. It is 6.\nThe final answer is wrong.",
        "accepted",
    ),
    "such a verdict against its steps": (
        WRONG,
        "Step 1: right. It adds.\nStep 2: wrong. It is 6.\nThe final answer is right.",
        "method_rejection:verdict_against_steps",
    ),
    "an example for an explanation": (
        WRONG,
        "Step 1: right. There are 3 boxes with 8 pens in each, and 3 times 8 is 24.\nStep 2: wrong. It is 6.\nVerdict: wrong",
        "method_rejection:copied_prompt",
    ),
    "another label": (WRONG, "Step 1: right.\nStep 2: right.\nVerdict: wrong", "answer:labels_disagree"),
    "the mistake again": (
        WRONG,
        "Step 1: right. It adds.\nStep 2: wrong. What is left is 8 - 2 = 5.",
        "method_rejection:false_explanation",
    ),
    "the step again": (
        "5 + 3 = 8\nThen he gives 2 of the 8 apples to his friend Tom: 8 - 2 = 5.\n#### 5",
        "Step 1: right. It adds.\nStep 2: wrong. Then he gives 2 of the 8 apples to his friend Tom.",
        "method_rejection:repeats_step",
    ),
    "a form": (
        WRONG,
        "Step 1: right or wrong. One sentence.\nStep 2: ...\nVerdict: right or wrong",
        "answer:no_judgement",
    ),
    "told": (WRONG, "Step 1: right.\nStep 2: wrong, as I was told.\nVerdict: wrong", "answer:mentions_labels"),
    "given apples": (WRONG, "Step 1: right. We are given 5.\nStep 2: wrong. It is 6.\nVerdict: wrong", "accepted"),
    "a true step from elsewhere": ("5 + 3 = 8\n8 + 1 = 9\n#### 9", None, "method_rejection:unsure_step"),
    "no step": ("#### 9", None, "attempt:unreadable_attempt"),
    "no answer": ("5 + 3 = 8", None, "attempt:unreadable_attempt"),
}


@pytest.mark.parametrize("case", CRITIQUES)
async def test_a_critic_explains_what_is_known_and_is_asked_nothing_else(ledger, case):
    attempt, reply, reason = CRITIQUES[case]
    teacher = scripted(critique=lambda request: reply)
    rows, table = await run(
        ledger, get_method("critique"), [PROBLEM], student=scripted(solve=lambda request: attempt), teacher=teacher
    )
    assert bool(teacher.requests) is (reply is not None)
    every = [get_filter(name) for name in ("structure", "attempt", "method_rejection", "answer")]
    verdicts = run_filters(every, table, Context(problems={PROBLEM.id: PROBLEM}))
    decided = decide(table, verdicts).to_pylist()[0]
    assert (decided["reason"] or decided["outcome"]) == reason
    assert (None in rows[0]["labels"]) is (case in ("a true step from elsewhere", "no answer"))


async def test_the_answer_that_is_judged_stands_in_the_question(ledger):
    teacher = scripted(critique=lambda request: "Step 1: right.\nStep 2: right.\nVerdict: wrong")
    rows, _ = await run(
        ledger, get_method("critique"), [PROBLEM],
        student=scripted(solve=lambda request: "5 + 3 = 8\n8 - 2 = 6\n#### 6"), teacher=teacher,
    )  # fmt: skip
    assert "Answer: 6" in rows[0]["messages"][-1]["content"]


STEPS = "Sure, step by step:\n\n5 + 3 = 8\n\n{} = {}\n\n#### {}"


@pytest.mark.parametrize(
    ("attempt", "successes", "labels", "refused"),
    [
        (STEPS.format("8 - 2", 6, 6), (2, 2), [True, True], None),
        (STEPS.format("8 + 1", 9, 9), (2, 0), [True, False], None),  # the rule is not sure of it
        (STEPS.format("8 - 2", 5, 5), (2, 0), [True, False], None),
        (STEPS.format("8 - 2", 5, 5), (2, 1), [True, True], "rule_disagrees"),
        (STEPS.format("8 - 2", 5, 5), (1, 0), [True, False], None),
        (STEPS.format("8 - 2", 5, 5), (0.5, 0), [True, False], "unsure_break"),
        (STEPS.format("8 - 2", 6, 6), (2, 0), [True, False], "rule_disagrees"),
        (STEPS.format("8 - 2", 6, 6), (0,), [False], "no_success_at_first_step"),
        ("Sure, step by step:\n\n#### 6", (), [], None),
    ],
)
async def test_step_labels_go_on_with_the_students_turn_and_are_not_against_the_rule(
    ledger, attempt, successes, labels, refused
):
    def answer(request):
        if not request.continues:
            return attempt
        begun = request.messages[-1]["content"]
        assert attempt.startswith(begun) and begun.startswith("Sure") and begun.endswith("\n\n")
        step = begun.count("=") - 1
        asked[step] = asked.get(step, 0) + 1  # of four
        return "#### 6" if asked[step] <= 2 * successes[step] else "#### 0"

    asked: dict[int, int] = {}
    method = get_method("step_labels")
    rows, _ = await run(ledger, method, [PROBLEM], method.params(completions=4), student=Scripted(answer))
    assert (rows[0]["labels"], rows[0]["notes"].refused) == (labels, refused)
    assert "Sure" not in "".join(rows[0]["steps"])
