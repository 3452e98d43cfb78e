"""Open requests are answered together, those that are alike in one batch; failures stay where they belong."""

import asyncio
from pathlib import Path

import pytest

from storage.errors import CheckpointError, ModelServerError
from synth.engines.base import Answer, Request, RequestRefused, Sampling
from synth.engines.in_process import InProcess
from synth.problems.base import Problem

PROBLEM = Problem("arithmetic", "made", "1 + 1?", "2", "p")


class Echo(InProcess):
    released = False

    def __init__(self, failure=None):
        super().__init__(Path("here"), "me")
        self.batches, self.failure = [], failure

    def alike(self, request):
        return request.sampling

    def answer_batch(self, requests):
        texts = [request.messages[0]["content"] for request in requests]
        self.batches.append(texts)
        if "break" in texts:
            raise self.failure
        return [RequestRefused("long", text) if text == "long" else Answer(text, "stop", 1, 1) for text in texts]

    def release(self):
        self.released = True


def request(text, temperature=0.0):
    chat = ({"role": "user", "content": text},)
    return Request(chat, Sampling(temperature=temperature, max_tokens=4), 0, "solve", PROBLEM)


async def ask(engine, *requests):
    answers = await asyncio.gather(*map(engine.answer, requests), return_exceptions=True)
    await engine.close()
    assert engine.released
    return answers


async def test_requests_that_are_alike_are_one_batch_and_each_has_its_own_answer():
    engine = Echo()
    answers = await ask(engine, request("a"), request("b", 1.0), request("long"), request("c"))
    assert engine.batches == [["a", "long", "c"], ["b"]]
    assert [getattr(answer, "text", None) for answer in answers] == ["a", "b", None, "c"]
    assert isinstance(answers[2], RequestRefused)


@pytest.mark.parametrize(
    ("failure", "kind", "message"),
    [
        (CheckpointError("no weights"), CheckpointError, "no weights"),
        (KeyError("x"), ModelServerError, "here failed: KeyError"),
    ],
)
async def test_a_batch_that_fails_fails_for_its_own_requests_alone(failure, kind, message):
    first, second, other = await ask(Echo(failure), request("a"), request("break"), request("b", 1.0))
    assert other.text == "b"
    assert all(isinstance(error, kind) and message in str(error) for error in (first, second))
