"""What every client's program shares: the job it reads, and the one line of JSON it prints."""

import asyncio
import gc
import json
import resource
import sys
import time
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any


def read_job() -> dict[str, Any]:
    """The job named on the command line: endpoint, model, concurrency, and requests or their count."""
    return json.loads(Path(sys.argv[1]).read_text())


def cpu_s() -> float:
    """CPU seconds of this process so far, all threads."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def report(run: Callable[[], int], **more: Any) -> None:
    """Run, and print seconds, CPU seconds of this process and how many answers there were."""
    gc.collect()
    began, cpu = time.perf_counter(), cpu_s()
    answers = run()
    print(json.dumps({"seconds": time.perf_counter() - began, "cpu_s": cpu_s() - cpu, "answers": answers, **more}))


def report_async(run: Callable[[], Coroutine[Any, Any, int]], **more: Any) -> None:
    """The same for a coroutine."""
    report(lambda: asyncio.run(run()), **more)


def request_of(number: int) -> dict[str, Any]:
    """Request `number` of a job that only gives a count."""
    content = f"Question {number}: what is {number} plus {number + 7}, and why? Answer in short steps."
    return {"messages": [{"role": "user", "content": content}], "seed": number}


def requests_of(job: dict[str, Any]) -> Any:
    """An iterator that many workers share."""
    return iter(job["requests"]) if "requests" in job else map(request_of, range(job["count"]))
