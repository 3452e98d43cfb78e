"""The in-process engine: a small local checkpoint, answered in batches by one thread."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from synth.engines.base import Answer, Request, RequestRefused, Sampling
from synth.engines.in_process import InProcess

if TYPE_CHECKING:
    from synth.engines.sampler import Generation, Sampler


class Transformers(InProcess):
    """Writes answers in batches of one sampling each."""

    _sampler: "Sampler | None" = None

    def alike(self, request: Request) -> Sampling:
        """Requests of one batch are sampled alike."""
        return request.sampling

    def answer_batch(self, requests: Sequence[Request]) -> list[Answer | Exception]:
        """Answer requests in order; one that does not fit into the context is refused alone."""
        if self._sampler is None:
            from synth.engines.sampler import Sampler

            self._sampler = Sampler(self.checkpoint)
        sampling = requests[0].sampling
        generations = self._sampler.generate(
            [request.messages for request in requests],
            temperature=sampling.temperature,
            max_tokens=sampling.max_tokens,
            top_p=sampling.top_p,
            top_k=sampling.top_k or 0,
            min_p=sampling.min_p or 0.0,
            body=sampling.body,
            stop=sampling.stop,
            seed=[request.seed for request in requests],
        )
        return [_answer(generation) for generation in generations]

    def release(self) -> None:
        """Let go of the model's memory."""
        self._sampler = None


def _answer(generation: "Generation") -> Answer | Exception:
    if generation.finish_reason == "error":
        reason, _, detail = (generation.error or "unanswerable").partition(": ")
        return RequestRefused(reason, detail or reason)
    return Answer(generation.text, generation.finish_reason, generation.prompt_tokens, generation.completion_tokens)
