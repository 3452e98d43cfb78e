import pytest

from synth.methods import get_method
from synth.methods.erasing import leaks
from synth.methods.orca2 import STRATEGIES
from synth.problems import open_source
from tests.synth.conftest import Scripted
from tests.synth.methods.dialogue import run
from tests.synth.methods.test_choosing import right, wrong

ORCA2 = get_method("orca2")
BEST = {"arithmetic": "recall_then_generate", "knights_knaves": "step_by_step"}


@pytest.fixture(scope="module")
def both():
    sums = list(open_source("arithmetic", {"tiers": [1]}).draw(6, seed=1, tier=1))
    return [*sums, *open_source("knights_knaves", {"people": [2]}).draw(6, seed=1, tier=2)]


def strategy_of(request):
    return next(name for name, text in STRATEGIES.items() if text == request.messages[0]["content"])


def student(request):
    """Solves with the strategy that suits the task, and half of the problems with any other."""
    suits = strategy_of(request) == BEST[request.problem.task]
    return right(request) if suits or int(request.problem.id, 16) % 2 else wrong(request)


async def made(ledger, problems, teacher=right, pupil=student, **params):
    engines = {"student": Scripted(pupil, "s"), "teacher": Scripted(teacher, "t")}
    rows, table = await run(ledger, ORCA2, problems, ORCA2.params(**params), **engines)
    return rows, engines, table


async def test_each_task_gets_the_strategy_that_the_student_does_best_with(ledger, both):
    rows, engines, table = await made(ledger, both)
    assert {(row["task"], row["attrs"]["strategy"]) for row in rows} == set(BEST.items())
    assert {strategy_of(request) for request in engines["teacher"].requests} == set(BEST.values())
    assert all(any("orca2/artefact@" in name for name in row["prompts"]) for row in table.to_pylist())


def test_there_are_the_seven_strategies_of_the_paper():
    assert len(STRATEGIES) == len(set(STRATEGIES.values())) == 7


async def test_of_strategies_that_are_right_as_often_the_shorter_is_taken(ledger, both):
    def pupil(request):
        return right(request, "" if strategy_of(request) == "direct" else "Well. ")

    rows, _, _ = await made(ledger, both, pupil=pupil)
    assert len({row["attrs"]["strategy"] for row in rows}) == 1


async def test_the_strategy_is_asked_for_and_is_nowhere_in_the_row(ledger, both):
    rows, engines, _ = await made(ledger, both)
    for row in rows:
        instruction = STRATEGIES[row["attrs"]["strategy"]]
        texts = [*(message["content"] for message in row["messages"]), row["response"]]
        assert not leaks(instruction, texts) and row["attrs"]["erased"] and row["notes"].refused is None
        assert row["messages"][0]["role"] == "system", "a general message stands in its place"
    asked = [request.messages for request in engines["teacher"].requests]
    assert all(
        leaks(STRATEGIES["step_by_step"], [m[0]["content"]]) or m[0]["content"] in STRATEGIES.values() for m in asked
    )


async def test_a_row_that_repeats_its_strategy_is_refused(ledger, both):
    def chatty(request):
        return f"As you said: {request.messages[0]['content'].upper()}\n{right(request)}"

    rows, _, _ = await made(ledger, both[:2], teacher=chatty)
    assert {row["notes"].refused for row in rows} == {"names_its_strategy"}


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("First list the facts and go on", True),
        ("FIRST, list: the facts (and)!", True),
        ("First list the things", False),
        ("", False),
    ],
)
def test_what_is_left_is_five_words_in_a_row(text, left):
    assert leaks(STRATEGIES["recall_then_generate"], [text]) == left
