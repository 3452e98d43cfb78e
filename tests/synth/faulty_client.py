"""A small night against one endpoint: `count` attempts, one call each, through runner, asker, ledger and engine.

As a program (`faulty_client.py ENDPOINT LEDGER COUNT CONCURRENCY TIMEOUT`) it can be killed; it prints one line of JSON.
"""

import asyncio
import json
import sys
import tempfile
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from pathlib import Path

from storage.ledger.ledger import Ledger
from synth.calls.ask import Asker
from synth.calls.models import Models
from synth.calls.prompting import Prompts
from synth.engines import fleet, vllm
from synth.engines.vllm import Vllm
from synth.methods.base import Params, method
from synth.night.runner import Attempt, attempt_id, run_attempts
from synth.problems import open_source
from synth.problems.base import Problem
from synth.sample import Sample


@method("one_call", paper="none", makes=("text",), roles=("student",))
async def one_call(problem: Problem, models: Models, params: Params) -> AsyncIterator[Sample]:
    """Ask once."""
    reply = await models.student("solve", temperature=1.0, max_tokens=16)
    yield Sample(text=reply.text)


@dataclass
class Outcome:
    """What became of the attempts, and how many requests the first endpoint may have open in the end."""

    planned: int
    done: int
    failed: dict[str, int]
    details: list[str]
    texts: int
    recorded: int
    allowed: int


async def run(endpoint: str | list[str], ledger_file: Path, count: int, concurrency: int, **options: object) -> Outcome:
    (problem,) = open_source("arithmetic", {"tiers": [1]}).draw(1, seed=1, tier=1)
    problems = [replace(problem, prompt=f"This is number {n} of a private list.") for n in range(count)]
    params = Params()
    attempts = [
        Attempt(attempt_id("n", "one_call", params, problem, n), "n", one_call, params, asked, 0, 0)
        for n, asked in enumerate(problems)
    ]
    engine = Vllm(endpoint, "tiny", "digest", concurrency, **options)  # type: ignore[arg-type]
    with tempfile.TemporaryDirectory() as folder, Ledger(ledger_file) as ledger:
        (Path(folder) / "solve.jinja").write_text("{{ problem.prompt }}")
        asker = Asker(ledger, {"student": engine}, Prompts({"solve": Path(folder) / "solve.jinja"}), night="n")
        try:
            finished = await run_attempts(attempts, asker)
        finally:
            await engine.close()
        recorded = ledger.count()
    rows = finished.attempts.to_pylist()
    assert len({row["attempt_id"] for row in rows}) == len(rows)
    failed = [row for row in rows if row["status"] == "failed"]
    return Outcome(
        planned=count,
        done=sum(row["status"] == "done" for row in rows),
        failed=dict(Counter(row["reason"] for row in failed)),
        details=[row["detail"] for row in failed][:20],
        texts=len(set(finished.samples.column("text").to_pylist())),
        recorded=recorded,
        allowed=engine.fleet.members[0].limit.now,
    )


if __name__ == "__main__":
    vllm.FIRST_PAUSE_S, fleet.PROBE_S = 0.05, 0.1
    endpoint, file, count, concurrency, timeout = sys.argv[1:]
    outcome = asyncio.run(run(endpoint, Path(file), int(count), int(concurrency), timeout_s=float(timeout)))
    print(json.dumps(outcome.__dict__))
