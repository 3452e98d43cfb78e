"""Asks questions as a process of its own: `python -m tests.synth.calls.asking LEDGER MADE COUNT NAME`.

Every call that is really made appends its sample number to the file MADE. The answers used are printed.
"""

import asyncio
import sys
from pathlib import Path

from storage.ledger.ledger import Ledger
from synth.calls.ask import Asker
from synth.calls.models import Models
from synth.calls.prompting import Prompts
from synth.engines.base import Answer, Request
from synth.problems import open_source


class Counted:
    model, reads_problem, concurrency = "counted", False, 16

    def __init__(self, log: Path, name: str) -> None:
        self._made, self._name = log, name

    async def answer(self, request: Request) -> Answer:
        await asyncio.sleep(0.01)
        with self._made.open("a") as file:
            file.write(f"{int(request.inputs['number'])}\n")
        return Answer(f"{self._name} {request.seed}", "stop")

    async def close(self) -> None:
        return


async def main(path: str, log: str, count: str, name: str) -> None:
    problem = open_source("arithmetic", {"tiers": [1]}).draw(1, seed=1, tier=1)[0]
    with Ledger(Path(path)) as ledger:
        asker = Asker(ledger, {"student": Counted(Path(log), name)}, Prompts(), night=name)
        models = Models(asker, problem, 0)
        replies = await asyncio.gather(*(models.student("solve", sample=n, number=n) for n in range(int(count))))
    print([reply.text for reply in replies])


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
