"""Several answers to each prompt: as many requests, or one request with `n`. The same answers are open at once either way."""

import asyncio
import json
from typing import Any

import aiohttp
from measure import read_job, report_async

JOB = read_job()


async def run() -> int:
    """Ask for every answer of the job."""
    k, at_once = JOB["k"], JOB["at_once"]
    repeats, n = (1, k) if at_once else (k, 1)
    bodies = [
        {**request, "model": JOB["model"], "temperature": 1.0, "max_tokens": JOB["max_tokens"], "n": n, "seed": seed}
        for request in JOB["prompts"]
        for seed in range(repeats)
    ]
    waiting, done = iter(bodies), 0
    url = f"{JOB['endpoint']}/v1/chat/completions"
    connector = aiohttp.TCPConnector(limit=0, keepalive_timeout=4)
    async with aiohttp.ClientSession(connector=connector, timeout=aiohttp.ClientTimeout(total=600)) as session:

        async def worker() -> None:
            nonlocal done
            for body in waiting:
                async with session.post(
                    url, data=json.dumps(body), headers={"Content-Type": "application/json"}
                ) as got:
                    got.raise_for_status()
                    answer: dict[str, Any] = json.loads(await got.read())
                done += sum(isinstance(choice["message"]["content"], str) for choice in answer["choices"])

        await asyncio.gather(*(worker() for _ in range(max(1, JOB["concurrency"] // n))))
    return done


report_async(run)
