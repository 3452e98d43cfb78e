"""A lower bound: an aiohttp loop that sends, reads, parses and keeps nothing; it asks again when a connection breaks."""

import asyncio
import json
import sys
from typing import Any

import aiohttp
from measure import read_job, report_async, requests_of

JOB = read_job()


async def run() -> int:
    """Ask every request of the job."""
    requests, done = requests_of(JOB), 0
    broken: list[str] = []
    url = f"{JOB['endpoint']}/v1/chat/completions"
    headers = {"Content-Type": "application/json"}
    timeout = aiohttp.ClientTimeout(total=600)
    connector = aiohttp.TCPConnector(limit=0, keepalive_timeout=4)  # uvicorn closes what was idle for 5 s
    async with aiohttp.ClientSession(connector=connector, timeout=timeout) as session:

        async def ask(body: bytes) -> Any:
            while True:
                try:
                    async with session.post(url, data=body, headers=headers) as response:
                        response.raise_for_status()
                        return json.loads(await response.read())
                except (aiohttp.ClientOSError, aiohttp.ServerDisconnectedError) as error:
                    broken.append(type(error).__name__)
                    if len(broken) > 2 * JOB["concurrency"]:
                        raise  # the server is gone

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
                answer = await ask(json.dumps(payload).encode())
                done += isinstance(answer["choices"][0]["message"]["content"], str)

        await asyncio.gather(*(worker() for _ in range(JOB["concurrency"])))
    if broken:
        print(f"raw: {len(broken)} connections broke ({', '.join(sorted(set(broken)))})", file=sys.stderr)
    return done


report_async(run)
