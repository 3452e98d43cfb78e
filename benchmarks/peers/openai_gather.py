"""What most scripts do: the openai client, a semaphore, and gather."""

import asyncio
from typing import Any

import openai
from measure import read_job, report_async

JOB = read_job()


async def run() -> int:
    """Ask everything at once, as many at a time as the job says."""
    slots = asyncio.Semaphore(JOB["concurrency"])
    async with openai.AsyncOpenAI(base_url=f"{JOB['endpoint']}/v1", api_key="none", timeout=600) as client:

        async def ask(request: dict[str, Any]) -> Any:
            async with slots:
                return await client.chat.completions.create(
                    model=JOB["model"],
                    messages=request["messages"],
                    temperature=1.0,
                    top_p=1.0,
                    max_tokens=64,
                    seed=request["seed"],
                )

        answers = await asyncio.gather(*(ask(request) for request in JOB["requests"]))
    return sum(isinstance(answer.choices[0].message.content, str) for answer in answers)


report_async(run, version=openai.__version__)
