"""Demonstrations of planted families of questions: one of each, by the published limits, whoever is right."""

import random

import pytest

from storage.ids import canonical_json
from synth.answers.format import FORMATS
from synth.calls.ask import Asker
from synth.calls.prompting import Prompts
from synth.embeddings.clusters import clustered
from synth.embeddings.opening import open_embedding
from synth.engines.solver import Solver
from synth.methods import get_method
from synth.night.draw import Assignment
from synth.night.preparing import Made, make_artefact
from synth.night.runner import run_attempts
from synth.problems import open_source
from synth.problems.base import Problem
from tests.synth.conftest import Scripted
from tests.synth.embeddings.static_model import GROUPS, write_static_model
from tests.synth.methods.dialogue import prepared, read

NIGHT = "2026-01-01/test"
AUTO_COT = get_method("auto_cot")
FAMILIES = (
    "A baker bakes {} loaves of bread each morning and sells {}. How many loaves are left?",
    "The train drives {} miles and then another {} miles. How far does the train drive?",
    "Each of {} gardens has {} red roses. How many red roses bloom in these gardens?",
    "A library lends {} novels while readers return {}. How many novels are lent out?",
)


def word_problem(prompt: str, gold: str = "7") -> Problem:
    return Problem("math_word", "test", prompt, gold, prompt)


def families(each: int = 6) -> list[Problem]:
    rng = random.Random(0)
    return [word_problem(text.format(rng.randint(2, 99), rng.randint(2, 99))) for text in FAMILIES for _ in range(each)]


def family_of(question: str) -> int:
    return [text[:7] for text in FAMILIES].index(question[:7])


async def collect(ledger, problems, teacher, form="boxed", **params):
    asker = Asker(ledger, {"teacher": teacher}, Prompts(form=FORMATS[form]), night=NIGHT)
    artefact = await make_artefact(AUTO_COT, AUTO_COT.params(**params), problems, asker)
    return artefact, asker


def solving(text="First we count.\nThen we know.\n\\boxed{3}"):
    return Scripted(lambda request: text)


def test_planted_families_are_found_whatever_the_order():
    texts = [problem.prompt for problem in families()]
    words = open_embedding("tf_idf", texts)
    clusters = clustered(texts, len(FAMILIES), 192, words)
    assert sorted(sorted(members) for members in clusters) == [list(range(n, n + 6)) for n in range(0, 24, 6)]
    assert clustered(texts[:3], 8, 0, words) == [[0], [1], [2]]
    assert sum(map(len, clustered(["same words"] * 9, 4, 0, words))) == 9


async def test_a_static_model_finds_families_that_share_no_word(ledger, tmp_path):
    """Two of each family in other words: TF-IDF sees eight kinds of questions, the model four."""
    folder = write_static_model(tmp_path / "model")
    texts = [" ".join([word] * 3) for group in GROUPS for word in group]
    members = clustered(texts, len(GROUPS), 192, open_embedding(str(folder)))
    assert sorted(map(sorted, members)) == [[n, n + 1] for n in range(0, 8, 2)]
    artefact, _ = await collect(
        ledger, [word_problem(text) for text in texts], solving(), embedding=str(folder), clusters=4
    )
    assert len(artefact.prepared.value.shown) == 4
    assert artefact.prepared.value.embeddings["math_word"].startswith("static@")


async def test_one_demonstration_of_each_family_right_or_wrong(ledger):
    problems = families()
    artefact, _ = await collect(ledger, problems, solving(), clusters=4)
    assert isinstance(artefact, Made)
    shown = artefact.prepared.value.shown
    assert sorted(family_of(item.question) for item in shown) == [0, 1, 2, 3], "and every answer is wrong"
    assert len(artefact.call_ids) == 4
    again, _ = await collect(ledger, problems[::-1], solving(), clusters=4)
    assert canonical_json(again.text) == canonical_json(artefact.text), "the order of problems does not count"


@pytest.mark.parametrize(("length", "steps", "is_shown"), [(60, 5, True), (61, 5, False), (60, 6, False)])
async def test_only_what_is_short_enough_is_shown(ledger, length, steps, is_shown):
    problem = word_problem(" ".join(["word"] * length))
    text = "\n".join([*(f"Step of number {n}." for n in range(steps)), "\\boxed{3}"])
    artefact, _ = await collect(ledger, [problem], solving(text))
    assert isinstance(artefact, Made) == is_shown
    if not is_shown:
        assert artefact.reason == "no_demonstration"


@pytest.mark.parametrize("text", ["Because.\nThe answer is 3.", "No idea at all.", "One step.\n\\boxed{", "\\boxed{3}"])
async def test_a_solution_that_disobeys_the_prompt_or_has_no_steps_is_not_shown(ledger, text):
    artefact, _ = await collect(ledger, families(1), solving(text))
    assert artefact.reason == "no_demonstration"


async def test_the_next_of_a_cluster_is_tried_until_one_can_be_shown(ledger):
    seen = []

    def reply(request):
        seen.append(request.problem.id)
        return "nothing" if len(seen) <= 2 else "It is so.\n\\boxed{3}"

    artefact, _ = await collect(ledger, families(4), Scripted(reply), clusters=1, tries=3)
    assert [item.rank for item in artefact.prepared.value.shown] == [2] and len(set(seen)) == 3
    limited, _ = await collect(ledger, families(5), Scripted(lambda request: "nothing", "other"), clusters=1, tries=2)
    assert limited.reason == "no_demonstration"


@pytest.mark.parametrize("learn", ["bare", "shown"])
async def test_the_teacher_sees_the_others_and_a_bare_row_shows_nothing_of_them(ledger, learn):
    problems, teacher = families(1), solving()
    params = AUTO_COT.params(clusters=4, learn=learn)
    asker = Asker(
        ledger,
        {"teacher": teacher},
        Prompts(folders={"auto_cot": AUTO_COT.prompts}, form=FORMATS["boxed"]),
        night=NIGHT,
    )
    artefact = await make_artefact(AUTO_COT, params, problems, asker)
    assignment = Assignment(AUTO_COT, params, None, None, 1, prepared=artefact.prepared)
    finished = await run_attempts([assignment.attempt(NIGHT, problem, 0, 0) for problem in problems], asker)
    asked = {
        request.problem.id: request.messages[0]["content"] for request in teacher.requests if request.act != "solve"
    }
    rows = read(finished.samples)
    assert len(rows) == len(asked) == 4
    for row in rows:
        own = next(problem for problem in problems if problem.id == row["problem_id"])
        others = [problem for problem in problems if problem.id != own.id]
        assert all(problem.prompt in asked[own.id] for problem in others) and asked[own.id].count(own.prompt) == 1
        worded = row["messages"][0]["content"]
        assert own.prompt in worded and artefact.prepared.name in row["prompts"]
        assert [problem.prompt in worded for problem in others] == [learn == "shown"] * 3
        assert ("Then we know." in worded) == (learn == "shown")


@pytest.mark.parametrize("name", ["auto_cot", "echo", "mixture_of_prompts"])
async def test_who_cannot_read_demonstrations_says_so(ledger, name):
    """The solver reads a prompt's values instead of its words, and demonstrations are among them."""
    method = get_method(name)
    problems = list(open_source("arithmetic", {"tiers": [2]}).draw(6, seed=1, tier=2))
    asker = Asker(ledger, {"teacher": Solver()}, Prompts(), night="2026-01-01/test")
    finished = await run_attempts(await prepared(method, problems, method.params(), asker), asker)
    assert set(finished.attempts["reason"].to_pylist()) == {"unknown_act"}
