"""Part (d) of `benchmarks/generation.py`: k samples in one request with `n`, against k requests.

The product makes k requests, each an answer of its own in the ledger as soon as it has come. One request with `n` brings all k at
once or none, so a kill loses up to k answers that were written. It is worth building where the lower end of the interval of
`n_in_one_vs_many` is above 1; else many requests stay.
"""

import math
import random
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
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
LEAST_ROUNDS = 3
DRAWS = 2_000
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
    rounds: int,
    count: int,
    model: Path | None,
    client: Callable[..., dict[str, Any]],
    say: Callable[[str], None],
    seconds: float = math.inf,
) -> dict[str, Any]:
    """Answers a second both ways, in alternation: the ratio of each round, their geometric mean, and its 95 % bootstrap interval.

    Args:
        rounds: Rounds of both.
        count: Prompts of a round, each with K answers.
        model: Folder of the weights; None makes a tiny model that reads letter by letter.
        client: Runs a client's program with a job.
        say: Tells how far it is.
        seconds: Seconds after which no further round begins, the start of the server included; three rounds are made in any case.
    """
    began = time.monotonic()
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
                if number >= LEAST_ROUNDS and time.monotonic() - began > seconds:
                    break
                for way in ("one", "many") if number % 2 else ("many", "one"):
                    asked = prompts(count, letters=model is None, seed=2 * number + (way == "one"))
                    figures = client("choices", job | {"prompts": asked, "at_once": way == "one", "count": K * count})
                    if number >= 0:
                        rates[way].append(figures["answers"] / figures["seconds"])
                        say(f"samples round {number + 1}: {way} {rates[way][-1]:.1f} answers/s")
    ratio, interval = ratio_of(rates["one"], rates["many"])
    return {
        "n_in_one_vs_many": ratio,
        "samples": {
            "interval": interval,
            "model": model.name if model else "tiny",
            "k": K,
            "prompts": count,
            "prompt_tokens": PROMPT_TOKENS,
            "max_tokens": MAX_TOKENS,
            "open_answers": CONCURRENCY,
            "rounds": len(rates["one"]),
            "answers_per_s": {way: [round(value, 2) for value in values] for way, values in rates.items()},
        },
    }


def ratio_of(one: Sequence[float], many: Sequence[float]) -> tuple[float, list[float]]:
    """Return the geometric mean of the ratios of rounds, and its 95 % bootstrap interval."""
    logs = [math.log(left / right) for left, right in zip(one, many, strict=True)]
    draw = random.Random(0)
    means = sorted(statistics.fmean(draw.choices(logs, k=len(logs))) for _ in range(DRAWS))
    interval = [round(math.exp(means[int(DRAWS * place)]), 3) for place in (0.025, 0.975)]
    return round(math.exp(statistics.fmean(logs)), 3), interval
