"""Scores rows for the filter `perplexity`: which rows, which text of theirs, and what of the answers is kept."""

from collections.abc import Iterable, Mapping
from functools import partial
from typing import Any

from filters.asking.asking import ask_once, known_role
from filters.asking.perplexity import PerplexityOptions
from filters.evidence import Scored
from filters.rows import Row, read_rows
from filters.text import clean
from storage.lake import nights
from storage.lake.lake import Lake
from synth.calls.ask import Asker
from synth.engines.scoring import Score


def scored_text(row: Row) -> str:
    """Return what is scored: the text that is learned, with the steps of a stepwise row; empty when there is none."""
    if row.kind == "prompt":
        return ""
    if row.kind == "text":
        return row.text or ""
    return "\n".join(part for part in (*(row.steps or ()), row.learned) if part)


async def score_night(lake: Lake, night: str, asker: Asker, options: PerplexityOptions, standing: Iterable[str]) -> int:
    """Ask how likely a night's standing rows are and commit the answers, once per night.

    Args:
        lake: The lake.
        night: The night.
        asker: The night's asker; it knows `options.role`.
        options: Options of the filter `perplexity`.
        standing: Rows that no verdict so far rejects.

    Returns:
        How many rows were scored now.

    Raises:
        RecipeError: The recipe names no model for the role.
        ModelServerError: The model cannot be reached; the same command goes on later.
    """
    if lake.has(f"perplexity:{night}"):
        return 0
    role, wanted = known_role(asker, "perplexity", options.role), set(standing)

    async def ask(text: str) -> dict[str, Any]:
        reply = await asker.score(role, text, "perplexity")
        score = Score.from_json(reply.text)
        return {"logprob": score.logprob, "tokens": score.tokens, "call_id": reply.call_id, "model": reply.model}

    rows = [row for row in read_rows(nights.night_samples(lake, night)) if row.sample_id in wanted]
    texts = [(row.sample_id, clean(text)) for row in rows if (text := scored_text(row)).strip()]
    questions = [({"sample_id": sample_id}, partial(ask, text)) for sample_id, text in texts]
    await ask_once(lake, night, "perplexity", "perplexities", questions)
    return len(questions)


def read_scores(lake: Lake, night: str) -> Mapping[str, Scored]:
    """Return what came of scoring a night's rows, by sample id."""
    found = lake.rows("select sample_id, logprob, tokens, reason, model from perplexities where night = ?", [night])
    return {
        row["sample_id"]: Scored(
            Score(row["logprob"], row["tokens"]) if row["tokens"] else None, row["reason"], row["model"]
        )
        for row in found
    }
