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
        *((word, "stop") for word in ("stop", "STOP", "eos", "eos_token", "end_turn", "Stop", "EndTurn", "end-turn")),
        *((word, "stop") for word in ("FINISH_REASON_STOP", "stop_token", "eos_token_id", "eos_found")),
        *((word, "length") for word in ("length", "MAX_TOKENS", "max_tokens", "model_length", "max_new_tokens")),
    ],
)
def test_the_words_of_servers_for_the_end_of_an_answer(reason, ours):
    assert read(body(finish_reason=reason)).finish_reason == ours


@pytest.mark.parametrize("reason", [None, "", 1, [], {}, "tool_calls", "stop!", True])
def test_other_words_are_none(reason):
    assert finish_of(reason) is None


@pytest.mark.parametrize(
    "part",
    [
        {"type": "thinking", "thinking": [{"type": "text", "text": "two and two"}]},
        {"type": "thinking", "thinking": "two and two", "signature": "x"},
        {"type": "reasoning", "text": "two and two"},
    ],
)
def test_thoughts_in_a_part_of_their_own_are_kept_apart(part):
    answer = read(body([part, {"type": "text", "text": "four"}]))
    assert (answer.text, answer.reasoning) == ("four", "two and two")
    cut = read(body([part], "length"))
    assert (cut.text, cut.reasoning, cut.finish_reason) == ("", "two and two", "length")


@pytest.mark.parametrize(
    "raw",
    [
        body().__repr__().replace("'", '"').replace("4,", "9" * 5000 + ",").encode(),
        json.dumps({**body(), "total_time_ns": 7}).replace("7}", "7" * 5000 + "}").encode(),
        json.dumps(body("four\x01")).replace("\\u0001", "\x01").encode(),
        json.dumps(body("caf\xe9"), ensure_ascii=False).encode("latin-1"),
        json.dumps(body(), indent=1).encode("utf-8-sig"),
    ],
)
def test_a_paid_answer_is_not_lost_to_its_numbers_or_bytes(raw):
    assert read_chat_answer(raw).text in ("four", "four\x01", "caf\ufffd")


def test_an_answer_nested_too_deeply_was_paid():
    raw = json.dumps(body()).encode()[:-1] + b', "x": ' + b"[" * 200_000 + b"]" * 200_000 + b"}"
    with pytest.raises(RequestRefused, match="nested") as refused:
        read_chat_answer(raw)
    assert refused.value.paid is not None


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
        (body(finish_reason="ERROR_TOXIC"), "content_filter", "withheld"),
        (body(None, refusal="I cannot help with that."), "content_filter", "refused to answer"),
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
        ({"message": "slow", "type": "RateLimitError"}, Kind.BUSY, "", "slow"),
        ({"message": "slow", "code": "RateLimited"}, Kind.BUSY, "", "slow"),
        ({"message": "slow", "code": 429.0}, Kind.BUSY, "", "slow"),
        ({"message": "slow", "status_code": "429"}, Kind.BUSY, "", "slow"),
        ({"message": "no", "type": "BadRequestError"}, Kind.FINAL, "bad_request", "no"),
        ({"message": "which?", "type": "NotFoundError"}, Kind.FINAL, "not_found", "which"),
        ({"message": "filtered", "code": "content_filter", "status": 400}, Kind.FINAL, "content_filter", "filtered"),
        ({"message": "it broke", "code": "4" * 5000}, Kind.FAILED, "", "it broke"),
        (
            {"message": "it broke", "type": "internal_server_error", "code": "invalid_state"},
            Kind.FAILED,
            "",
            "it broke",
        ),
        ({"message": "who?", "code": "invalid_api_key"}, Kind.FINAL, "access_denied", "who"),
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


@pytest.mark.parametrize(
    ("raw", "kind", "reason", "message"),
    [
        (b'{"object": "error", "message": "maximum context length is 5", "type": "BadRequestError", "code": 400}', Kind.FINAL,
         "prompt_too_long", "context length"),
        (b'{"code": 429, "message": "slow down"}', Kind.BUSY, "", "slow down"),
        (b'{"detail": "it broke"}', Kind.FAILED, "", "it broke"),
        (b'{"success": false, "errors": [{"code": 429, "message": "slow down"}]}', Kind.BUSY, "", "slow down"),
        (b'{"__type": "ThrottlingException", "message": "slow down"}', Kind.BUSY, "", "slow down"),
        (b'{"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}', Kind.BUSY, "", "Overloaded"),
        (b'[{"error": {"code": 429, "status": "RESOURCE_EXHAUSTED", "message": "slow down"}}]', Kind.BUSY, "", "slow down"),
        (b'data: {"error": {"code": 429, "message": "slow down"}}\n\ndata: [DONE]\n', Kind.BUSY, "", "slow down"),
        (b'event: error\ndata: {"code": 503, "message": "away"}\n\n', Kind.BUSY, "", "away"),
        (b'{"model": "m", "message": {"role": "assistant", "content": "hi"}, "done": true}', Kind.FAILED, "", "without choices"),
        (b"<html><h1>upstream timed out</h1></html>", Kind.FAILED, "", "upstream timed out"),
        (b"upstream\ntimed out", Kind.FAILED, "", "upstream timed out"),
        (json.dumps(body("upstream timed out", "error")).encode(), Kind.FAILED, "", "upstream timed out"),
        (f"the key {SECRET} is wrong".encode(), Kind.FAILED, "", "is wrong"),
    ],
)  # fmt: skip
def test_an_error_in_place_of_an_answer_keeps_its_words_and_its_kind(raw, kind, reason, message):
    with pytest.raises(Trouble, match=message) as trouble:
        read_chat_answer(raw, credential=SECRET, texts=())
    assert (trouble.value.kind, trouble.value.reason) == (kind, reason)
    assert SECRET[:8] not in str(trouble.value)


def test_an_empty_error_beside_an_answer_is_none():
    assert read({**body(), "error": None}).text == read({**body(), "error": {"code": 0}}).text == "four"


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)


KEYS = ("message", "code", "type", "status", "detail", "errors", "param", "text", "thinking", "error", "prompt_tokens")
DIGITS = st.integers(1, 6000).map(lambda count: "4" * count)
NAMED = st.recursive(
    JSON | DIGITS | st.sampled_from(["429", "RateLimitError", "content_filter", 400, 429.0]),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from(KEYS), inner, max_size=4),
    max_leaves=8,
)


@given(NAMED, st.sampled_from(["", "4" * 5000, "[" * 3000, "data: ", "\ufeff"]))
def test_any_body_without_an_answer_is_trouble_or_a_refusal(reply, prefix):
    with pytest.raises((RequestRefused, Trouble)):
        read_chat_answer((prefix + json.dumps(reply)).encode(), credential=SECRET)


@given(NAMED | JSON, JSON, NAMED | JSON, NAMED | JSON, NAMED | JSON)
def test_any_body_is_an_answer_a_refusal_or_trouble(content, reason, reasoning, usage, error):
    message = {"content": content, "reasoning": reasoning}
    choice = {"message": message, "finish_reason": reason}
    try:
        answer = read({"choices": [choice], "usage": usage, "error": error})
    except (RequestRefused, Trouble):
        return
    assert isinstance(answer.text, str) and answer.finish_reason in ("stop", "length")
