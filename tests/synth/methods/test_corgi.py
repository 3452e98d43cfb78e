import json
from itertools import groupby

import pytest

from synth.methods import get_method
from synth.methods.corgi import interleaved, names_concept
from synth.problems import open_source
from synth.problems.base import Problem
from tests.synth.conftest import Scripted
from tests.synth.methods.dialogue import run

CORGI = get_method("corgi")
SUBJECTS = {"school": ("algebra", "physics"), "college": ("logic",)}
CONCEPTS = {"algebra": ["1. Fractions", "equations", "fractions"], "physics": ["Force", "energy"], "logic": ["sets"]}


@pytest.fixture
def problems():
    return list(open_source("arithmetic", {"tiers": [1]}).draw(15, seed=1, tier=1))


def reply(request):
    if request.act == "concepts":
        return json.dumps({"concepts": CONCEPTS[request.inputs["subject"]]})
    if request.act == "question":
        return f"What would a smith say about {request.inputs['concept']}, {len(request.inputs['level'])}?"
    return "It depends, as a smith would say."


async def made(ledger, problems, answer=reply, **params):
    params = CORGI.params(subjects=SUBJECTS, **params)
    return (await run(ledger, CORGI, problems, params, teacher=Scripted(answer)))[0]


async def test_rows_follow_the_curriculum(ledger, problems):
    rows = sorted(await made(ledger, problems), key=lambda row: row["attrs"]["curriculum_index"])
    places = [
        (row["attrs"]["stage"], row["attrs"]["bloom"], row["attrs"]["subject"], row["attrs"]["concept"]) for row in rows
    ]
    levels = ["remember", "understand", "apply"]
    assert len(places) == len(set(places)) == 15, "five concepts at three levels, a repeated name once"
    assert [key for key, _ in groupby(places, key=lambda place: place[:2])] == [
        (stage, level) for stage in SUBJECTS for level in levels
    ], "stage after stage, and in each the levels rise"
    assert [place[2:] for place in places[:4]] == [
        ("algebra", "Fractions"), ("physics", "Force"), ("algebra", "equations"), ("physics", "energy"),
    ], "the subjects take turns"  # fmt: skip
    for row in rows:
        assert row["notes"].refused is None and row["gold_source"] == "none" and row["answer"] is None
        assert row["attrs"]["concept"] in row["messages"][-1]["content"]


async def test_fewer_problems_than_places_are_spread_over_all_stages(ledger, problems):
    rows = await made(ledger, problems[:5])
    assert len(rows) == 5 and {row["attrs"]["stage"] for row in rows} == set(SUBJECTS)


async def test_a_question_that_does_not_name_its_concept_is_refused(ledger, problems):
    def vague(request):
        return "What is meant here?" if request.act == "question" else reply(request)

    assert {row["notes"].refused for row in await made(ledger, problems[:3], vague)} == {"concept_not_named"}


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("What are linear equations?", True),
        ("Solve a LINEAR equation.", True),
        ("What is a line?", False),
        ("An equation", False),
    ],
)
def test_when_a_concept_is_named(text, named):
    assert names_concept(text, "linear equation") is named


async def test_a_question_far_from_the_page_of_its_concept_is_refused(ledger, problems):
    texts = {
        "fractions": "Fractions are parts of a whole: fractions have a numerator and a denominator.",
        "force": "A force changes how a body moves: force is mass times acceleration.",
    }
    passages = [Problem("passage", "book", text, "", text) for text in texts.values()]

    def answer(request):
        if request.act != "question":
            return reply(request)
        if request.inputs["concept"] == "Force" and "new situation" in request.inputs["level"]:
            return "What do poets say of force?"
        return f"What is {request.inputs['concept']}, a part of a whole, or what changes how a body moves?"

    engine = Scripted(answer)
    params = CORGI.params(subjects=SUBJECTS, far=10)
    rows, _ = await run(ledger, CORGI, [*problems[:13], *passages], params, teacher=engine)
    far = [row for row in rows if row["notes"].refused == "far_from_page"]
    assert [(row["attrs"]["concept"], row["attrs"]["bloom"]) for row in far] == [("Force", "apply")]
    by_concept = {row["attrs"]["concept"]: row["attrs"]["page"] for row in rows}
    assert by_concept["Fractions"] == passages[0].id and by_concept["Force"] == passages[1].id
    written = [request for request in engine.requests if request.act == "question"]
    assert len(written) == len(rows) == 15, "written once, before the attempts"
    no_pages = await made(ledger, problems[:3])
    assert {row["attrs"]["page"] for row in no_pages} == {None}


def test_interleaving_by_hand():
    slots = list(interleaved({("s", "a"): ["1", "2", "3"], ("s", "b"): ["4"]}, ("remember", "apply")))
    assert [(level, subject, concept) for _, subject, concept, _, level in slots] == [
        ("remember", "a", "1"), ("remember", "b", "4"), ("remember", "a", "2"), ("remember", "a", "3"),
        ("apply", "a", "1"), ("apply", "b", "4"), ("apply", "a", "2"), ("apply", "a", "3"),
    ]  # fmt: skip
