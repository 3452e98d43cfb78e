"""What must hold for every method there is, also for one that is added later."""

import json
import re
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from storage.ledger.ledger import Ledger
from storage.workspace import Workspace
from synth.calls.ask import Asker
from synth.calls.prompting import Prompts
from synth.engines.profile import PLAIN
from synth.methods import Method, describe, methods
from synth.night.draw import Assignment
from synth.night.preparing import Made, make_artefact
from synth.night.prompt_bound import longest_prompt
from synth.night.runner import run_attempts
from synth.notes import NOTES, read_notes
from synth.problems import get_task, open_source
from synth.problems.base import Problem
from synth.sample import Sample
from tests.synth.conftest import Scripted
from tests.synth.night.test_runner import NIGHT

METHODS = list(methods().values())
BUILT_IN = [item for item in METHODS if item.run.__module__.startswith("synth.")]
GOLD = "7130519"
RUBBISH = [
    "",
    "Hello.",
    "Check: wrong\nFirst wrong step: 9\nCorrected:\n",
    "Verdict: accept\nSolution 1:\nSolution 2:",
    "#### 3",
    "Step 1: right\n" * 50,
    "\\boxed{",
    "<think>",
    "5 + 3 = 9\n#### 9",
]


PASSAGE = "Bee number {} was seen at noon by the keeper of the garden in Kell. It flew off after a minute and came back twice."


def problems_for(method: Method):
    if "passage" in method.tasks:
        texts = [PASSAGE.format(number) for number in range(2, 6)]
        return [Problem("passage", "handbook", text, "", text) for text in texts]
    if "skills" in method.tasks:
        return list(open_source("skills", {"tiers": [2]}).draw(4, seed=1))
    if "knights_knaves" in method.tasks:
        return list(open_source("knights_knaves", {"people": [3]}).draw(4, seed=1, tier=3))
    return list(open_source("arithmetic", {"tiers": [2]}).draw(4, seed=1, tier=2))


def every_switch(method: Method):
    """Parameters with every switch on, so that every call is seen; short, where a number says how many."""
    wanted = {"retry": True, "completions": 2, "resolve": 2, "samples": 3, "most_steps": 3, "judgements": 3}
    return method.params(**{name: value for name, value in wanted.items() if name in method.params.model_fields})


def able(request):
    """A model that follows every built-in prompt, with mistakes by the seed."""
    problem, right = request.problem, request.seed % 2 == 0
    solution = get_task(problem.task).solve(problem) or ""
    wrong = re.sub(r"= (\d+)(?=\n####)", "= 1000", solution.rsplit("#### ", 1)[0] + "#### 0")
    solved = solution if right else wrong
    labels = enumerate(request.inputs.get("labels", []), 1)
    return {
        "solve": solved,
        "retry": solved,
        "correct": f"Check: wrong\nFirst wrong step: 1\nWhy: It is not so.\nCorrected:\n{solution}",
        "critique": "\n".join(f"Step {n}: {'right' if label else 'wrong'}." for n, label in labels),
        "diversify": f"Another way: in my head.\nSolution:\n{wrong}",
        "expand": f"Statement: s\nNew problem: What is 2 + {len(request.inputs.get('earlier', ()))}?",
        "check": "Reason: It is clear.\nVerdict: accept",
        "principle_critique": "It could be clearer.",
        "additive": json.dumps({"reason": "r", "score": 5 if right else 1}),
        "quote": json.dumps({"evidence": [problem.prompt[:20]], "answer": "3"}),
        "perspective": problem.prompt.rpartition(". ")[0],
        "scene": json.dumps(dict.fromkeys(("consequence", "emotion", "motivation", "rule"), "It is so.")),
        "instruct": json.dumps({"instruction": f"Count well, {request.seed % 9} times."}),
        "name": json.dumps({"skills": [f"skill {request.seed % 5}"]}),
        "judge": json.dumps({"reason": "r", "both": right, "answerable": True}),
        "rewrite": json.dumps({"question": f"Name the better of both, number {request.seed % 97}."}),
        "meta": json.dumps({"reason": "r", "better": "A" if right else "B"}),
        "compare": json.dumps({"reason": "r", "better": "A" if right else "B"}),
        "select": json.dumps({"reason": "r", "best": 1}),
        "experts": json.dumps({"experts": [{"role": f"expert {n}", "description": "d"} for n in range(3)]}),
        "merge": json.dumps(
            {"agreed": [], "conflicts": [], "resolved": [], "isolated": [], "combined": solved, "selected": 1}
        ),
        "rephrase": f"Here is a puzzle. {problem.prompt}",
        "paraphrase": f"This is number {['one', 'two', 'three'][request.seed % 3]} of them. {problem.prompt}",
        "declare": f"{problem.prompt.replace('?', '.')} It is {problem.gold}.",
        "describe": f"Somebody who counts things, the {problem.id[:8]} of them.",
        "write": f"Bee number {request.seed % 97 + 2} meets 3 others. How many are there?"
        if problem.task != "passage"
        else json.dumps({"question": "Who saw the bee?", "evidence": problem.prompt[:40], "answer": "the keeper"}),
        "depth": f"Bee number {request.seed % 97 + 2} meets 3 others and 5 wasps. How many are there?",
        "breadth": f"Wasp number {request.seed % 97 + 2} meets 3 bees. How many are there?",
        "equal": json.dumps({"reason": "r", "equal": False}),
        "go_on": f"1. Bee number {request.seed % 97 + 2} meets 3 others and leaves. How many stay?\n2. What is 3?",
        "concepts": json.dumps({"concepts": ["sums", "products"]}),
        "question": "What are sums and products?",
        "story": f"Once upon a time: {problem.prompt}",
        "principle_revision": f"Again:\n{solved}",
    }.get(request.act, solved)  # fmt: skip


async def finish(method, problems, ledger, engine, params=None, profile=PLAIN):
    engines = dict.fromkeys(method.roles, engine)
    folders = {method.name: method.prompts} if method.prompts else {}
    asker = Asker(ledger, engines, Prompts(folders=folders), night=NIGHT, profiles=dict.fromkeys(method.roles, profile))
    params = params or every_switch(method)
    assignment = Assignment(method, params, None, None, 1)
    if method.prepare:
        artefact = await make_artefact(method, params, problems, asker)
        assignment = replace(assignment, prepared=artefact.prepared if isinstance(artefact, Made) else artefact)
    attempts = [assignment.attempt(NIGHT, problem, 0, 0) for problem in problems]
    return await run_attempts(attempts, asker), asker


@pytest.mark.parametrize("method", METHODS, ids=lambda item: item.name)
def test_a_method_says_what_it_is(method):
    shown = describe(method)
    assert shown["summary"].endswith(".") and shown["paper"] and shown["makes"]
    assert set(shown["calls"]) <= set(method.roles)
    for part in shown["parameters"]:
        assert part["about"], f"{method.name}.{part['name']} has no description"
    json.dumps(shown, default=str)


@pytest.mark.parametrize("method", METHODS, ids=lambda item: item.name)
async def test_a_replay_makes_the_same_calls(method, tmp_path):
    """Two runs from nothing ask the same; a run that finds its past asks nothing. All of them write the same rows."""
    seen, tables = [], []
    for name in ("one", "two", "one"):
        engine = Scripted(able)
        with Ledger(Workspace.create(tmp_path / name).ledger) as ledger:
            finished, asker = await finish(method, problems_for(method), ledger, engine)
        seen.append(sorted(json.dumps([request.act, request.messages, request.seed]) for request in engine.requests))
        tables.append(finished.samples.to_pylist())
        assert asker.made == len(engine.requests)
    assert seen[0] == seen[1] and seen[2] == []
    assert tables[0] == tables[1] == tables[2]


@pytest.mark.parametrize("method", METHODS, ids=lambda item: item.name)
async def test_no_more_calls_than_were_planned(method, ledger):
    engine, problem = Scripted(able), problems_for(method)[:1]
    params = every_switch(method)
    await finish(method, problem, ledger, engine, params)
    prepared = method.prepare.calls(params, 1) if method.prepare else {}
    assert len(engine.requests) <= sum([*method.calls(params).values(), *prepared.values()])


@pytest.mark.parametrize("method", METHODS, ids=lambda item: item.name)
async def test_no_prompt_is_longer_than_planned(method, ledger):
    """Replies as long as they may be: a token of theirs is a word here, and a token of the bound is a byte at least."""
    params, problem = every_switch(method), problems_for(method)[:1]
    limits = [
        value for name, value in params.model_dump().items() if name in ("max_tokens", "attempt_tokens") and value
    ]
    limit = max(limits, default=0)
    engine = Scripted(lambda request: "\n".join([*["1 + 1 = 2"] * (limit // 5), able(request)]))
    await finish(method, problem, ledger, engine, params)
    longest = longest_prompt(method, params, problem[0], Prompts().of(method.name), limit)
    for request in engine.requests:
        assert sum(len(part["content"].split()) for part in request.messages) <= longest


@pytest.mark.parametrize("method", METHODS, ids=lambda item: item.name)
async def test_the_gold_answer_is_shown_only_where_it_may_be(method, ledger):
    """A gold answer that occurs nowhere else; the models never write it, so a prompt can only have it from us."""
    problems = [
        replace(problem, gold=GOLD, solution=f"1 + 1 = 2\n2 + 1 = 3\n#### {GOLD}") for problem in problems_for(method)
    ]
    if not {"knights_knaves", "skills", "passage"} & set(method.tasks):
        problems = [replace(problem, task="math_word", attrs={}) for problem in problems]
    engine = Scripted(lambda request: able(request).replace(GOLD, "3"))
    await finish(method, problems, ledger, engine)
    shown = {request.act for request in engine.requests if any(GOLD in part["content"] for part in request.messages)}
    assert shown <= method.shows_gold
    assert {request.act for request in engine.requests} >= method.shows_gold  # what may show it is asked at all


def leaky() -> Method:
    from synth.methods.base import method

    @method("leaky", paper="none", makes=("sft",), roles=("student",))
    async def made(problem, models, params) -> AsyncIterator[Sample]:
        await models.student(
            "tutorship/correct", attempt="x", steps=["x"], answer="x", answer_right=None, solution=None
        )
        yield Sample(messages=models.messages("solve"), response="x")

    return made


async def test_that_test_finds_a_leak(ledger):
    with pytest.raises(AssertionError):
        await test_the_gold_answer_is_shown_only_where_it_may_be(leaky(), ledger)


@pytest.mark.parametrize("method", METHODS, ids=lambda item: item.name)
async def test_rubbish_is_accounted_for(method, ledger):
    """Whatever a model writes, an attempt ends done or failed with a reason that is not the method's own fault."""
    for number, text in enumerate(RUBBISH):
        engine = Scripted(lambda request, text=text: text, f"rubbish {number}")
        finished, _ = await finish(method, problems_for(method), ledger, engine)
        rows = finished.attempts.to_pylist()
        assert {row["status"] for row in rows} <= {"done", "failed"} and len(rows) == 4
        assert not [row for row in rows if row["reason"] == "method_error"], rows
        assert sum(row["samples"] for row in rows) == finished.samples.num_rows


@pytest.mark.parametrize("method", BUILT_IN, ids=lambda item: item.name)
async def test_rows_are_of_the_kinds_it_says_and_name_their_calls(method, ledger):
    finished, _ = await finish(method, problems_for(method), ledger, Scripted(able))
    rows = finished.samples.to_pylist()
    assert rows and {row["kind"] for row in rows} <= set(method.makes)
    for row in rows:
        notes = read_notes(row["kind"], row["notes"])
        assert type(notes) is NOTES[row["kind"]] and notes.complete is not None
        assert not set(json.loads(row["attrs"])) & {"refused", "complete", "share", "judgement", "attempt"}, (
            "said twice"
        )
        assert all(ledger.find(key) is not None for key in row["parents"])
        if row["kind"] == "stepwise":
            assert len(row["steps"]) == len(row["labels"])
