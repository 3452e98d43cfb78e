import pytest

from filters import get_filter
from filters.base import Context
from tests.filters.helpers import outcomes, row, table


def turn(role, content="x"):
    return {"role": role, "content": content}


GOOD = {
    "sft": {},
    "sft that ends with the answer": {"response": None, "messages": [turn("user"), turn("assistant")]},
    "sft with a system turn and history": {
        "messages": [turn("system"), turn("user"), turn("assistant"), turn("user")],
    },
    "preference": {"kind": "preference", "rejected": "#### 39"},
    "prompt": {"kind": "prompt", "response": None},
    "text": {"kind": "text", "response": None, "messages": [], "text": "x"},
    "stepwise": {"kind": "stepwise", "response": None, "steps": ["a", "b"], "labels": [True, False]},
    "calculator marks": {"response": "48/2 = <<48/2=24>>24\n#### 24"},
    "thoughts": {"response": "<think>a</think>b"},
}
BAD = {
    "unknown_kind": {"kind": "other"},
    "no_messages": {"messages": []},
    "roles_do_not_alternate": {"messages": [turn("user"), turn("user")]},
    "empty_message": {"messages": [turn("user", " ")]},
    "two_answers": {"messages": [turn("user"), turn("assistant", "another")]},
    "answer_in_prompt": {"kind": "prompt", "messages": [turn("user"), turn("assistant")]},
    "empty_response": {"response": " \n"},
    "empty_rejected": {"kind": "preference"},
    "halves_equal": {"kind": "preference", "response": "A b", "rejected": "a  B"},
    "empty_steps": {"kind": "stepwise", "steps": ["a", ""], "labels": [True, True]},
    "labels_do_not_match_steps": {"kind": "stepwise", "steps": ["a"], "labels": [True, False]},
    "empty_text": {"kind": "text", "text": ""},
    "broken_text": {"response": "a \ufffd b"},
    "chat_marker": {"response": "done<|im_end|>"},
    "unclosed_think": {"response": "<think>so"},
    "invalid_attrs": {"attrs": "{"},
    "invalid_notes": {"notes": {"judgment": {}}},
    "truncated": {"notes": {"complete": False}},
}


@pytest.mark.parametrize("name", GOOD)
def test_well_formed(name):
    assert outcomes(get_filter("structure")(table(row("s", **GOOD[name])), Context())) == {"s": ("pass", None)}


@pytest.mark.parametrize("reason", BAD)
def test_not_well_formed(reason):
    assert outcomes(get_filter("structure")(table(row("s", **BAD[reason])), Context())) == {"s": ("fail", reason)}


@pytest.mark.parametrize("attrs", ['{"a": "\\ud800"}', "[]", "NaN", "[" * 100_000])
def test_attrs_that_cannot_be_used(attrs):
    verdict = outcomes(get_filter("structure")(table(row("s", attrs=attrs)), Context()))
    assert verdict == {"s": ("fail", "invalid_attrs")}


@pytest.mark.parametrize(
    "text", ["a[/INST]", "<<SYS>>", "</s>", "<start_of_turn>", "fine\nHuman: and now?", "<|eot_id|>"]
)
def test_markers_of_chat_templates(text):
    assert outcomes(get_filter("structure")(table(row("s", response=text)), Context())) == {
        "s": ("fail", "chat_marker")
    }


def test_truncated_answers_may_be_let_through():
    samples = table(row("s", notes={"complete": False}))
    assert outcomes(get_filter("structure", {"truncated": True})(samples, Context())) == {"s": ("pass", None)}
