"""What a trained verifier thinks of a response."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

from pydantic import Field

from train_stages.rewards.base import Ask, Response, Reward, Scoring


class Verifier(Reward):
    """The probability, 0 to 1, that a verifier gives to a response.

    Keep `answer` beside it, whose weight may be 0: where the two part, the model has learned to please the verifier.
    """

    name: ClassVar[str] = "verifier"
    paper: ClassVar[str] = "arXiv:2110.14168"

    model: str = Field(
        default="verifier",
        min_length=1,
        description="The verifier, as `from` names a checkpoint: an earlier stage of the plan, an id, a folder, or `verifier`, the "
        "newest that may be used.",
    )

    @property
    def models(self) -> tuple[str, ...]:
        """The verifier."""
        return (self.model,)

    def prepared(self, models: Mapping[str, Path], ask: Ask) -> Scoring:
        """Return what lets the verifier score responses, together; one that is too long for it earns nothing."""
        from synth.engines.verifier import chances, load_head

        loaded: list[Any] = []

        def score(responses: Sequence[Response]) -> list[float | None]:
            if not loaded:
                loaded.append(load_head(models[self.model]))
            chats = [
                [*ask(response.problem), {"role": "assistant", "content": response.text}] for response in responses
            ]
            return chances(loaded[0], chats)

        return score
