"""What the tests of methods share: scripted models, a recorded run, rows with their notes and attrs read."""

import json
import random

from synth.answers.format import FORMATS
from synth.calls.ask import Asker
from synth.calls.prompting import Prompts
from synth.night.draw import Assignment
from synth.night.preparing import Made, make_artefact
from synth.night.runner import run_attempts
from synth.notes import read_notes
from synth.problems import get_task
from tests.synth.conftest import Scripted
from tests.synth.night.test_runner import attempts


async def run(ledger, method, problems, params=None, form=FORMATS["hash"], **engines):
    """Run a method with these models; its rows with `notes` and `attrs` read, and the table they came from."""
    asker = Asker(ledger, engines, Prompts(form=form), night="2026-01-01/test")
    finished = await run_attempts(await prepared(method, problems, params, asker), asker)
    assert finished.attempts["status"].to_pylist() == ["done"] * len(problems), finished.attempts.to_pylist()
    return read(finished.samples), finished.samples


async def prepared(method, problems, params, asker):
    """The attempts of a method, which has prepared where it does."""
    if method.prepare is None:
        return attempts(method, problems, params)
    params = params or method.params()
    artefact = await make_artefact(method, params, problems, asker)
    assignment = Assignment(
        method, params, None, None, 1, prepared=artefact.prepared if isinstance(artefact, Made) else artefact
    )
    return [assignment.attempt("2026-01-01/test", problem, 0, 0) for problem in problems]


def read(samples):
    return [
        {**row, "notes": read_notes(row["kind"], row["notes"]), "attrs": json.loads(row["attrs"])}
        for row in samples.to_pylist()
    ]


def scripted(**acts):
    """A model that answers each prompt by a function of the request."""
    return Scripted(lambda request: acts[request.act](request))


def corrupt(problem, step=1):
    """A solution in which one step, and all that follows, goes wrong."""
    lines = get_task(problem.task).solve(problem).splitlines()
    left, _, value = lines[step].rpartition(" ")
    return "\n".join([*lines[:step], f"{left} {int(value) + 1}", f"#### {int(problem.gold) + 1}"])


def errs(problem, salt, share):
    """Whether a model of this error rate errs on a problem: the same whenever it is asked."""
    return random.Random(f"{problem.id}{salt}").random() < share
