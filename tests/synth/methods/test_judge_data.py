import json
import random
from collections import Counter

import pytest

from filters import get_filter
from filters.base import Context
from storage.errors import ProblemError
from synth.methods import get_method
from synth.problems import open_source
from synth.scorers.pairwise import CRITERION
from tests.synth.conftest import Scripted
from tests.synth.methods.dialogue import run
from tests.synth.methods.test_candidates import half_right

JUDGE_DATA = get_method("judge_data")
ACCURACY, BIAS = 0.8, 0.2


@pytest.fixture(scope="module")
def many():
    return list(open_source("arithmetic", {"tiers": [2]}).draw(120, seed=5, tier=2))


def judges(accuracy, bias):
    """Names the first with probability `bias`, else the right one with probability `accuracy`."""

    def answer(request):
        if request.act == "solve":
            return half_right(request)
        if request.act == "rewrite":
            return json.dumps(
                {"question": ("Say which of the two is better.", "Is A right?", "A is better.")[request.seed % 3]}
            )
        draw = random.Random(f"{request.messages}{request.seed}")
        right = "B" if "#### -7" in request.inputs["first"] else "A"
        wrong = "A" if right == "B" else "B"
        better = "A" if draw.random() < bias else right if draw.random() < accuracy else wrong
        return json.dumps({"reason": "I looked at it", "better": better})

    return answer


async def made(ledger, problems, accuracy, bias, **params):
    answer = judges(accuracy, bias)
    engines = {"teacher": Scripted(answer, "t"), "student": Scripted(answer, "s")}
    return await run(ledger, JUDGE_DATA, problems, JUDGE_DATA.params(**params), **engines)


async def test_verdicts_that_hold_in_both_orders_are_as_many_as_the_closed_form_says(ledger, many):
    rows, table = await made(ledger, many, ACCURACY, BIAS)
    items = {row["problem_id"] for row in rows}
    kept = [row for row in rows if row["kind"] == "sft" and row["notes"].refused is None]
    first, second = BIAS + (1 - BIAS) * ACCURACY, (1 - BIAS) * ACCURACY
    share = len(kept) / len(items)
    assert abs(share - first * second) < 3 * (share * (1 - share) / len(items)) ** 0.5
    assert all(json.loads(row["response"])["better"] == row["attrs"]["gold_pref"] for row in kept)
    pairs = [row for row in rows if row["kind"] == "preference"]
    assert pairs and not {row["problem_id"] for row in pairs} & {row["problem_id"] for row in kept}, "in one set only"
    for row in pairs:
        chosen, rejected = (json.loads(row[half])["better"] for half in ("response", "rejected"))
        assert chosen == row["attrs"]["gold_pref"] != rejected
    winners = Counter(row["attrs"]["gold_pref"] for row in kept)
    assert abs(winners["A"] - winners["B"]) < 4 * len(kept) ** 0.5, "A and B win as often"
    verdicts = get_filter("answer")(table, Context(problems={one.id: one for one in many})).to_pylist()
    outcomes = {row["sample_id"]: row["outcome"] for row in verdicts}
    assert all(outcomes[row["sample_id"]] == "pass" for row in [*kept, *pairs])


async def test_a_judge_that_always_names_the_first_teaches_nothing(ledger, many):
    rows, _ = await made(ledger, many[:20], 1.0, 1.0)
    assert rows and {row["notes"].refused for row in rows} == {"inconsistent_verdict"}


async def test_where_nothing_can_be_told_apart_nothing_is_asked(ledger, many):
    teacher = Scripted(judges(1, 0), "t")
    student = Scripted(lambda request: f"#### {request.problem.gold}", "s")
    rows, _ = await run(ledger, JUDGE_DATA, many[:3], teacher=teacher, student=student)
    assert rows == [] and {request.act for request in teacher.requests} == {"rewrite"}


async def test_items_are_asked_in_several_wordings_none_of_which_names_an_answer(ledger, many):
    def writer(request):
        if request.act != "rewrite":
            return judges(1, 0)(request)
        texts = (
            "Which is the better one of both?",
            "Is solution A better?",
            "",
            "Name the one that is right, and say why.",
        )
        return json.dumps({"question": texts[request.seed % len(texts)]})

    engines = {"teacher": Scripted(writer, "t"), "student": Scripted(judges(1, 0), "s")}
    rows, table = await run(ledger, JUDGE_DATA, many[:40], JUDGE_DATA.params(wordings=24), **engines)
    wordings = {row["attrs"]["wording"] for row in rows}
    assert wordings == {CRITERION, "Which is the better one of both?", "Name the one that is right, and say why."}
    for row in rows:
        assert row["attrs"]["wording"] in row["messages"][-1]["content"]
        assert CRITERION not in row["messages"][-1]["content"] or row["attrs"]["wording"] == CRITERION
    asked = [request.inputs["criterion"] for request in engines["teacher"].requests if request.act == "compare"]
    assert set(asked) == wordings
    assert all(any("judge_data/artefact@" in name for name in row["prompts"]) for row in table.to_pylist())
    same, _ = await run(ledger, JUDGE_DATA, many[:10], JUDGE_DATA.params(wordings=0), **engines)
    assert {row["attrs"]["wording"] for row in same} == {CRITERION}


async def test_what_people_said_stands_in_the_place_of_a_checker(ledger, tmp_path):
    file = tmp_path / "pairs.jsonl"
    file.write_text(
        "".join(
            json.dumps(
                {
                    "prompt": [{"role": "user", "content": f"Why is {n} odd?"}],
                    "chosen": f"It is {n}.",
                    "rejected": "#### -7",
                }
            )
            + "\n"
            for n in range(40)
        )
    )
    problems = list(open_source("preferences", {"path": str(file), "license": "MIT"}).draw(50, seed=1))
    assert len(problems) == 40 and {(one.task, one.license) for one in problems} == {("open_question", "MIT")}
    rows, table = await made(ledger, problems, ACCURACY, BIAS)
    assert {row["problem_id"] for row in rows} == {problem.id for problem in problems}
    kept = [row for row in rows if row["kind"] == "sft" and row["notes"].refused is None]
    assert 10 < len(kept) < 40 and all(
        json.loads(row["response"])["better"] == row["attrs"]["gold_pref"] for row in kept
    )
    verdicts = get_filter("answer")(table, Context(problems={one.id: one for one in problems})).to_pylist()
    outcomes = {verdict["sample_id"]: verdict["outcome"] for verdict in verdicts}
    assert {outcomes[row["sample_id"]] for row in kept} == {"pass"}, "people's word, though no checker can say"


@pytest.mark.parametrize(
    ("row", "match"),
    [
        ({"prompt": "x", "chosen": "a"}, "no field 'rejected'"),
        ({"prompt": 5, "chosen": "a", "rejected": "b"}, "is int"),
        ("", "no rows"),
    ],
)
def test_files_of_preferences_that_cannot_be_read(tmp_path, row, match):
    file = tmp_path / "pairs.jsonl"
    file.write_text(json.dumps(row) if row else "")
    with pytest.raises(ProblemError, match=match):
        open_source("preferences", {"path": str(file)}).draw(1, seed=1)


def test_rows_that_prefer_nothing_are_left_out(tmp_path):
    file = tmp_path / "pairs.jsonl"
    rows = [("Why?", "a", "a"), ("Why so?", "a", ""), ("Why now?", "a", "b"), ("why NOW", "c", "d")]
    file.write_text("".join(json.dumps(dict(zip(("q", "w", "l"), row, strict=True))) + "\n" for row in rows))
    source = open_source("preferences", {"path": str(file), "question": "q", "chosen": "w", "rejected": "l"})
    assert [problem.prompt for problem in source.draw(9, seed=1)] == ["Why now?"]
    assert [(row.line, row.reason) for row in source.dropped] == [
        (1, "no_preference"),
        (2, "no_preference"),
        (4, "duplicate"),
    ]
