"""The true forms of each family's replies: what is thought and what is said, through parting, methods and curation."""

import pytest

from filters import get_filter
from filters.base import Context
from storage.ledger.ledger import Ledger
from synth.answers.format import FORMATS
from synth.answers.outcome import Outcome
from synth.calls.ask import Asker
from synth.calls.prompting import Prompts
from synth.calls.thoughts import Parted, part
from synth.engines.base import Answer
from synth.engines.profile import Profile
from synth.methods import get_method
from synth.night.runner import run_attempts
from synth.notes import read_notes
from synth.problems import get_task
from synth.problems.base import Problem
from tests.synth.conftest import Scripted
from tests.synth.night.test_runner import NIGHT, attempts

SAID = "2 + 3 = 5\n\\boxed{5}"
FORMS = {
    "plain (Qwen2.5, Llama 3, Gemma 3, Mistral, Phi-4, OLMo 2)": (SAID, False, "", SAID),
    "tags (Qwen3, SmolLM3, Phi-4-reasoning)": (
        f"<think>\nIs it \\boxed{{6}}?\n</think>\n\n{SAID}", False, "Is it \\boxed{6}?", SAID,
    ),
    "no thoughts between the tags (Qwen3, enable_thinking: false)": (f"<think>\n\n</think>\n\n{SAID}", False, "", SAID),
    "closing tag alone (R1 distillates, QwQ, Olmo 3 Think)": (f"Is it 6?\n</think>\n\n{SAID}", True, "Is it 6?", SAID),
    "opened, and the server says it again": (f"<think>\nIs it 6?</think>{SAID}", True, "Is it 6?", SAID),
    "brackets (Magistral)": (f"[THINK]Is it 6?[/THINK]{SAID}", False, "Is it 6?", SAID),
    "channels (gpt-oss)": (
        f"<|channel|>analysis<|message|>Is it 6?<|end|><|start|>assistant<|channel|>final<|message|>{SAID}<|return|>",
        False, "Is it 6?", SAID,
    ),
    "channels without their tokens (gpt-oss)": (f"analysisIs it 6?assistantfinal{SAID}", False, "Is it 6?", SAID),
    "opened, but nothing was thought": (SAID, True, "", SAID),
    "analysis as a word": ("analysis of the sum: 5", False, "", "analysis of the sum: 5"),
}  # fmt: skip
CUT = {
    "tags": ("<think>\nFirst, 2 + 3 = 5, so \\boxed{5}, but", False),
    "an opening tag that the template wrote": ("First, 2 + 3 = 5, so \\boxed{5}, but", True),
    "channels": ("<|channel|>analysis<|message|>First, 2 + 3 = 5", False),
}
PROBLEM = Problem("math_word", "test", "What is 2 + 3?", "5", "2 + 3", solution="2 + 3 = <<2+3=5>>5\n#### 5")


@pytest.mark.parametrize("name", FORMS)
def test_what_is_thought_and_what_is_said(name):
    text, opened, thoughts, answer = FORMS[name]
    assert part(text, opened=opened) == Parted(thoughts, answer)
    assert part(answer, opened=opened) == Parted("", answer), "what was parted stays as it is"
    assert get_task("math_word").check(PROBLEM, text).outcome in (Outcome.CORRECT, Outcome.WRONG, Outcome.UNVERIFIABLE)


@pytest.mark.parametrize("name", CUT)
def test_thoughts_that_were_cut_say_nothing(name):
    text, opened = CUT[name]
    parted = part(text, opened=opened, complete=False)
    assert parted.unfinished and parted.said == "" and "2 + 3 = 5" in parted.thoughts


async def rows_of(ledger, method, reply, *, opened=False, finish="stop", reasoning="", learn=True, **params):
    """The rows of a method on one problem whose models all reply alike."""
    engine = Scripted(lambda request: "", "thinker")

    async def answer(request):
        engine.requests.append(request)
        return Answer(reply, finish, 10, 10, reasoning=reasoning)

    engine.answer = answer
    chosen = get_method(method)
    folders = {chosen.name: chosen.prompts} if chosen.prompts else {}
    profile = Profile(opens_thoughts=opened, learns_thoughts=learn)
    asker = Asker(
        ledger,
        dict.fromkeys(("teacher", "student"), engine),
        Prompts(folders=folders, form=FORMATS["boxed"]),
        night=NIGHT,
        profiles=dict.fromkeys(("teacher", "student"), profile),
    )
    finished = await run_attempts(attempts(chosen, [PROBLEM], chosen.params(**params)), asker)
    return finished.samples, engine.requests


def reason(samples):
    (row,) = get_filter("structure")(samples, Context()).to_pylist()
    return row["reason"]


@pytest.mark.parametrize("name", FORMS)
async def test_a_row_teaches_thoughts_as_the_recipe_says_and_its_answer_is_what_was_said(name, workspace):
    text, opened, thoughts, answer = FORMS[name]
    for learn in (True, False):
        with Ledger(workspace.root / f"{learn}.sqlite") as ledger:
            samples, _ = await rows_of(ledger, "cot", text, opened=opened, learn=learn)
        (row,) = samples.to_pylist()
        expected = f"<think>\n{thoughts}\n</think>\n\n{answer}" if learn and thoughts else answer
        assert row["response"] == expected and reason(samples) is None
        assert row["answer"] == ("5" if answer == SAID else None)


async def test_thoughts_in_a_field_of_their_own_are_the_same(ledger):
    samples, _ = await rows_of(ledger, "cot", SAID, reasoning="Is it 6?")
    assert samples["response"].to_pylist() == [f"<think>\nIs it 6?\n</think>\n\n{SAID}"]


@pytest.mark.parametrize("name", CUT)
async def test_a_limit_that_cuts_thoughts_has_its_own_reason(name, ledger):
    text, opened = CUT[name]
    samples, _ = await rows_of(ledger, "cot", text, opened=opened, finish="length")
    (row,) = samples.to_pylist()
    assert reason(samples) == "thoughts_cut" and row["answer"] is None
    assert read_notes("sft", row["notes"]).thoughts_cut


async def test_an_answer_that_was_cut_after_the_thoughts_is_a_cut_answer(ledger):
    samples, _ = await rows_of(ledger, "cot", "<think>\nIs it 6?\n</think>\n\n2 + 3 =", finish="length")
    assert reason(samples) == "truncated"


async def test_no_prompt_shows_what_a_student_thought(ledger):
    text = f"<think>\nThe secret thought.\n</think>\n\n{SAID}"
    for method in ("tutorship", "critique", "constitutional", "step_labels"):
        samples, requests = await rows_of(ledger, method, text)
        assert requests, method
        for request in requests:
            assert "secret" not in "".join(message["content"] for message in request.messages), (method, request.act)
        assert all("secret" not in step for row in samples.to_pylist() for step in row["steps"] or ())


@pytest.mark.parametrize(
    ("text", "reasoning", "counted", "thoughts"),
    [
        ("abcdefghij", "", None, 0),
        ("<think>\nabcdefghij\n</think>\n\nabcdefghij", "", None, 5),
        ("abcdefghij", "abcdefghij" * 4, None, 8),
        ("abcdefghij", "abc", 7, 7),
        ("<think>\nabcdefghij", "", None, 10),
    ],
    ids=["none", "tags", "a field of their own", "the server counts them", "cut"],
)
async def test_thought_tokens_are_counted_apart(ledger, text, reasoning, counted, thoughts):
    """By the server, else by their share of the characters; 10 tokens were written."""
    engine = Scripted(lambda request: "", "thinker")

    async def answer(request):
        return Answer(text, "stop", 10, 10, reasoning=reasoning, thought_tokens=counted)

    engine.answer = answer
    asker = Asker(ledger, {"teacher": engine}, Prompts(), night=NIGHT)
    await asker.chat("teacher", ({"role": "user", "content": "?"},), PROBLEM, Profile().sampling({}), "0")
    assert [call.thought_tokens for call in ledger.unpublished()] == [thoughts]
