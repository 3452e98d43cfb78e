"""What a trained verifier says of a candidate: its probability of being right (arXiv:2110.14168, section 4.2)."""

from collections.abc import Sequence

from synth.calls.models import Models
from synth.calls.together import at_once
from synth.problems.base import Problem
from synth.scorers.base import Candidate, Score, scorer


@scorer("verifier", version="1", roles=("verifier",), judges=True)
async def verifier(problem: Problem, candidates: Sequence[Candidate], models: Models) -> list[Score]:
    """The probability, 0 to 1, that the role `verifier` (`engine: verifier`) gives to the answer."""
    asked = models.messages("solve")
    scored = await at_once(
        models.verifier.score([*asked, {"role": "assistant", "content": candidate.text}]) for candidate in candidates
    )
    return [Score(value, None, (reply.call_id,), reply.model) for value, reply in scored]
