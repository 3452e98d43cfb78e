"""Runs attempts: many coroutines at once under one bounded pool, each accounted for, whatever happens to it."""

import asyncio
import gc
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from operator import length_hint
from typing import Any

import pyarrow as pa

from storage.errors import BudgetError, NightschoolError
from storage.ids import canonical_json, digest
from storage.lake.lake import table_of
from storage.messages import said_in
from synth.calls.ask import Asker, Reply
from synth.calls.models import Models
from synth.engines.base import RequestRefused
from synth.methods.base import Artefact, Method, Params
from synth.night.preparing import NotPrepared, Prepared
from synth.notes import NOTES, Notes, to_json
from synth.problems.base import Problem
from synth.sample import Sample, sample_id
from synth.tools.base import TOOL

POOL = 512
"""Coroutines at once, at least. What an engine has open at once is bounded by its `concurrency`."""

GC_EVERY = 50_000
"""New objects between two searches for reference cycles while attempts run."""


@dataclass(frozen=True)
class Attempt:
    """One problem, one method, one repetition.

    Attributes:
        id: Identity within the lake.
        night: Logical date.
        method: The method.
        params: Its parameters.
        problem: What it is about.
        repetition: 0, 1, ... for the same problem and method.
        shard: Shard of the night.
        prompts: Files that its entry of the recipe uses instead of prompts.
        prepared: What the method prepared, for those that do.
    """

    id: str
    night: str
    method: Method
    params: Params
    problem: Problem
    repetition: int
    shard: int
    prompts: Mapping[str, str] = field(default_factory=dict)
    prepared: Prepared | NotPrepared | None = None

    def row(self, status: str, *, samples: int = 0, calls: int = 0) -> dict[str, Any]:
        """Return a row of the lake's `attempts`."""
        return {
            "attempt_id": self.id, "night": self.night, "method": self.method.name, "problem_id": self.problem.id,
            "repetition": self.repetition, "shard": self.shard, "status": status, "samples": samples, "calls": calls,
        }  # fmt: skip


def attempt_id(
    night: str,
    method: str,
    params: Params,
    problem: Problem,
    repetition: int,
    prompts: Mapping[str, str] | None = None,
) -> str:
    """Identity of an attempt: the same night asks the same attempts again after a crash.

    The prompts that only this entry of the recipe uses are part of it, as the recipe names them, so that two entries which
    differ in nothing else make attempts of their own.
    """
    own = [dict(prompts)] if prompts else []
    return digest("attempt", night, method, params.model_dump(mode="json"), problem.id, repetition, *own)


@dataclass(frozen=True)
class Finished:
    """What became of a list of attempts.

    Attributes:
        attempts: One row per attempt for the lake's `attempts`, `done` or `failed`.
        samples: The rows they made, for the lake's `samples`.
        evidence: What scorers said of these rows, for the lake's `evidence`.
        budget: The sentence of the budget that stopped some of them; None when none was stopped.
    """

    attempts: pa.Table
    samples: pa.Table
    evidence: pa.Table
    budget: str | None


async def run_attempts(
    attempts: Iterable[Attempt], asker: Asker, *, on_done: Callable[[int], None] = lambda count: None
) -> Finished:
    """Run attempts concurrently and return every one of them, done or failed with its reason.

    Args:
        attempts: What to run. They are taken one by one, so only those at work are held, and the rows that they made.
        asker: The night's asker.
        on_done: Called after each attempt with 1, for progress.

    Raises:
        ModelServerError: A model cannot be reached; what was answered is in the ledger, so a re-run continues there.
        NightschoolError: The ledger cannot be written, or the like.
    """
    collect_rarely()
    results: list[_Outcome | None] = []
    waiting, pool = enumerate(attempts), pool_size(asker)

    async def work() -> None:
        for position, attempt in waiting:
            results.append(None)  # workers take attempts in order and one at a time, so this is results[position]
            results[position] = await _run(attempt, asker)
            on_done(1)

    try:
        async with asyncio.TaskGroup() as group:
            for _ in range(min(pool, length_hint(attempts, pool))):
                group.create_task(work())
    except* Exception as errors:
        raise _first(errors) from None
    done = [result for result in results if result is not None]
    stopped = next((outcome.attempt["detail"] for outcome in done if outcome.attempt.get("reason") == "budget"), None)
    return Finished(
        table_of("attempts", [outcome.attempt for outcome in done]),
        table_of("samples", [row for outcome in done for row in outcome.samples]),
        table_of("evidence", [row for outcome in done for row in outcome.evidence]),
        stopped,
    )


def pool_size(asker: Asker) -> int:
    """Return how many coroutines to run at once: enough that every engine stays full while others wait for the disk."""
    return max(POOL, 2 * max((engine.concurrency for engine in asker.engines.values()), default=0))


def collect_rarely() -> None:
    """Let Python look for reference cycles less often in this process.

    Its default (every 700 new objects) walks thousands of waiting coroutines again and again: a fifth of the client's time.
    """
    gc.set_threshold(max(GC_EVERY, gc.get_threshold()[0]), 20, 100)


def _first(errors: BaseExceptionGroup[Exception]) -> Exception:
    inner = errors.exceptions[0]
    return _first(inner) if isinstance(inner, BaseExceptionGroup) else inner


def _artefact(attempt: Attempt, models: Models) -> tuple[Artefact, ...]:
    """Return what the method prepared, which its rows name among their prompts.

    Raises:
        RequestRefused: It could not prepare.
    """
    if attempt.method.prepare is None:
        return ()
    if not isinstance(attempt.prepared, Prepared):
        failure = attempt.prepared or NotPrepared("not_prepared", f"{attempt.method.name} was not prepared")
        raise RequestRefused(failure.reason, failure.detail)
    models.used_prompts.append(attempt.prepared.name)
    return (attempt.prepared.value,)


@dataclass(frozen=True, slots=True)
class _Outcome:
    """Rows of one attempt."""

    attempt: dict[str, Any]
    samples: list[dict[str, Any]]
    evidence: list[dict[str, Any]]


async def _run(attempt: Attempt, asker: Asker) -> _Outcome:
    models = Models(asker, attempt.problem, attempt.repetition, attempt.method.name, attempt.prompts)
    failure: dict[str, str] = {}
    samples: list[dict[str, Any]] = []
    evidence: list[dict[str, Any]] = []
    try:
        async for sample in attempt.method.run(attempt.problem, models, attempt.params, *_artefact(attempt, models)):
            samples.append(_row(attempt, models, sample, len(samples)))
            evidence += _scores(attempt, sample, samples[-1]["sample_id"])
    except RequestRefused as error:
        failure = {"reason": error.reason, "detail": str(error)}
    except BudgetError as error:
        failure = {"reason": "budget", "detail": str(error)}
    except NightschoolError:
        raise
    except Exception as error:  # a method stumbled over this problem or answer: one row fails, not the night
        failure = {"reason": "method_error", "detail": f"{type(error).__name__}: {error}"}
    calls = len(models.replies)
    if failure:
        return _Outcome(attempt.row("failed", calls=calls) | failure, [], [])
    return _Outcome(attempt.row("done", samples=len(samples), calls=calls), samples, evidence)


def _scores(attempt: Attempt, sample: Sample, sample_id: str) -> list[dict[str, Any]]:
    return [
        {
            "subject": "sample", "subject_id": sample_id, "kind": "score", "name": score.scorer, "version": score.version,
            "model": score.model, "value": score.value, "text": score.reason, "call_ids": list(score.call_ids),
            "night": attempt.night,
        }
        for score in sample.scores
    ]  # fmt: skip


def _row(attempt: Attempt, models: Models, sample: Sample, position: int) -> dict[str, Any]:
    problem = attempt.problem
    replies = {reply.call_id: reply for reply in models.replies}
    parents = list(replies) if sample.parents is None else list(sample.parents)
    written = [replies[parent] for parent in parents]
    origin = sample.origin or ("rule" if written and written[-1].by_rule else "model")
    notes = _notes(sample, written)
    return {
        "sample_id": sample_id(attempt.id, position),
        "attempt_id": attempt.id,
        "night": attempt.night,
        "method": attempt.method.name,
        "kind": sample.kind,
        "problem_id": problem.id,
        "task": problem.task,
        "source": problem.source,
        "tier": problem.tier,
        "position": position,
        "origin": origin,
        "models": _writers(written),
        "licenses": [models.license_of(model) for model in _writers(written)],
        "parents": parents,
        "prompts": list(models.used_prompts),
        "messages": list(sample.messages),
        "tools": canonical_json([dict(tool) for tool in sample.tools]) if sample.tools else None,
        "response": _in_form(sample.response, origin, models),
        "rejected": sample.rejected,
        "text": sample.text,
        "steps": None if sample.steps is None else list(sample.steps),
        "labels": None if sample.labels is None else list(sample.labels),
        "answer": sample.answer,
        "gold_source": _gold_source(problem, notes),
        "notes": to_json(notes),
        "attrs": canonical_json(sample.attrs),
        "words": _words(sample),
        "tokens": None,  # counted when it is committed: `synth.night.lengths`
    }


def _writers(written: Sequence[Reply]) -> list[str]:
    """Identities of the models that wrote parts of a row; a tool is none, though its runs are parents too."""
    return sorted({reply.model for reply in written if not reply.model.startswith(TOOL)})


def _gold_source(problem: Problem, notes: Notes) -> str:
    """Who says what is right of a row: the question that it made itself, its problem, or the label that its method gave."""
    if notes.question is not None:
        return notes.question.source if notes.question.gold is not None else "none"
    return notes.label.source if notes.label is not None and not problem.gold else problem.gold_source


def _in_form(response: str | None, origin: str, models: Models) -> str | None:
    """Return an answer in the recipe's form: a model's as it wrote it, a rule's or a data set's rewritten."""
    return response if response is None or origin == "model" else models.form.rewrite(response)


def _notes(sample: Sample, written: Sequence[Reply]) -> Notes:
    """Return a sample's notes, with whether nothing in it was cut at its token limit (`structure` rejects it otherwise).

    The last parent is who wrote the answer (as for `origin`): when it was cut, the sample is. Any other parent counts too,
    unless the method says `complete` itself: it then answers for the rest, which lets an attempt that is only there to be
    corrected be cut.

    Raises:
        TypeError: The notes are those of another kind of sample.
    """
    model = NOTES[sample.kind]
    notes = model() if sample.notes is None else sample.notes
    if type(notes) is not model:
        raise TypeError(
            f"notes of a sample of the kind {sample.kind!r} must be {model.__name__}, not {type(notes).__name__}"
        )
    complete = all(reply.complete for reply in written) if notes.complete is None else notes.complete
    if written and not written[-1].complete:
        complete = False
    cut = bool(written) and written[-1].thoughts_cut
    return notes.model_copy(update={"complete": complete, "thoughts_cut": notes.thoughts_cut or cut})


def _words(sample: Sample) -> int:
    texts = [
        *(said_in(message) for message in sample.messages),
        sample.response or "",
        sample.rejected or "",
        sample.text or "",
    ]
    return sum(len(text.split()) for text in texts)
