"""The floor: an aiohttp loop that sends, reads, parses and forgets."""

import asyncio
import json
from typing import Any

import aiohttp
from measure import read_job, report_async, requests_of

JOB = read_job()


async def run() -> int:
    """Ask every request of the job."""
    requests, done = requests_of(JOB), 0
    url = f"{JOB['endpoint']}/v1/chat/completions"
    headers = {"Content-Type": "application/json"}
    timeout = aiohttp.ClientTimeout(total=600)
    connector = aiohttp.TCPConnector(
        limit=0, keepalive_timeout=4
    )  # uvicorn closes what was idle for 5 s: a race it would lose
    async with aiohttp.ClientSession(connector=connector, timeout=timeout) as session:

        async def worker() -> None:
            nonlocal done
            for request in requests:
                payload: dict[str, Any] = {
                    "model": JOB["model"],
                    "messages": request["messages"],
                    "temperature": 1.0,
                    "top_p": 1.0,
                    "max_tokens": 64,
                    "seed": request["seed"],
                }
                async with session.post(url, data=json.dumps(payload).encode(), headers=headers) as response:
                    response.raise_for_status()
                    answer = json.loads(await response.read())
                    done += isinstance(answer["choices"][0]["message"]["content"], str)

        await asyncio.gather(*(worker() for _ in range(JOB["concurrency"])))
    return done


report_async(run)
