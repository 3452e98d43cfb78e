"""Demonstrations that are written anew: each once a round, none with itself before it, until they are of one kind."""

import re
from collections import Counter

import pytest

from synth.answers.format import FORMATS
from synth.calls.ask import Asker
from synth.calls.prompting import Prompts
from synth.methods import get_method
from synth.methods.auto_cot import Demonstration
from synth.methods.echo import likeness_of
from synth.night.preparing import make_artefact
from tests.synth.conftest import Scripted
from tests.synth.methods.test_auto_cot import NIGHT, families, family_of

ECHO = get_method("echo")
STYLES = ("alpha", "beta", "alpha", "gamma")


def copier():
    """Writes in the style that most of the examples before it have; its own family's where there are none."""

    def answer(request):
        text = request.messages[-1]["content"]
        question = request.problem.prompt
        seen = Counter(re.findall(r"in the style (\w+)", text)).most_common(1)
        style = seen[0][0] if seen else STYLES[family_of(question)]
        return f"We count in the style {style}.\nThen it is known.\n\\boxed{{3}}"

    return Scripted(answer)


async def prepared(ledger, **params):
    engine = copier()
    asker = Asker(ledger, {"teacher": engine}, Prompts(form=FORMATS["boxed"]), night=NIGHT)
    made = await make_artefact(ECHO, ECHO.params(clusters=4, **params), families(), asker)
    return made, [request for request in engine.requests if request.act == "with_examples"]


async def test_they_converge_to_the_style_of_most(ledger):
    made, rewritten = await prepared(ledger)
    artefact = made.prepared.value
    assert len(artefact.shown) == 4 and all("style alpha" in one.solution for one in artefact.shown)
    assert artefact.likeness[0] < artefact.likeness[-1] == 1.0 and artefact.changed == (2, 0)
    assert Counter(request.problem.id for request in rewritten) == {one.problem_id: 2 for one in artefact.shown}
    for request in rewritten:
        text = request.messages[-1]["content"]
        assert text.count(request.problem.prompt) == 1, "no demonstration sees itself"
        assert text.count("Solution:") == 3, "but all of the others"
    assert request.sampling.temperature == 0


async def test_each_sees_what_was_written_before_it_in_the_same_round(ledger):
    """With one round, those that come later see the new words of those that came first."""
    _, rewritten = await prepared(ledger, rounds=1)
    styles = [Counter(re.findall(r"in the style (\w+)", request.messages[-1]["content"])) for request in rewritten]
    assert styles[-1]["alpha"] > styles[0]["alpha"] or styles[0]["alpha"] == 3


@pytest.mark.parametrize("seed", [1, 2])
async def test_the_order_is_the_seeds(ledger, seed):
    (_, first), (_, again) = await prepared(ledger, seed=seed), await prepared(ledger, seed=seed)
    assert again == [] and first, "the same calls, found in the ledger"


def test_likeness_by_hand():
    def shown(task, solution):
        return Demonstration(task=task, problem_id=solution, question="q", solution=solution, cluster=0, rank=0)

    assert likeness_of([shown("a", "x y"), shown("a", "y z"), shown("b", "x y")]) == 0.3333
    assert likeness_of([shown("a", "x")]) == 1.0
