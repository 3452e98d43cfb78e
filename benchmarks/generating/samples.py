"""Part (d) of `benchmarks/generation.py`: k samples in one request with `n`, against k requests."""

import random
import statistics
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from synth.engines.vllm_command import ServerOptions
from synth.engines.vllm_server import VllmServer
from tests.tiny_llama import make_tiny

K = 8
CONCURRENCY = 64
"""Answers that are open at once, both ways."""
PROMPT_TOKENS = 500
MAX_TOKENS = 64
WORDS = (
    "add",
    "take",
    "buy",
    "sell",
    "apples",
    "pears",
    "boxes",
    "trains",
    "minutes",
    "metres",
    "first",
    "then",
    "after",
    "each",
)


def prompts(count: int, *, letters: bool, seed: int) -> list[dict[str, Any]]:
    """Return chats of about 500 tokens that have nothing in common, so that no cache helps one way more than the other."""
    draw, made = random.Random(seed), []
    for _ in range(count):
        words = [draw.choice(WORDS) for _ in range(PROMPT_TOKENS)]
        text = " ".join(words)
        made.append({"messages": [{"role": "user", "content": text[:PROMPT_TOKENS] if letters else text}]})
    return made


def samples(
    rounds: int, count: int, model: Path | None, client: Callable[..., dict[str, Any]], say: Callable[[str], None]
) -> dict[str, Any]:
    """Answers a second both ways, in alternation, medians.

    Args:
        rounds: Rounds of both.
        count: Prompts of a round, each with K answers.
        model: Folder of the weights; None makes a tiny model that reads letter by letter.
        client: Runs a client's program with a job.
        say: Tells how far it is.
    """
    rates: dict[str, list[float]] = {"one": [], "many": []}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        checkpoint = model or make_tiny(folder / "tiny", layers=2, width=128, length=1024, endless=True)
        options = ServerOptions(max_model_len=1024, max_num_seqs=CONCURRENCY, start_limit_s=600)
        with VllmServer(checkpoint, "samples", folder / "served", options) as server:
            job = {
                "endpoint": server.endpoint,
                "model": "samples",
                "concurrency": CONCURRENCY,
                "k": K,
                "max_tokens": MAX_TOKENS,
            }
            for number in range(-1, rounds):  # the first round only warms
                for way in ("one", "many") if number % 2 else ("many", "one"):
                    asked = prompts(count, letters=model is None, seed=2 * number + (way == "one"))
                    figures = client("choices", job | {"prompts": asked, "at_once": way == "one", "count": K * count})
                    if number >= 0:
                        rates[way].append(figures["answers"] / figures["seconds"])
                        say(f"samples round {number + 1}: {way} {rates[way][-1]:.1f} answers/s")
    middle = {way: statistics.median(values) for way, values in rates.items()}
    return {
        "n_in_one_vs_many": round(middle["one"] / middle["many"], 3),
        "samples": {
            "model": model.name if model else "tiny",
            "k": K,
            "prompts": count,
            "prompt_tokens": PROMPT_TOKENS,
            "max_tokens": MAX_TOKENS,
            "open_answers": CONCURRENCY,
            "rounds": rounds,
            "answers_per_s": {way: [round(value, 2) for value in values] for way, values in rates.items()},
        },
    }
