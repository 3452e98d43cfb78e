"""How servers say an answer, or why there is none."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from synth.engines.base import Answer, RequestRefused
from synth.engines.chat_answer import finish_of, read_chat_answer
from synth.engines.wire import Kind, Trouble

SECRET = "sk-not-for-anyone-1234567890"


def body(content="four", finish_reason="stop", **message):
    choice = {"message": {"content": content, **message}, "finish_reason": finish_reason}
    return {"choices": [choice], "usage": {"prompt_tokens": 4, "completion_tokens": 2}}


def read(reply) -> Answer:
    return read_chat_answer(json.dumps(reply).encode(), credential=SECRET, texts=("A prompt of twenty words or so.",))


@pytest.mark.parametrize(
    ("reason", "ours"),
    [
        *((word, "stop") for word in ("stop", "STOP", "eos", "eos_token", "end_turn", "Stop")),
        *((word, "length") for word in ("length", "MAX_TOKENS", "max_tokens", "model_length")),
    ],
)
def test_the_words_of_servers_for_the_end_of_an_answer(reason, ours):
    assert read(body(finish_reason=reason)).finish_reason == ours


@pytest.mark.parametrize("reason", [None, "", 1, [], {}, "tool_calls", "stop!", True])
def test_other_words_are_none(reason):
    assert finish_of(reason) is None


def test_content_in_parts_is_one_text():
    parts = [{"type": "text", "text": "fo"}, {"type": "output_text", "text": "ur"}, "!"]
    assert read(body(parts)).text == "four!"


@pytest.mark.parametrize(
    ("reply", "reason", "sentence"),
    [
        (body([{"type": "image_url", "image_url": {}}]), "not_text", "holds image"),
        (body([{"type": "text", "text": "see"}, {"type": "input_audio", "input_audio": {}}]), "not_text", "audio"),
        (body(None, audio={"id": "a", "data": "UklGR"}), "not_text", "audio"),
        (body(None, "tool_calls", tool_calls=[{"id": "1"}]), "tool_call", "called a tool"),
        (body("see", "stop", tool_calls=[{"id": "1"}]), "tool_call", "called a tool"),
        (body(None, "function_call", function_call={"name": "f"}), "tool_call", "called a tool"),
        (body(finish_reason="SAFETY"), "content_filter", "withheld"),
        (body([]), "malformed_answer", "content is list"),
        (body([{"type": "text", "text": None}]), "malformed_answer", "content is list"),
        (body({"text": "four"}), "malformed_answer", "content is dict"),
        (body("half \ud800 a pair"), "malformed_answer", "surrogate"),
    ],
)
def test_what_is_no_text_is_refused_with_a_sentence_and_is_paid(reply, reason, sentence):
    with pytest.raises(RequestRefused, match=sentence) as refused:
        read(reply)
    assert refused.value.reason == reason
    assert (refused.value.paid.prompt_tokens, refused.value.paid.completion_tokens) == (4, 2)
    refused.value.paid.text.encode()


@pytest.mark.parametrize(
    ("error", "kind", "reason", "message"),
    [
        ({"message": "slow down", "code": 429}, Kind.BUSY, "", "slow down"),
        ({"message": "slow down", "type": "rate_limit_exceeded"}, Kind.BUSY, "", "slow down"),
        ({"message": "Overloaded", "type": "overloaded_error"}, Kind.BUSY, "", "Overloaded"),
        ({"message": "it broke", "code": "500"}, Kind.FAILED, "", "it broke"),
        ({"message": "it broke"}, Kind.FAILED, "", "it broke"),
        ("it broke", Kind.FAILED, "", "it broke"),
        ({"message": "maximum context length is 5", "code": 400}, Kind.FINAL, "prompt_too_long", "context length"),
        ({"message": "too long", "code": "context_length_exceeded"}, Kind.FINAL, "bad_request", "too long"),
        ("This model's maximum context length is 512 tokens", Kind.FINAL, "prompt_too_long", "512"),
        ({"message": "no", "type": "invalid_request_error"}, Kind.FINAL, "bad_request", "no"),
        ({"message": "who?", "type": "authentication_error"}, Kind.FINAL, "access_denied", "who"),
        ({"message": "pay", "code": "insufficient_quota"}, Kind.FINAL, "no_quota", "pay"),
        ({"message": f"Bearer {SECRET} is wrong", "code": 401}, Kind.FINAL, "access_denied", "is wrong"),
    ],
)
@pytest.mark.parametrize("level", ["body", "choice"])
def test_an_error_inside_a_body_keeps_its_words_and_its_kind(error, kind, reason, message, level):
    reply = (
        {"error": error, "choices": []}
        if level == "body"
        else {"choices": [{"error": error, "finish_reason": "error"}]}
    )
    with pytest.raises(Trouble, match=message) as trouble:
        read(reply)
    assert (trouble.value.kind, trouble.value.reason) == (kind, reason)
    assert SECRET[:8] not in str(trouble.value)


def test_an_empty_error_beside_an_answer_is_none():
    assert read({**body(), "error": None}).text == read({**body(), "error": {"code": 0}}).text == "four"


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)


@given(JSON, JSON, JSON, JSON, JSON)
def test_any_body_is_an_answer_a_refusal_or_trouble(content, reason, reasoning, usage, error):
    message = {"content": content, "reasoning": reasoning}
    choice = {"message": message, "finish_reason": reason}
    try:
        answer = read({"choices": [choice], "usage": usage, "error": error})
    except (RequestRefused, Trouble):
        return
    assert isinstance(answer.text, str) and answer.finish_reason in ("stop", "length")
