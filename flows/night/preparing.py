"""Before the attempts: methods that have to see the whole set make their artefacts, which the night then keeps."""

from collections.abc import Sequence
from dataclasses import replace

from flows.night.night import Night
from flows.night.night_asker import asking
from flows.night.pinning import sources_of
from storage.ids import digest
from storage.lake import nights
from storage.lake.artefacts import find_artefact, record_artefact
from storage.ledger.published import publish
from synth.calls.ask import Asker
from synth.night.draw import Assignment, find_attempts
from synth.night.preparing import Made, make_artefact, read_artefact
from synth.problems.base import Problem
from synth.sample import problem_of


async def prepare(night: Night) -> list[Assignment]:
    """Return the night's assignments with what their methods prepared: found in the lake, or made now and kept there.

    An artefact belongs to the night, the method's sources, parameters and prompts, so that a resumed night takes the one
    that it began with. It is made here, before the shards, wherever they run.

    Raises:
        ModelServerError: A model cannot be reached; the same command goes on later.
        PinError: The artefact was taken down.
    """
    assignments = night.assignments
    if not any(item.method.prepare for item in assignments):
        return assignments
    prepared = [_kept(night, item) if item.method.prepare else item for item in assignments]
    if all(prepared):
        return [item for item in prepared if item is not None]
    rows = nights.planned_attempts(night.lake, night.id)
    problems = [problem_of(row) for row in nights.problem_rows(night.lake, night=night.id)]
    attempts = find_attempts(assignments, problems, rows)
    async with asking(night) as asker:
        return [
            kept or await _make(night, item, item.problems_of(attempts), asker)
            for item, kept in zip(assignments, prepared, strict=True)
        ]


def _key(night: Night, assignment: Assignment) -> str:
    method = assignment.method
    own = night.prompts.of(method.name, assignment.prompts)
    prompts = sorted({prompt.digest for prompt in own.values()})
    params = assignment.params.model_dump(mode="json")
    return digest("artefact", night.id, method.name, params, dict(assignment.prompts), prompts, sources_of(method))


def _kept(night: Night, assignment: Assignment) -> Assignment | None:
    text = find_artefact(night.lake, _key(night, assignment))
    return None if text is None else replace(assignment, prepared=read_artefact(assignment.method, text))


async def _make(night: Night, assignment: Assignment, problems: Sequence[Problem], asker: Asker) -> Assignment:
    method = assignment.method
    with night.progress.stage(f"prepare {method.name}"):
        artefact = await make_artefact(method, assignment.params, problems, asker, assignment.prompts)
    if not isinstance(artefact, Made):
        night.progress.say(f"{method.name} could not prepare ({artefact.reason}): {artefact.detail}")
        return replace(assignment, prepared=artefact)
    publish(night.ledger, night.lake, night.id)
    text = record_artefact(
        night.lake,
        _key(night, assignment),
        artefact.text,
        night=night.id,
        method=method.name,
        problem_ids=sorted({problem.id for problem in problems}),
        call_ids=artefact.call_ids,
        prompts=artefact.prompts,
    )
    return replace(assignment, prepared=read_artefact(method, text))
