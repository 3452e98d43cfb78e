"""Replies in the true form of each family, through every method: thoughts change no row, and a limit that cuts them leaves none."""

from collections.abc import Callable
from dataclasses import dataclass

import pytest

from filters import get_filter
from filters.base import Context
from storage.ledger.ledger import Ledger
from storage.workspace import Workspace
from synth.answers.format import FORMATS, obeys_format
from synth.engines.base import Answer, Request
from synth.engines.profile import Profile
from synth.methods import Method, methods
from synth.problems import get_task
from synth.problems.base import Problem
from tests.synth.conftest import Scripted
from tests.synth.methods import test_every_method as every

ASKING = [item for item in methods().values() if item.roles and item.run.__module__.startswith("synth.")]
THOUGHT = (
    "Check: right\nFirst wrong step: 2\nStep 1: 1 + 1 = 3\nQuestion 1: Is it 6?\nVerdict: reject\n\\boxed{6}\n#### 6"
)
"""What would mislead every reader, were it read."""


@dataclass(frozen=True)
class Form:
    """How a family's thoughts come.

    Attributes:
        families: Whose form it is.
        write: Makes a reply of what is said.
        opened: Whether the chat template writes the opening tag.
        field: Whether the server keeps thoughts in a field of their own.
        cut: A reply whose thoughts were cut by the limit; None where the form has no sign of it.
    """

    families: str
    write: Callable[[str], str]
    opened: bool = False
    field: bool = False
    cut: str | None = None


FORMS = [
    Form(
        "Qwen3, SmolLM3, Phi-4-reasoning",
        lambda said: f"<think>\n{THOUGHT}\n</think>\n\n{said}",
        cut=f"<think>\n{THOUGHT}",
    ),
    Form("Qwen3 that is told not to think", lambda said: f"<think>\n\n</think>\n\n{said}"),
    Form("R1 distillates, QwQ, Olmo 3 Think", lambda said: f"{THOUGHT}\n</think>\n\n{said}", opened=True, cut=THOUGHT),
    Form("a server with a reasoning parser", lambda said: said, field=True, cut=""),
    Form("Magistral", lambda said: f"[THINK]{THOUGHT}[/THINK]{said}", cut=f"[THINK]{THOUGHT}"),
    Form(
        "gpt-oss",
        lambda said: (
            f"<|channel|>analysis<|message|>{THOUGHT}<|end|><|start|>assistant<|channel|>final<|message|>{said}<|return|>"
        ),
        cut=f"<|channel|>analysis<|message|>{THOUGHT}",
    ),
    Form("gpt-oss without special tokens", lambda said: f"analysis{THOUGHT}assistantfinal{said}"),
]
SAME = ("sample_id", "kind", "messages", "response", "rejected", "text", "steps", "labels", "answer", "notes", "attrs")


async def rows_of(method: Method, ledger: Ledger, form: Form | None, *, cut: bool = False) -> list[dict]:
    """The rows of a method whose models all reply in a form; None is plain text. Each with what `structure` says of it."""
    engine = Scripted(lambda request: "", "thinker")

    async def answer(request: Request) -> Answer:
        engine.requests.append(request)
        said = every.able(request)
        if form is None or request.continues:  # a turn that is gone on with has no thoughts
            return Answer(said, "stop", 10, 10)
        if cut:
            return Answer(form.cut or "", "length", 10, 10, reasoning=THOUGHT if form.field else "")
        return Answer(form.write(said), "stop", 10, 10, reasoning=THOUGHT if form.field else "")

    engine.answer = answer  # type: ignore[method-assign]
    profile = Profile(opens_thoughts=bool(form and form.opened), learns_thoughts=False)
    finished, _ = await every.finish(method, every.problems_for(method)[:2], ledger, engine, profile=profile)
    if not cut:
        assert all("Is it 6?" not in part["content"] for request in engine.requests for part in request.messages)
    reasons = {
        row["sample_id"]: row["reason"] for row in get_filter("structure")(finished.samples, Context()).to_pylist()
    }
    return [{**row, "structure": reasons.get(row["sample_id"])} for row in finished.samples.to_pylist()]


@pytest.mark.parametrize("method", ASKING, ids=lambda item: item.name)
async def test_thoughts_change_no_row_of_any_method(method: Method, tmp_path) -> None:
    plain = None
    for number, form in enumerate([None, *FORMS]):
        with Ledger(Workspace.create(tmp_path / str(number)).ledger) as ledger:
            rows = await rows_of(method, ledger, form)
        found = [{name: row[name] for name in (*SAME, "structure")} for row in rows]
        plain = found if plain is None else plain
        assert found == plain, form and form.families
    assert plain


@pytest.mark.parametrize("method", ASKING, ids=lambda item: item.name)
async def test_a_limit_that_cuts_thoughts_leaves_no_row_to_learn_from(method: Method, tmp_path) -> None:
    for number, form in enumerate(form for form in FORMS if form.cut is not None):
        with Ledger(Workspace.create(tmp_path / str(number)).ledger) as ledger:
            rows = await rows_of(method, ledger, form, cut=True)
        assert all(row["structure"] for row in rows if row["kind"] == "sft"), (form.families, rows)
        if method.name == "cot":
            assert {row["structure"] for row in rows} == {"thoughts_cut"}, form.families


SUM = Problem("math_word", "test", "What is 2 + 3?", "5", "2 + 3", solution="2 + 3 = <<2+3=5>>5\n#### 5")
STYLES = [  # how models write a final answer, what the judge reads, and which of the forms that a prompt may ask for it obeys
    ("2 + 3 = 5\n\\boxed{5}", "5", {"boxed"}),
    ("2 + 3 = 5, so $\\boxed{5}$ apples.", "5", {"boxed"}),
    ("2 + 3 = 5\n#### 5", "5", {"hash"}),
    ("2 + 3 = 5\nThe answer is 5.", "5", {"phrase"}),
    ("2 + 3 = 5\n\n**Answer: 5**", "5", {"phrase"}),
    ("### Step 1\n2 + 3 = 5\n\n### Final Answer\n\\boxed{5}", "5", {"boxed"}),
    ("### Step 1\n2 + 3 = 5\n\n### Final Answer\n**5**", "5", set()),
    ("2 + 3 = 5", None, None),
]


@pytest.mark.parametrize(("text", "answer", "obeyed"), STYLES, ids=[text[-24:] for text, _, _ in STYLES])
def test_what_is_read_of_an_answers_style_and_which_form_it_obeys(
    text: str, answer: str | None, obeyed: set | None
) -> None:
    check = get_task("math_word").check(SUM, text)
    if answer is None:
        return
    assert check.answer == answer and check.outcome.value == "correct"
    assert {name for name in FORMATS if name not in ("own", "whole") and obeys_format(text, name)} == obeyed
