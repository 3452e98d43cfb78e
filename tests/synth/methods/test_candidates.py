import json
from collections import Counter

import pytest
from pydantic import ValidationError

from storage.errors import ModelServerError, RecipeError
from synth.calls.ask import Asker
from synth.calls.prompting import Prompts
from synth.calls.reviewed import ReviewedAnswer, ReviewedPair
from synth.engines.profile import Profile
from synth.methods import get_method
from synth.night.runner import run_attempts
from synth.problems import get_task, open_source
from tests.synth.conftest import Scripted
from tests.synth.methods.dialogue import prepared, read, run
from tests.synth.night.test_runner import NIGHT

CANDIDATES = get_method("candidates")


def teacher():
    """Wrong, right and long, right and short, by the number of the sample."""
    asked = []

    def answer(request):
        asked.append(request.seed)
        right = f"#### {request.problem.gold}"
        return ["#### -7", f"First we think about it.\n{right}", right][(len(asked) - 1) % 3]

    return Scripted(answer)


def half_right(request):
    """Right or wrong by the seed."""
    solution = get_task(request.problem.task).solve(request.problem)
    return solution if request.seed % 2 else solution.rsplit("#### ", 1)[0] + "#### -7"


def grader(request):
    """Knows the truth; compares or grades by it."""
    wrong = "#### -7"
    if request.act == "compare":
        return json.dumps({"reason": "r", "better": "B" if wrong in request.inputs["first"] else "A"})
    return json.dumps({"reason": "r", "score": 1 if wrong in request.inputs["answer"] else 5})


@pytest.mark.parametrize(("chooser", "chosen"), [("first_right", 1), ("shortest_right", 2)])
async def test_one_is_taken_and_the_others_are_rows_that_say_so(ledger, problems, chooser, chosen):
    params = CANDIDATES.params(samples=3, chooser=chooser, scorers=("length",))
    asker = Asker(ledger, {"teacher": teacher()}, Prompts(), night=NIGHT)
    finished = await run_attempts(await prepared(CANDIDATES, problems[:1], params, asker), asker)
    rows = read(finished.samples)
    assert [row["notes"].refused for row in rows] == ["not_chosen" if n != chosen else None for n in range(3)]
    values = {(row["subject_id"], row["name"]): row["value"] for row in finished.evidence.to_pylist()}
    assert [values[row["sample_id"], "answer"] for row in rows] == [0.0, 1.0, 1.0]
    assert values[rows[1]["sample_id"], "length"] > values[rows[2]["sample_id"], "length"] and len(values) == 6
    evidence = finished.evidence.to_pylist()
    assert {(row["kind"], row["subject"], row["model"]) for row in evidence} == {("score", "sample", None)}
    assert len({row["parents"][-1] for row in rows}) == 3, "each names its own call"


async def test_where_none_is_right_none_is_taken(ledger, problems):
    rows, _ = await run(ledger, CANDIDATES, problems[:2], teacher=Scripted(lambda request: "#### -7"))
    assert len(rows) == 8 and {row["notes"].refused for row in rows} == {"not_chosen"}


async def test_the_answers_are_those_that_other_methods_ask_for_too(ledger, problems):
    """Sample numbers come from the call site: k candidates are the k solutions of `cot`, found in the ledger."""
    engine = Scripted(lambda request: f"#### {request.problem.gold}")
    await run(ledger, get_method("cot"), problems[:1], get_method("cot").params(samples=4), teacher=engine)
    rows, _ = await run(ledger, CANDIDATES, problems[:1], teacher=engine)
    assert len(engine.requests) == 4 and len(rows) == 4 and rows[0]["attrs"]["candidates"] == 4


async def test_several_models_answer_side_by_side(ledger, problems):
    params = CANDIDATES.params(samples=2, also=("student",))
    engines = {"teacher": Scripted(lambda _: "#### -7", "t"), "student": Scripted(half_right, "s")}
    rows, _ = await run(ledger, CANDIDATES, problems[:3], params, **engines)
    assert Counter(row["attrs"]["role"] for row in rows) == {"teacher": 6, "student": 6}
    taken = [row for row in rows if row["notes"].refused is None]
    assert taken and {row["models"][0] for row in taken} == {"s"}


async def test_a_pair_is_a_row_beside_those_of_its_halves(ledger, problems):
    params = CANDIDATES.params(samples=3, chooser="shortest_and_longest", emit="pair")
    rows, _ = await run(ledger, CANDIDATES, problems[:1], params, teacher=teacher())
    (pair,) = (row for row in rows if row["kind"] == "preference")
    assert {row["notes"].refused for row in rows if row["kind"] == "sft"} == {"not_chosen"} and len(rows) == 4
    assert pair["response"].startswith("####") and pair["rejected"].startswith("First")
    assert pair["parents"] == [rows[1]["parents"][0], rows[2]["parents"][0]]


async def test_where_none_is_taken_a_row_declines(ledger, problems):
    params = CANDIDATES.params(samples=2, emit="relabel")
    rows, _ = await run(ledger, CANDIDATES, problems[:1], params, teacher=Scripted(lambda _: "#### -7"))
    assert rows[-1]["response"] == "I don't know." and rows[-1]["notes"].abstains and len(rows) == 3
    rows, _ = await run(ledger, CANDIDATES, problems[1:2], params, teacher=Scripted(lambda r: f"#### {r.problem.gold}"))
    assert [row["notes"].refused for row in rows] == [None, "not_chosen"]


async def test_steps_have_the_labels_of_the_rule(ledger, problems):
    params = CANDIDATES.params(samples=1, chooser="random", emit="stepwise")
    solved = Scripted(lambda request: get_task(request.problem.task).solve(request.problem))
    rows, _ = await run(ledger, CANDIDATES, problems[:1], params, teacher=solved)
    assert rows[1]["kind"] == "stepwise" and rows[1]["labels"] and all(rows[1]["labels"])


@pytest.mark.parametrize(("chooser", "by"), [("best", "rubric"), ("best", "pairwise"), ("best_and_worst", "rubric")])
async def test_a_judge_decides_once_it_is_calibrated(ledger, chooser, by):
    problems = list(open_source("arithmetic", {"tiers": [2]}).draw(40, seed=5, tier=2))
    params = CANDIDATES.params(samples=3, chooser=chooser, by=by, emit="pair" if chooser != "best" else "sft")
    engines = {"teacher": Scripted(half_right, "t"), "grader": Scripted(grader, "grader-weights")}
    rows, table = await run(ledger, CANDIDATES, problems, params, **engines)
    gold = {problem.id: problem.gold for problem in problems}
    mixed = {row["problem_id"] for row in rows if row["answer"] == gold[row["problem_id"]]}
    if chooser == "best":
        taken = [row for row in rows if row["notes"].refused is None]
        assert len(taken) == 40
    else:
        taken = [row for row in rows if row["kind"] == "preference"]
        assert len(taken) >= 20 and all("#### -7" in row["rejected"] for row in taken)
    assert all(row["answer"] == gold[row["problem_id"]] for row in taken if row["problem_id"] in mixed)
    assert {tuple(row["attrs"]["graders"]) for row in taken} == {("grader-weights",)}
    assert all(any("candidates/artefact@" in name for name in row["prompts"]) for row in table.to_pylist())


async def test_a_judge_that_was_not_calibrated_decides_nothing_and_is_not_asked_for_more(ledger, problems):
    params = CANDIDATES.params(samples=3, chooser="best", by="rubric")
    judge = Scripted(grader, "grader-weights")
    rows, _ = await run(ledger, CANDIDATES, problems, params, teacher=Scripted(half_right, "t"), grader=judge)
    assert {row["notes"].refused for row in rows} == {"uncalibrated_judge"} and len(rows) == 15
    asked_about = {request.problem.id for request in judge.requests}
    assert len(asked_about) < 5 or len(judge.requests) <= 5 * 2 * 6, "for the calibration alone"


async def test_what_people_told_apart_calibrates_a_judge_where_the_checker_knows_no_pair(ledger):
    problems = list(open_source("arithmetic", {"tiers": [2]}).draw(48, seed=5, tier=2))
    asked_about, reviewed = problems[:24], problems[24:]
    people = [
        ReviewedPair(
            problem, ReviewedAnswer(f"#### {problem.gold}", f"a{number}"), ReviewedAnswer("#### -7", f"r{number}")
        )
        for number, problem in enumerate(reviewed)
    ]
    params = CANDIDATES.params(samples=2, chooser="best", by="rubric")
    judge = Scripted(grader, "grader-weights")
    asker = Asker(
        ledger,
        {"teacher": Scripted(lambda request: f"#### {request.problem.gold}", "t"), "grader": judge},
        Prompts(),
        night=NIGHT,
        reviewed=people,
    )
    attempts = await prepared(CANDIDATES, asked_about, params, asker)
    (quality,) = attempts[0].prepared.value.judges
    assert (quality.pairs, quality.by_people, quality.agreement, quality.fault) == (24, 24, 1.0, None)
    assert {request.problem.id for request in judge.requests} == {problem.id for problem in reviewed}
    rows = read((await run_attempts(attempts, asker)).samples)
    assert sum(row["notes"].refused is None for row in rows) == 24


async def test_the_control_chooses_by_lot_and_asks_no_judge(ledger, problems):
    params = CANDIDATES.params(samples=3, chooser="best_and_worst", by="rubric", emit="pair", control=True)
    rows, _ = await run(ledger, CANDIDATES, problems, params, teacher=Scripted(half_right, "t"))
    assert {row["attrs"]["chooser"] for row in rows} == {"random_pair"}
    assert CANDIDATES.calls(params) == {"teacher": 3}


async def test_a_row_says_that_its_own_family_judged(ledger, problems):
    params = CANDIDATES.params(samples=2, chooser="first_right", scorers=("rubric",))
    asker = Asker(
        ledger,
        {"teacher": Scripted(half_right, "same"), "grader": Scripted(grader, "same")},
        Prompts(),
        night=NIGHT,
        profiles={"teacher": Profile()},
    )
    finished = await run_attempts(await prepared(CANDIDATES, problems[:1], params, asker), asker)
    assert all(row["attrs"]["own_family"] is True for row in read(finished.samples))
    graded = [row for row in finished.evidence.to_pylist() if row["name"] == "rubric"]
    assert {(row["model"], row["text"]) for row in graded} == {("same", "own_family")} and len(graded) == 2


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"chooser": "beste"}, "unknown chooser"),
        ({"scorers": ["lenght"]}, "unknown scorer"),
        ({"chooser": "best"}, "needs the name of a scorer"),
        ({"chooser": "best", "by": "rubrik"}, "unknown scorer"),
        ({"chooser": "first_right", "by": "rubric"}, "does not rank"),
        ({"chooser": "first_right", "emit": "pair"}, "makes no pairs"),
    ],
)
def test_an_unknown_part_or_one_that_does_not_fit_is_refused_before_anything_is_asked(params, message):
    with pytest.raises((ValidationError, RecipeError), match=message):
        CANDIDATES.params(**params)


@pytest.mark.parametrize("answered", [1, 5, 7])
async def test_a_batch_that_dies_half_way_pays_for_no_answer_twice(ledger, problems, answered):
    paid = Counter()

    def dies(request):
        if paid.total() == answered:
            raise ModelServerError("the server has gone")
        paid[request.seed] += 1
        return half_right(request)

    def lives(request):
        paid[request.seed] += 1
        return half_right(request)

    params = CANDIDATES.params(samples=8)
    for answer in (dies, lives):
        engine = Scripted(answer)
        engine.concurrency = 1
        asker = Asker(ledger, {"teacher": engine}, Prompts(), night=NIGHT)
        attempts = await prepared(CANDIDATES, problems[:1], params, asker)
        if answer is dies:
            with pytest.raises(ModelServerError):
                await run_attempts(attempts, asker)
            assert paid.total() == answered
        else:
            finished = await run_attempts(attempts, asker)
    assert finished.samples.num_rows == 8 and set(paid.values()) == {1} and len(paid) == 8
