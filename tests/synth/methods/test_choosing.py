"""The methods that bind scorers, a chooser and what is emitted as a paper does."""

import json
from collections import Counter

import pytest

from synth.methods import get_method
from synth.methods.overthinking import cut
from synth.problems import get_task, open_source
from tests.synth.conftest import Scripted
from tests.synth.methods.dialogue import run
from tests.synth.methods.test_candidates import grader, half_right


@pytest.fixture(scope="module")
def many():
    return list(open_source("arithmetic", {"tiers": [2]}).draw(40, seed=5, tier=2))


def right(request, head=""):
    return head + get_task(request.problem.task).solve(request.problem)


def by_number(*answers):
    """Answers in turn for each problem."""
    asked = Counter()

    def answer(request):
        asked[request.problem.id] += 1
        return answers[(asked[request.problem.id] - 1) % len(answers)](request)

    return Scripted(answer, "writer")


def wrong(request):
    return "1 + 1 = 3\n#### -7"


async def test_overthinking_cuts_behind_the_first_right_solution_and_a_reflection(ledger, problems):
    def long(request):
        gold = request.problem.gold
        again = f"Let me check this again, another way, to be sure of it.\n\\boxed{{{gold}}}\n"
        return f"<think>\n{again * 5}</think>\n\nSo it is.\n#### {gold}"

    def short(request):
        gold = request.problem.gold
        box = f"\\boxed{{{gold}}}"
        return f"<think>\nFirst.\n{box}\nAgain.\n{box}\nAnd again.\n{box}\n</think>\n\n#### {gold}"

    method = get_method("overthinking")
    engine = by_number(wrong, long, short)
    for positive, kept in (("shortest", 3), ("first_right", 1), ("first_right_and_reflection", 2)):
        params = method.params(samples=3, positive=positive)
        rows, _ = await run(ledger, method, problems[:1], params, student=engine)
        (pair,) = (row for row in rows if row["kind"] == "preference")
        assert pair["response"].count("boxed") == kept and pair["notes"].refused is None
        assert pair["response"].count("</think>") == 1 and pair["response"].endswith(f"#### {problems[0].gold}")
        assert pair["rejected"].count("boxed") == 5
    assert len(engine.requests) == 3, "the variants are made of the same answers"


def test_a_cut_stands_on_the_border_of_a_solution_or_nowhere(problems):
    gold = problems[0].gold
    text = f"2 + 2 = 4\n#### {gold}\nBut wait.\n3 + 3 = 6\n#### {gold}\n2 + 2 = 4\n#### {gold}\n"
    assert cut(text, "first_right", problems[0]) == f"2 + 2 = 4\n#### {gold}"
    assert (
        cut(text, "first_right_and_reflection", problems[0])
        == f"2 + 2 = 4\n#### {gold}\nBut wait.\n3 + 3 = 6\n#### {gold}"
    )
    assert cut(text, "greedily_diverse", problems[0]) == cut(text, "first_right_and_reflection", problems[0])
    assert cut("#### -7\nNo.\n", "first_right", problems[0]) is None


async def test_a_positive_half_that_is_hardly_shorter_is_refused(ledger, problems):
    method = get_method("overthinking")
    engine = by_number(lambda r: right(r, "One two.\n" * 5), lambda r: right(r, "One two.\n" * 5 + "Three.\n"))
    rows, _ = await run(ledger, method, problems[:1], method.params(samples=2, positive="shortest"), student=engine)
    assert [row["notes"].refused for row in rows if row["kind"] == "preference"] == ["not_shorter"]


async def test_rejection_sampling_keeps_each_way_once(ledger, problems):
    def otherwise(request):
        return f"0 + {request.problem.gold} = {request.problem.gold}\n#### {request.problem.gold}"

    method = get_method("rejection_sampling")
    engine = by_number(right, wrong, right, otherwise)
    rows, _ = await run(ledger, method, problems[:2], method.params(samples=8), student=engine)
    for problem in problems[:2]:
        own = [row for row in rows if row["problem_id"] == problem.id]
        assert [n for n, row in enumerate(own) if row["notes"].refused is None] == [0, 3]
        assert all(row["answer"] == problem.gold for row in own if row["notes"].refused is None)


async def test_the_majority_is_learned_right_or_wrong_and_without_a_look_at_gold(ledger, problems):
    method = get_method("majority_labels")
    engine = by_number(wrong, right, wrong)
    rows, _ = await run(ledger, method, problems[:1], method.params(samples=3), teacher=engine)
    assert [row["notes"].refused for row in rows] == [None, "not_chosen", None]
    rows, _ = await run(ledger, method, problems[:1], method.params(samples=3, share=0.7), teacher=engine)
    assert {row["notes"].refused for row in rows} == {"not_chosen"}, "two of three are too few"


async def test_self_rewarding_pairs_the_highest_with_the_lowest_by_its_own_points(ledger, many):
    method = get_method("self_rewarding")
    engines = {"student": Scripted(half_right, "same"), "grader": Scripted(grader, "same")}
    rows, _ = await run(ledger, method, many, **engines)
    pairs = [row for row in rows if row["kind"] == "preference"]
    assert len(pairs) > 25 and len(rows) == 160 + len(pairs)
    assert all((row["attrs"]["chosen_score"], row["attrs"]["rejected_score"]) == (5, 1) for row in pairs)
    assert all("#### -7" in row["rejected"] and "#### -7" not in row["response"] for row in pairs)
    assert all(row["attrs"]["own_family"] for row in pairs)


async def test_self_rewarding_asks_new_questions_whose_label_is_what_the_grader_chose(ledger, many):
    def student(request):
        if request.problem.gold:
            return half_right(request)
        return f"I think so.\n#### {7 if request.seed % 2 else -7}"

    def writes(request):
        numbers = [request.seed % 89 + 2, request.seed % 83 + 2]
        return "\n".join(f"{n}. Bee {m} of hive {n} met {m + n} wasps. How many?" for n, m in enumerate(numbers, 1))

    method = get_method("self_rewarding")
    params = method.params(questions="new", samples=4)
    engines = {
        "student": Scripted(student, "same"),
        "grader": Scripted(grader, "same"),
        "teacher": Scripted(writes, "fixed"),
    }
    rows, table = await run(ledger, method, many, params, **engines)
    asked = {row["attrs"]["question"] for row in rows}
    assert asked and not asked & {problem.prompt for problem in many}
    pairs = [row for row in rows if row["kind"] == "preference"]
    assert pairs and all(row["notes"].question.source == "judge" for row in pairs)
    assert all(row["notes"].question.gold == "7" and "#### -7" in row["rejected"] for row in pairs)
    for row in rows:
        assert row["attrs"]["question"] in row["messages"][-1]["content"] and row["notes"].label is None
    assert set(table["gold_source"].to_pylist()) <= {"judge", "none", "model"}
    written = [request for request in engines["teacher"].requests]
    assert {request.act for request in written} == {"go_on"}
    assert len(written) <= method.prepare.calls(params, len(many))["teacher"]


async def test_genselect_learns_what_the_grader_names(ledger, many):
    def names(request):
        answers = request.inputs["answers"]
        good = [number for number, text in enumerate(answers, 1) if "#### -7" not in text]
        return json.dumps({"reason": "r", "best": good[0] if good else 1})

    method = get_method("genselect")
    engines = {"teacher": Scripted(half_right, "t"), "grader": Scripted(names, "g")}
    rows, _ = await run(ledger, method, many, method.params(samples=4), **engines)
    taken = [row for row in rows if row["notes"].refused is None]
    assert len(taken) == 40 and sum("#### -7" in row["response"] for row in taken) < 8
    control, _ = await run(ledger, method, many, method.params(samples=4, control=True), **engines)
    by_lot = [row for row in control if row["notes"].refused is None]
    assert len(by_lot) == 40 and 8 < sum("#### -7" in row["response"] for row in by_lot) < 32
