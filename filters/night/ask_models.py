"""Asks what the filters of a recipe want to know of models, between synthesis and curation, and commits it once per night.

Each call goes through the ledger like any other, so a night that is killed here goes on here. What was refused, or what the
budget has no room for, is evidence without a value, with the reason.
"""

import asyncio
from collections.abc import Sequence
from typing import Any

from filters.base import AskingOptions, BoundFilter, Context
from filters.questions import Answered, Asks, Evidence, LogProbability, NightRows, Question, Reading
from filters.rows import read_rows
from storage.errors import BudgetError, RecipeError
from storage.lake import nights
from storage.lake.evidence import evidence_of, store_evidence
from storage.lake.lake import Lake
from storage.unknown_names import unknown
from synth.calls.ask import Asker, Reply
from synth.calls.prompting import prompt_of
from synth.engines.base import RequestRefused

AT_ONCE = 256
"""Questions that wait for an answer at a time."""


def key_of(name: str, night: str) -> str:
    """Return the key under which a filter's evidence of a night is committed."""
    return f"asked:{name}:{night}"


def role_of(bound: BoundFilter) -> str | None:
    """Return the role that a filter asks; None when it asks nobody."""
    return bound.options.role if bound.asks is not None and isinstance(bound.options, AskingOptions) else None


async def ask_models(
    lake: Lake,
    night: str,
    asker: Asker,
    bound: BoundFilter,
    standing: frozenset[str],
    context: Context,
) -> int:
    """Ask a filter's questions about a night's rows and commit the answers as evidence, once per night.

    Args:
        lake: The lake.
        night: The night.
        asker: The night's asker.
        bound: A filter that asks, with a role.
        standing: Rows that no verdict so far rejects.
        context: Problems, benchmarks and what else the questions depend on.

    Returns:
        How many rows were asked about now.

    Raises:
        RecipeError: The recipe names no model for the role.
        ModelServerError: The model cannot be reached; the same command goes on later.
    """
    asks, role, key = bound.asks, role_of(bound), key_of(bound.name, night)
    if asks is None or lake.has(key):
        return 0
    if role is None or role not in asker.engines:
        raise RecipeError(
            f"filters.{bound.name}.role: {unknown('role', str(role), asker.engines)}; name it under `models`"
        )
    rows = night_rows(lake, night, standing, context, asker.engines[role].model)
    questions = list(asks.questions(rows, bound.options))
    answers = await _together(asker, bound.name, role, asks, questions)
    store_evidence(lake, key, bound.name, answers, night=night, version=bound.version)
    return len({question.sample_id for question in questions})


def night_rows(lake: Lake, night: str, standing: frozenset[str], context: Context, model: str) -> NightRows:
    """Read what a filter may choose its questions by."""
    samples = nights.night_samples(lake, night)
    ids, models = (samples[name].to_pylist() for name in ("sample_id", "models"))
    writers = {sample_id: tuple(names or ()) for sample_id, names in zip(ids, models, strict=True)}
    return NightRows(
        read_rows(samples), standing, checked_answers(lake, night), context.problems, writers, model,
        context.manifest, context.heldout_prompts, context.past_problems,
    )  # fmt: skip


def checked_answers(lake: Lake, night: str) -> dict[str, bool]:
    """Return whether the answers of a night's rows are right, where the filter `answer` knows."""
    verdicts = nights.night_verdicts(lake, night)
    columns = (verdicts[name].to_pylist() for name in ("sample_id", "filter", "outcome"))
    outcomes = {sample_id: outcome for sample_id, name, outcome in zip(*columns, strict=True) if name == "answer"}
    return {sample_id: outcome == "pass" for sample_id, outcome in outcomes.items() if outcome in ("pass", "fail")}


def night_evidence(lake: Lake, night: str, name: str) -> dict[str, dict[str, Evidence]]:
    """Return a filter's evidence about the rows of a night, by sample id and name."""
    by_sample: dict[str, dict[str, Evidence]] = {}
    for row in evidence_of(lake, night, name):
        by_sample.setdefault(row["subject_id"], {})[row["name"]] = Evidence(row["value"], row["text"], row["model"])
    return by_sample


async def _together(
    asker: Asker, name: str, role: str, asks: Asks, questions: Sequence[Question]
) -> list[dict[str, Any]]:
    gate = asyncio.Semaphore(AT_ONCE)

    async def answer(question: Question) -> dict[str, Any]:
        async with gate:
            reply, reading = await _ask(asker, name, role, asks, question)
        return {
            "subject": "sample", "subject_id": question.sample_id, "name": question.name,
            "model": reply.model if reply else None, "value": reading.value, "text": reading.text,
            "call_ids": [reply.call_id] if reply else [],
        }  # fmt: skip

    try:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(answer(question)) for question in questions]
    except BaseExceptionGroup as errors:
        raise errors.exceptions[0] from None
    return [task.result() for task in tasks]


async def _ask(asker: Asker, name: str, role: str, asks: Asks, question: Question) -> tuple[Reply | None, Reading]:
    try:
        if isinstance(question, LogProbability):
            reply = await asker.score(role, question.text, name)
        elif isinstance(question, Answered):
            chat = ({"role": "user", "content": question.question}, {"role": "assistant", "content": question.answer})
            reply = await asker.verify(role, chat, name)
        else:
            prompt = prompt_of(asker.prompts.of(name), question.prompt)
            reply = await asker.ask(role, prompt, question.problem, question.inputs, question.sampling, "0.0", name)
    except RequestRefused as error:
        return None, Reading(None, error.reason)
    except BudgetError:
        return None, Reading(None, "budget")
    return reply, asks.read(reply.text)
