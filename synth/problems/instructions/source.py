"""Draw requests with constraints, composed by rule."""

import json
import random
from collections.abc import Iterator, Sequence
from itertools import repeat
from pathlib import Path

from storage.errors import ProblemError
from storage.ids import canonical_json, seed_from
from synth.problems.base import Problem
from synth.problems.drawing import equal_shares, unseen
from synth.problems.instructions.constraints import CONSTRAINTS, compatible

MISSES = 2_000
"""Known or impossible draws in a row after which a tier counts as used up."""
_FORMS = (
    "Explain how {} works.", "Write a short story about {}.", "Describe {} to somebody who has never seen it.",
    "Give advice to a beginner about {}.", "Write an advertisement for {}.", "Compare {} today with {} a hundred years ago.",
    "Write a letter to a friend about {}.", "Argue for and against {}.", "Write a plan for a lesson on {}.",
    "List the most common mistakes with {}.",
)  # fmt: skip
_TOPICS = (
    "a bicycle", "a lighthouse", "bread baking", "a school library", "a rain gauge", "public transport", "a vegetable bed",
    "a night train", "a chess club", "a telescope", "learning a language", "a mountain hut", "a savings account", "a beehive",
    "recycling", "a power station", "an orchestra", "first aid", "a weather forecast", "a street market", "a canal lock",
    "a museum of toys", "knitting", "a bus timetable", "swimming lessons", "a fire drill", "a compost heap", "a radio play",
    "a ferry", "a house plant", "map reading", "a neighbourhood party", "wood carving", "a crossword", "a repair shop",
)  # fmt: skip
_PERSONA_CHARACTERS = 500


class Instructions:
    """A stream of requests; the tier is the number of constraints.

    Args:
        tiers: Numbers of constraints.
        names: Constraints to draw from; empty means all.
        personas: A file of personas, or None.

    Raises:
        ProblemError: The file of personas is missing, broken or empty.
    """

    procedural = True

    def __init__(self, tiers: Sequence[int], names: Sequence[str] = (), personas: Path | None = None) -> None:
        self.name = "instructions"
        self._tiers = tuple(dict.fromkeys(tiers))
        self._names = sorted(names) or sorted(CONSTRAINTS)
        self._personas = [] if personas is None else read_personas(personas)

    def draw(
        self, limit: int, *, seed: int, tier: int | None = None, exclude: frozenset[str] = frozenset()
    ) -> Sequence[Problem]:
        """Draw up to `limit` requests, in equal shares of the tiers; fewer where all that can be said is drawn or excluded."""
        seen = set(exclude)
        streams = [self._stream(count, seed, seen) for count in self._tiers if tier in (None, count)]
        return equal_shares(streams, limit)

    def _stream(self, count: int, seed: int, seen: set[str]) -> Iterator[Problem]:
        rng = random.Random(seed_from("instructions", seed, count))
        return unseen((self._problem(rng, count) for _ in repeat(None)), seen, MISSES)

    def _problem(self, rng: random.Random, count: int) -> Problem | None:
        form, topic = rng.choice(_FORMS), rng.choice(_TOPICS)
        persona = rng.choice(self._personas) if self._personas else None
        if len(self._names) < count:
            return None
        names = sorted(rng.sample(self._names, count))
        values = [(name, dict(CONSTRAINTS[name].draw(rng))) for name in names]
        if not compatible(names):
            return None
        request = form.format(topic, topic) + (f" Write it for this reader: {persona}" if persona else "")
        lines = [CONSTRAINTS[name].say(drawn) for name, drawn in values]
        spec = canonical_json([[name, drawn] for name, drawn in values])
        return Problem(
            task="instructions",
            source=self.name,
            prompt="\n".join([request, "", *(f"- {line}" for line in lines)]),
            gold=spec,
            structure=f"{request}\n{spec}",
            tier=count,
            license="Apache-2.0",
            attrs={"constraints": json.loads(spec), "persona": persona},
        )


def read_personas(path: Path) -> list[str]:
    """Read personas, a line each, as text or as JSON with the key `persona`.

    Raises:
        ProblemError: The file is missing or empty, or a line is broken JSON or too long.
    """
    if not path.is_file():
        raise ProblemError(f"{path}: there is no such file; correct `personas`.")
    personas = []
    for number, line in enumerate(path.read_text(encoding="utf-8", errors="replace").splitlines(), start=1):
        text = line.strip()
        if text.startswith("{"):
            try:
                text = str(json.loads(text)["persona"]).strip()
            except (ValueError, KeyError, RecursionError) as error:
                raise ProblemError(f"{path}, line {number}: no JSON with `persona` ({error!r}); correct it.") from None
        if len(text) > _PERSONA_CHARACTERS:
            raise ProblemError(
                f"{path}, line {number}: a persona has at most {_PERSONA_CHARACTERS} characters; shorten it."
            )
        if text:
            personas.append(text)
    if not personas:
        raise ProblemError(f"{path}: there is no persona in it; write one a line.")
    return personas
