"""Our own path, all of it: rendered prompt, content key, ledger on disk, claim, engine, record, reply.

As many workers as the runner has; the engine keeps the job's number of requests open.
"""

import asyncio
import tempfile
from dataclasses import replace
from pathlib import Path

import psutil
from measure import read_job, report_async, requests_of

from storage.ledger.ledger import Ledger
from synth.calls.ask import Asker
from synth.calls.models import Models
from synth.calls.prompting import Prompts
from synth.engines.vllm import Vllm
from synth.night.runner import pool_size
from synth.problems import open_source
from synth.problems.base import Problem

JOB = read_job()
SAMPLES: list[float] = []


async def run(asker: Asker, problem: Problem) -> int:
    """Ask every request of the job durably."""
    requests, done = requests_of(JOB), 0
    process = psutil.Process()

    async def worker() -> None:
        nonlocal done
        for request in requests:
            asked = replace(problem, prompt=request["messages"][0]["content"])
            reply = await Models(asker, asked, 0).student("solve", temperature=1.0, max_tokens=64)
            done += isinstance(reply.text, str)
            if done % 1000 == 0:
                SAMPLES.append(process.memory_info().rss / 1e6)

    await asyncio.gather(*(worker() for _ in range(pool_size(asker))))
    await asker.engines["student"].close()
    return done


def main() -> None:
    """Make ledger, engine and asker, and measure the asking alone."""
    (problem,) = open_source("arithmetic", {"tiers": [1]}).draw(1, seed=1, tier=1)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "solve.jinja").write_text("{{ problem.prompt }}")
        engine = Vllm(JOB["endpoint"], JOB["model"], "bench", concurrency=JOB["concurrency"])
        with Ledger(folder / "ledger.sqlite") as ledger:
            asker = Asker(ledger, {"student": engine}, Prompts({"solve": folder / "solve.jinja"}), night="bench")
            report_async(lambda: run(asker, problem), rss_mb=SAMPLES)


main()
