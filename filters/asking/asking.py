"""What filters that ask a model have in common: they ask between synthesis and curation, and commit once per night.

Each call goes through the ledger like any other, so a night that is killed here goes on here. What was refused, or what the
budget has no room for, is a row with its reason.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from storage.errors import BudgetError, RecipeError
from storage.lake.lake import Lake, table_of
from storage.names import unknown
from synth.calls.ask import Asker
from synth.engines.base import RequestRefused

AT_ONCE = 256

Question = Callable[[], Awaitable[dict[str, Any]]]
"""Asks for one row of the table."""


def known_role(asker: Asker, name: str, role: str | None) -> str:
    """Return the role that a filter asks.

    Raises:
        RecipeError: The recipe names no model for it.
    """
    if role is None or role not in asker.engines:
        raise RecipeError(f"filters.{name}.role: {unknown('role', str(role), asker.engines)}; name it under `models`")
    return role


async def ask_once(
    lake: Lake, night: str, name: str, table: str, questions: Sequence[tuple[dict[str, Any], Question]]
) -> None:
    """Ask the questions of a filter, and commit what was said as rows of a table under the key `<name>:<night>`.

    Args:
        lake: The lake.
        night: The night.
        name: The filter.
        table: The table.
        questions: What stands in each row whatever comes, and how the rest is asked for.

    Raises:
        ModelServerError: The model cannot be reached; the same command goes on later.
    """
    gate = asyncio.Semaphore(AT_ONCE)

    async def one(given: dict[str, Any], question: Question) -> dict[str, Any]:
        async with gate:
            try:
                return {**given, **await question(), "night": night}
            except RequestRefused as error:
                return {**given, "reason": error.reason, "night": night}
            except BudgetError:
                return {**given, "reason": "budget", "night": night}

    try:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(one(*question)) for question in questions]
    except BaseExceptionGroup as errors:
        raise errors.exceptions[0] from None
    rows = [task.result() for task in tasks]
    lake.commit(f"{name}:{night}", table, {table: table_of(table, rows)}, night=night)
