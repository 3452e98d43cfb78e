"""What a model was asked by, and a row does not ask by, is nowhere in the row: of every method that erases."""

import json
import re

import pytest

from synth.methods import get_method
from synth.methods.erasing import leaks, repeats_examples
from synth.problems.base import Problem
from tests.synth.conftest import Scripted
from tests.synth.methods.dialogue import run

TEXTS = (
    "A baker of Kell bakes {} loaves at dawn and {} at noon. How many loaves does he bake?",
    "In the harbour of Tarn lie {} boats, and {} boats come home. How many boats lie there?",
    "On the shelf of the library stand {} atlases beside {} novels. How many books stand there?",
    "A shepherd leads {} lambs over the bridge and {} over the ford. How many lambs does she lead?",
)
SECRET = "Whistle twice before every third step you take"
ERASING = {
    "auto_cot": {"clusters": 4},
    "echo": {"clusters": 4, "rounds": 1},
    "mixture_of_prompts": {"experts": 1, "demonstrations": 2, "instructions": 2, "trials": 2},
    "orca2": {"trials": 1},
}


@pytest.fixture(scope="module")
def stories():
    numbers = [(3, 4), (5, 6), (7, 8), (9, 2)]
    texts = [(text.format(*pair), sum(pair)) for text, pair in zip(TEXTS, numbers, strict=True)]
    return [Problem("math_word", "stories", text, str(total), text) for text, total in texts]


def solver(head):
    """Solves every problem, and begins with what `head` makes of all that it was asked, but for the problem itself."""

    def answer(request):
        if request.act == "instruct":
            return json.dumps({"instruction": SECRET})
        total = sum(map(int, re.findall(r"\d+", request.problem.prompt)))
        shown = "\n".join(message["content"] for message in request.messages)
        others = shown.replace(request.problem.prompt, "")
        asked = SECRET not in shown and request.act == "expert"  # the written instruction is the one that is right
        return f"{head(others)}It is {total}.\n#### {-1 if asked else total}"

    return Scripted(answer)


def erased(method, requests):
    """What was put before the problem: demonstrations' questions, instructions, strategies."""
    for request in requests:
        inputs = request.inputs
        yield from (one.question for one in inputs.get("demonstrations", ()))
        yield from (inputs[name] for name in ("instruction", "strategy") if name in inputs)


@pytest.mark.parametrize("name", ERASING)
async def test_what_was_erased_is_nowhere_in_a_row(ledger, stories, name):
    method = get_method(name)
    engine = solver(lambda others: "")
    rows, _ = await run(ledger, method, stories, method.params(**ERASING[name]), **dict.fromkeys(method.roles, engine))
    assert {row["notes"].refused for row in rows} == {None} and len(rows) == len(stories)
    by_id = {problem.id: problem for problem in stories}
    secrets = {text for text in erased(method, engine.requests) if text != "Solve the problem step by step."}
    assert secrets, "something was put before the problem"
    for row in rows:
        own = by_id[row["problem_id"]].prompt
        texts = [*(message["content"] for message in row["messages"]), row["response"]]
        assert not [text for text in secrets if text != own and leaks(text, texts, own)]


@pytest.mark.parametrize("name", ERASING)
async def test_a_row_of_a_model_that_repeats_its_prompt_is_refused(ledger, stories, name):
    method = get_method(name)
    engine = solver(lambda others: " ".join(f"You said: {others} ".split()) + "\n")
    rows, _ = await run(ledger, method, stories, method.params(**ERASING[name]), **dict.fromkeys(method.roles, engine))
    assert rows and all(
        row["notes"].refused in ("repeats_its_examples", "repeats_its_prompt", "names_its_strategy") for row in rows
    )


@pytest.mark.parametrize(
    ("response", "repeats"),
    [
        ("A baker of Kell bakes 7 loaves.", True),
        ("The baker bakes 7 loaves.", False),
        ("In the harbour of Tarn lie 11 boats.", False),
        ("As in the examples above, it is 11.", True),
        ("An example: the boats above.", False),
        ("", False),
    ],
)
def test_the_problem_itself_may_be_repeated(response, repeats):
    assert repeats_examples([TEXTS[0]], response, TEXTS[1]) is repeats
    assert not repeats_examples([TEXTS[0]], TEXTS[0], TEXTS[0])
