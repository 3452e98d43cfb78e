"""Any engine asked as the sampler is: order, seeds, refusals, failures."""

import asyncio
import os
import signal

import pytest

from storage.errors import ModelServerError
from storage.ledger.ledger import Ledger
from synth.calls.responder import EngineResponder
from synth.engines.base import Answer, RequestRefused
from synth.engines.vllm import Vllm


class Echo:
    """Answers with the question, the later asked the sooner."""

    model, concurrency, reads_problem = "echo@1", 3, False

    def __init__(self):
        self.open = self.most = 0
        self.seeds, self.closed = [], False

    async def answer(self, request):
        self.open += 1
        self.most = max(self.most, self.open)
        text = request.messages[-1]["content"]
        self.seeds.append(request.seed)
        await asyncio.sleep(0.02 if text == "0" else 0)
        self.open -= 1
        if text == "long":
            raise RequestRefused("prompt_too_long", "5 tokens too many")
        if text == "down":
            raise ModelServerError("nobody is there")
        return Answer(text, "stop", 3, 1)

    async def close(self):
        self.closed = True


def ask(responder, *texts, **more):
    return responder.generate(
        [[{"role": "user", "content": text}] for text in texts], temperature=0.0, max_tokens=4, **more
    )


def test_answers_come_in_the_order_of_the_questions():
    engine = Echo()
    with EngineResponder(engine) as responder:
        answers = ask(responder, "0", "1", "long", "3", "4", seed=[5, 6, 7, 8, 9])
    assert [answer.text for answer in answers] == ["0", "1", "", "3", "4"]
    assert (answers[2].finish_reason, answers[2].error) == ("error", "prompt_too_long: 5 tokens too many")
    assert sorted(engine.seeds) == [5, 6, 7, 8, 9] and engine.most == 3 and engine.closed


async def test_it_works_inside_a_loop_and_a_failure_is_what_it_says():
    with EngineResponder(Echo()) as responder:
        assert [answer.text for answer in ask(responder, "a", "b")] == ["a", "b"]
        with pytest.raises(ModelServerError, match="nobody is there"):
            ask(responder, "a", "down", "b")


def test_with_a_ledger_nothing_is_asked_twice_not_even_after_a_failure(tmp_path):
    first, second = Echo(), Echo()
    with EngineResponder(first, Ledger(tmp_path / "ledger"), "n/evaluation") as responder:
        with pytest.raises(ModelServerError, match="nobody is there"):
            ask(responder, "a", "b", "down")
        sampled = [[{"role": "user", "content": "a"}]] * 2
        responder.generate(sampled, temperature=1.0, max_tokens=4, seed=[7, 8])
    ledger = Ledger(tmp_path / "ledger")
    with EngineResponder(second, ledger, "n/evaluation") as responder:
        answers = ask(responder, "a", "long", "b", "c")
        assert [answer.text for answer in answers] == ["a", "", "b", "c"] and answers[0].prompt_tokens == 3
        assert len(second.seeds) == 2, "only what was refused and what is new"
        again = responder.generate(sampled, temperature=1.0, max_tokens=4, seed=[7, 9])
        assert [answer.text for answer in again] == ["a", "a"] and second.seeds[2:] == [9]
    assert ledger.spent("n/evaluation").calls == 6 and ledger.spent("n").calls == 0


@pytest.mark.vllm
def test_a_real_server_is_asked_and_repeats_itself(vllm_server):
    engine = Vllm((vllm_server.endpoint,), vllm_server.name, "tiny@1", 8, None, 120, 60)
    with EngineResponder(engine) as responder:
        first, again = ask(responder, "one", "two"), ask(responder, "one", "two")
    assert [answer.text for answer in first] == [answer.text for answer in again] and first[0].completion_tokens == 4


@pytest.mark.parametrize("kept", [True, False], ids=["ledger", "no ledger"])
def test_ctrl_c_does_not_wait_for_an_answer(ledger, kept, request):
    class Silent(Echo):
        async def answer(self, asked):
            await asyncio.sleep(0.2)  # until the main thread waits
            if asked.messages[-1]["content"] == "b":
                os.kill(os.getpid(), signal.SIGINT)
            await asyncio.Event().wait()

    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # a run in the background ignores it
    request.addfinalizer(lambda: signal.signal(signal.SIGINT, before))
    engine = Silent()
    with pytest.raises(KeyboardInterrupt), EngineResponder(engine, ledger if kept else None) as responder:
        ask(responder, "a", "b")
    assert engine.closed
