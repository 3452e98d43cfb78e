"""What the vLLM engine refuses, or a server refuses it: a reason for the row, or an end of the run."""

from typing import Any

import pytest

from storage.errors import ModelServerError
from synth.engines import body as answer_body
from synth.engines import wire
from synth.engines.base import RequestRefused
from synth.engines.vllm import Vllm
from tests.synth.engines.scripted import Reply, ask, chat, once, scripted

pytestmark = pytest.mark.usefixtures("short_pauses")


@pytest.mark.parametrize(
    ("status", "body", "reason"),
    [
        (400, {"error": {"message": "too many", "param": "input_tokens"}}, "prompt_too_long"),
        (400, {"error": {"message": "This model's maximum context length is 512 tokens"}}, "prompt_too_long"),
        (400, {"error": {"message": "over max_model_len", "param": "max_tokens"}}, "max_tokens_too_large"),
        (400, {"error": {"message": "temperature must be non-negative"}}, "bad_request"),
        (400, {"error": "just words"}, "bad_request"),
        (400, b"<html>", "bad_request"),
        (400, b"", "bad_request"),
        (413, b"", "prompt_too_long"),
        (422, {"detail": [{"loc": ["body", "seed"], "msg": "not a number"}]}, "bad_request"),
    ],
)
async def test_refused_requests_have_a_stable_reason(status: int, body: Any, reason: str) -> None:
    with pytest.raises(RequestRefused) as refused:
        await once(Reply(status, body))
    assert refused.value.reason == reason
    assert str(refused.value)


async def test_words_of_a_server_are_cut() -> None:
    with pytest.raises(RequestRefused) as refused:
        await once(Reply(400, {"error": {"message": "x" * 5000}}))
    assert len(str(refused.value)) <= wire.WORDS + len("HTTP 400: ")


@pytest.mark.parametrize("status", [302, 400, 401, 403, 404, 405, 410, 422])
async def test_a_server_that_refuses_even_the_canary_stops_the_run(status: int) -> None:
    no = Reply(status, {"error": "no"}, {"Location": "/elsewhere"})
    async with scripted(no, canary=no) as endpoint:
        engine = Vllm(endpoint.url, "tiny", "digest")
        with pytest.raises(ModelServerError, match=str(status)):
            await engine.answer(ask())
        await engine.close()
        assert (len(endpoint.seen), endpoint.canaries) == (1, 1)


@pytest.mark.parametrize(("status", "reason"), [(403, "access_denied"), (404, "not_found"), (410, "bad_request")])
async def test_a_refusal_of_one_request_fails_that_request(status: int, reason: str) -> None:
    async with scripted(Reply(), Reply(status, {"error": {"message": "not this one"}}), Reply()) as endpoint:
        engine = Vllm(endpoint.url, "tiny", "digest")
        await engine.answer(ask())
        with pytest.raises(RequestRefused, match="not this one") as refused:
            await engine.answer(ask())
        await engine.answer(ask())
        await engine.close()
    assert refused.value.reason == reason


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (chat(None), "malformed_answer"),
        (chat(None, "length"), "malformed_answer"),
        (chat("text", "tool_calls"), "malformed_answer"),
        (chat("text", None), "malformed_answer"),
        (chat("half \ud800 a pair"), "malformed_answer"),
        (chat("", "content_filter"), "content_filter"),
        (b" " * (answer_body.LARGEST_ANSWER + 1), "malformed_answer"),
    ],
    ids=lambda value: str(value)[:60],
)
async def test_an_answer_without_usable_text_is_refused(body: Any, reason: str) -> None:
    with pytest.raises(RequestRefused) as refused:
        await once(Reply(body=body))
    assert refused.value.reason == reason


async def test_an_answer_cut_by_the_context_is_refused() -> None:
    """The server's max_model_len is no part of the content key, so it must not decide what is recorded."""
    with pytest.raises(RequestRefused, match="3 of 12 tokens") as refused:
        await once(Reply(body=chat("and so", "length")), request=ask(max_tokens=12))
    assert refused.value.reason == "context_full"


async def test_a_message_that_is_no_unicode_never_leaves() -> None:
    with pytest.raises(RequestRefused) as refused:
        await once(request=ask("half \udfff a pair"))
    assert refused.value.reason == "bad_request"


OTHER_NAME = Reply(
    400,
    {"error": {"message": "Unsupported parameter: 'max_tokens' is not supported with this model. Use 'max_completion_tokens' "
               "instead.", "param": "max_tokens", "code": "unsupported_parameter"}},
)  # fmt: skip


async def test_a_server_that_wants_max_completion_tokens_is_asked_with_it() -> None:
    async with scripted(OTHER_NAME, Reply()) as endpoint:
        engine = Vllm(endpoint.url, "tiny", "digest")
        for _ in range(2):
            assert (await engine.answer(ask(max_tokens=5))).text == "hello"
        await engine.close()
        limits = [(asked.get("max_tokens"), asked.get("max_completion_tokens")) for asked in endpoint.seen]
        assert limits == [(5, None), (None, 5), (None, 5)], "it is told once, and remembered"


async def test_a_server_that_takes_neither_name_is_not_asked_for_ever() -> None:
    async with scripted(OTHER_NAME) as endpoint:
        engine = Vllm(endpoint.url, "tiny", "digest")
        with pytest.raises(RequestRefused, match="max_completion_tokens"):
            await engine.answer(ask(max_tokens=5))
        await engine.close()
        assert len(endpoint.seen) == 2
