"""What a server says, read; and what of its words is never passed on."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from synth.engines.chat_answer import read_chat_answer
from synth.engines.wire import WORDS, Kind, read_failure

SECRET = "sk-not-for-anyone-1234567890"
PROMPT = "Anna has 17 private marbles and loses 5 of them on a Tuesday."


def body(finish_reason: str = "stop", usage: Any = None, **message: Any) -> bytes:
    return json.dumps({"choices": [{"message": message, "finish_reason": finish_reason}], "usage": usage}).encode()


@pytest.mark.parametrize("field", ["reasoning", "reasoning_content"])
def test_reasoning_is_kept_apart(field: str) -> None:
    answer = read_chat_answer(body(content="12", **{field: "17 less 5"}))
    assert (answer.text, answer.reasoning) == ("12", "17 less 5")


def test_reasoning_up_to_the_limit_is_a_cut_answer() -> None:
    answer = read_chat_answer(body("length", content=None, reasoning="and then"))
    assert (answer.text, answer.finish_reason, answer.reasoning) == ("", "length", "and then")


def test_inline_thinking_stays_in_the_text() -> None:
    assert read_chat_answer(body(content="<think>hm</think>12")).text == "<think>hm</think>12"


def test_cached_tokens_and_seconds_are_told() -> None:
    usage = {"prompt_tokens": 300, "completion_tokens": 4, "prompt_tokens_details": {"cached_tokens": 256}}
    answer = read_chat_answer(body(usage=usage, content="x"), 1.5)
    assert (answer.prompt_tokens, answer.cached_tokens, answer.seconds) == (300, 256, 1.5)
    assert read_chat_answer(body(usage={"prompt_tokens_details": None}, content="x")).cached_tokens == 0


@pytest.mark.parametrize(
    ("message", "left"),
    [
        (f"you sent Bearer {SECRET}", "you sent Bearer [credential]"),
        ("Incorrect API key provided: sk-not-for*****7890", "[credential]"),
        (f"cannot parse {PROMPT!r} here", "cannot parse '[prompt]' here"),
        (f"near '{PROMPT[8:40]}'", "near '[prompt]'"),
        ("model length is 512", "model length is 512"),
    ],
)
def test_words_are_quoted_without_secret_and_prompt(message: str, left: str) -> None:
    quoted = str(read_failure(400, json.dumps({"error": {"message": message}}).encode(), None, SECRET, (PROMPT,)))
    assert left in quoted
    for text in (SECRET, PROMPT):
        assert not any(text[start : start + 24] in quoted for start in range(len(text) - 24))
    assert SECRET[:9] not in quoted


def test_details_lose_the_input_they_repeat() -> None:
    detail = [{"loc": ["body", "messages"], "msg": "not a list", "input": "short secret"}]
    assert "short secret" not in str(read_failure(422, json.dumps({"detail": detail}).encode(), None, None, ()))


@pytest.mark.parametrize(
    ("status", "code", "kind"),
    [
        (429, None, Kind.BUSY),
        (429, "insufficient_quota", Kind.FINAL),
        (503, None, Kind.BUSY),
        (500, None, Kind.FAILED),
        (502, None, Kind.FAILED),
        (403, None, Kind.FINAL),
    ],
)
def test_what_may_pass_is_told_from_what_will_not(status: int, code: str | None, kind: Kind) -> None:
    raw = json.dumps({"error": {"message": "no", "code": code}}).encode()
    assert read_failure(status, raw, None, None, ()).kind is kind


@pytest.mark.parametrize(
    ("header", "pause_s"),
    [("3", 3.0), ("Mon, 01 Jan 2024 00:00:00 GMT", 0.0), ("soon", None), ("Mon, 01 Jan 2024 00:00:00 -999999999999999999999", None),
     ("Mon, 99 Jan 99999999999999999999 00:00:00 GMT", None)],
)  # fmt: skip
def test_what_a_server_asks_us_to_wait_is_read(header: str, pause_s: float | None) -> None:
    assert read_failure(429, b"", header, None, ()).pause_s == pause_s


@given(st.integers(300, 599), st.binary() | st.text().map(str.encode), st.none() | st.text(), st.text(), st.text())
def test_any_failure_is_read(status: int, raw: bytes, header: str | None, credential: str, prompt: str) -> None:
    trouble = read_failure(status, raw, header, credential, (prompt,))
    assert len(str(trouble)) <= WORDS + 12
    assert trouble.kind is not Kind.FINAL or trouble.reason


@pytest.mark.parametrize(
    ("count", "read"),
    [
        (12, 12), (12.0, 12), (0, 0), (None, None), ("12", None), (-1, None), (2**63, None), (10**30, None), (True, None),
        (1.5, None), ([1], None), (float("inf"), None),
    ],
    ids=str,
)  # fmt: skip
def test_a_count_that_cannot_be_true_is_unknown_and_the_answer_is_kept(count, read):
    body = {
        "choices": [{"message": {"content": "four"}, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": count, "completion_tokens": 3, "prompt_tokens_details": {"cached_tokens": 2**70}},
    }
    answer = read_chat_answer(json.dumps(body).encode())
    assert answer.text == "four" and answer.counted is (read is not None)
    assert (answer.prompt_tokens, answer.completion_tokens, answer.cached_tokens) == (read or 0, 3, 0)
