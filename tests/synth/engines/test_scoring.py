"""Scores of texts: what a completions endpoint says, read, and vLLM's numbers beside those of transformers."""

import asyncio
import json
import math
from typing import Any

import pytest

from storage.ledger.ledger import Ledger
from synth.calls.ask import Asker
from synth.calls.prompting import Prompts
from synth.engines.base import RequestRefused
from synth.engines.scoring import Score, read_score
from synth.engines.solver import Solver
from synth.engines.vllm import Vllm
from synth.engines.wire import Trouble

TEXTS = [
    "Tom has 3 pens and buys 4 more.\n#### 7", "3 + 4 = 7", "zzzzzzzzzzzzzzzzzzzz", "  two spaces, then \n a line", "ab",
    "A box holds 12 eggs. " * 40, "Wie viel? 5 €",
]  # fmt: skip


def body(logprobs: Any, usage: Any = None) -> bytes:
    return json.dumps({"choices": [{"text": "x", "logprobs": logprobs}], "usage": usage}).encode()


def test_the_first_token_is_not_counted_where_nothing_is_before_it() -> None:
    answer = read_score(body({"token_logprobs": [None, -1.5, -0.5]}, {"prompt_tokens": 3}), 0.5)
    assert Score.from_json(answer.text) == Score(-2.0, 2)
    assert Score.from_json(answer.text).perplexity == pytest.approx(math.e)
    assert (answer.prompt_tokens, answer.completion_tokens, answer.seconds) == (3, 0, 0.5)
    assert Score.from_json(read_score(body({"token_logprobs": [-4.0]})).text) == Score(-4.0, 1)


def test_the_perplexity_of_what_cannot_be_is_a_number() -> None:
    assert math.isfinite(Score(-9999.0, 1).perplexity)


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (None, "malformed_answer"), (body(None), "no_logprobs"), (body({"token_logprobs": None}), "no_logprobs"),
        (body({"token_logprobs": []}), "too_short"), (body({"token_logprobs": [None]}), "too_short"),
        (body({"token_logprobs": [None, -1.0, None]}), "malformed_answer"),
        (body({"token_logprobs": [None, "-1"]}), "malformed_answer"),
        (body({"token_logprobs": [None, True]}), "malformed_answer"),
        (body({"token_logprobs": [None, float("nan")]}), "malformed_answer"),
        (body({"token_logprobs": [None, -float("inf")]}), "malformed_answer"),
        (body({"token_logprobs": [None, -(10**400)]}), "malformed_answer"),
        (body({"token_logprobs": [-1.0]}, {"prompt_tokens": 7}), "no_logprobs"),  # of what it wrote, not of the prompt
    ],
)  # fmt: skip
def test_what_is_no_score_is_refused_with_a_stable_reason(raw: bytes | None, reason: str) -> None:
    with pytest.raises(RequestRefused) as refused:
        read_score(raw)
    assert refused.value.reason == reason


@pytest.mark.parametrize("raw", [b"<html>", b"[]", b"{}", b'{"choices": []}', b'{"choices": [7]}'])
def test_what_is_no_completions_endpoint_is_trouble(raw: bytes) -> None:
    with pytest.raises(Trouble):
        read_score(raw)


async def test_an_engine_that_cannot_score_refuses(ledger: Ledger) -> None:
    with pytest.raises(RequestRefused) as refused:
        await Asker(ledger, {"teacher": Solver()}, Prompts(), night="n").score("teacher", "text")
    assert refused.value.reason == "no_logprobs"


def by_transformers(folder: Any, text: str, dtype: Any) -> list[float]:
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    ids = AutoTokenizer.from_pretrained(folder)(text, return_tensors="pt").input_ids
    model = AutoModelForCausalLM.from_pretrained(folder, dtype=dtype).eval()
    with torch.no_grad():
        logps = torch.log_softmax(model(ids).logits[0, :-1].float(), -1)
    return logps.gather(1, ids[0, 1:, None])[:, 0].tolist()


@pytest.mark.vllm
@pytest.mark.timeout(600)
def test_vllm_says_what_transformers_says_and_is_asked_once(vllm_server: Any, ledger: Ledger) -> None:
    import torch

    def asker(engine: Vllm) -> Asker:
        return Asker(ledger, {"scorer": engine}, Prompts(), night="2026-01-01/x")

    async def ask(asked: Asker, engine: Vllm) -> list[Any]:
        try:
            replies = await asyncio.gather(
                *(asked.score("scorer", text) for text in [*TEXTS, "a", "long " * 1000]), return_exceptions=True
            )
        finally:
            await engine.close()
        return replies

    first = asker(engine := Vllm(vllm_server.endpoint, vllm_server.name, "tiny@1", 8, None, 120, 60))
    *replies, short, long = asyncio.run(ask(first, engine))
    assert isinstance(short, RequestRefused) and short.reason == "too_short"
    assert isinstance(long, RequestRefused) and long.reason == "prompt_too_long"
    for text, reply in zip(TEXTS, replies, strict=True):
        score = Score.from_json(reply.text)
        exact, rough = (
            by_transformers(vllm_server.checkpoint, text, dtype) for dtype in (torch.float32, torch.bfloat16)
        )
        assert score.tokens == len(exact)
        bound = (
            3 * max(abs(fine - coarse) for fine, coarse in zip(exact, rough, strict=True)) + 1e-3
        )  # what bfloat16 costs a token
        assert bound < 0.2
        assert score.logprob / score.tokens == pytest.approx(math.fsum(exact) / len(exact), abs=bound)
        assert score.logprob / score.tokens != pytest.approx(-math.log(102), abs=1e-6), "not a constant"
    assert len({round(Score.from_json(reply.text).perplexity, 3) for reply in replies}) == len(TEXTS)
    away = asker(Vllm("http://127.0.0.1:9", vllm_server.name, "tiny@1", 8, None, 1, 1))
    again = [asyncio.run(away.score("scorer", text)) for text in TEXTS]
    assert again == replies and (away.made, away.found) == (0, len(TEXTS))
    assert first.made == len(TEXTS) + 1, "the server read the text that is too short, and charges for it"
