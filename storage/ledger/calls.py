"""A finished model call, and how it stands in the ledger's SQLite file and in the lake's `calls`."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache
from typing import Any

from storage.messages import Message, chat_of

COLUMNS = (
    "key", "model", "role", "act", "messages", "sampling", "sample", "response", "finish_reason", "prompt_tokens",
    "completion_tokens", "night", "origin", "method", "reasoning", "cached_tokens", "seconds", "cost", "thought_tokens",
    "created_at",
)  # fmt: skip
"""Columns of the ledger's `calls`, in the order of `Call`'s fields; `id` comes before and `published` after them."""

# Rows are appended in order of arrival; only the narrow index of keys is written at random places.
SCHEMA = """
create table if not exists calls (
    id integer primary key, key text not null unique, model text not null, role text not null, act text not null,
    messages text not null, sampling text not null, sample text not null, response text not null,
    finish_reason text not null, prompt_tokens integer not null, completion_tokens integer not null, night text,
    origin text not null, method text, reasoning text not null, cached_tokens integer not null, seconds real not null,
    cost real not null, created_at text not null, thought_tokens integer not null default 0, published integer not null default 0
);
create index if not exists calls_unpublished on calls (published) where published = 0;
create index if not exists calls_night on calls (night);
"""

LATER_COLUMNS = {"thought_tokens": "integer not null default 0"}
"""Columns that the ledger of an older version lacks; they are added when it is opened."""

_text = json.JSONEncoder(sort_keys=True).encode
"""Made once: `json.dumps` makes an encoder for each call that gives it an option."""

SELECT = f"select {', '.join(COLUMNS)} from calls"


@dataclass(frozen=True, slots=True)
class Call:
    """One finished model call.

    Attributes:
        key: Content key.
        model: Identity of the model.
        role: Role it was asked in.
        act: What was asked.
        messages: The rendered chat.
        sampling: Sampling parameters.
        sample: Explicit sample number.
        response: The completion.
        finish_reason: `stop` or `length`; any other word is why the answer was refused, and `sampling` has the sentence.
        prompt_tokens: Tokens read.
        completion_tokens: Tokens written.
        night: Night that paid for it.
        origin: `made`, or `imported`.
        method: Method whose attempt made it; others that asked the same found it.
        reasoning: What a reasoning model thought before it answered, where the server keeps it apart.
        cached_tokens: Tokens read that the server had in its prefix cache.
        seconds: Server time, from the request to its last byte.
        cost: What it cost at the prices of the night that made it.
        thought_tokens: Tokens written that were thoughts; by their share of the characters where the server does not count them.
        created_at: When it was recorded; None before.
    """

    key: str
    model: str
    role: str
    act: str
    messages: tuple[Message, ...]
    sampling: dict[str, object]
    sample: str
    response: str
    finish_reason: str
    prompt_tokens: int
    completion_tokens: int
    night: str | None = None
    origin: str = "made"
    method: str | None = None
    reasoning: str = ""
    cached_tokens: int = 0
    seconds: float = 0.0
    cost: float = 0.0
    thought_tokens: int = 0
    created_at: datetime | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class Spent:
    """What a night has paid for.

    Attributes:
        calls: Model calls made, tries that were lost among them.
        prompt_tokens: Tokens read.
        completion_tokens: Tokens written.
        cost: At the prices that held when each call was made.
    """

    calls: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    cost: float = 0.0


@cache
def insertion(rows: int) -> str:
    """Return the statement that inserts this many calls as one; a key that is there stays as it is."""
    marks = f"({', '.join('?' * len(COLUMNS))})"
    return f"insert into calls ({', '.join(COLUMNS)}) values {', '.join([marks] * rows)} on conflict (key) do nothing"


def to_row(call: Call, now: str) -> tuple[object, ...]:
    """Turn a call into values for `COLUMNS`; `now` stands in for a missing `created_at`."""
    return (
        call.key, call.model, call.role, call.act, json.dumps(call.messages), _text(call.sampling),
        call.sample, call.response, call.finish_reason, call.prompt_tokens, call.completion_tokens, call.night,
        call.origin, call.method, call.reasoning, call.cached_tokens, call.seconds, call.cost,
        call.thought_tokens,
        call.created_at.isoformat() if call.created_at else now,
    )  # fmt: skip


def of_row(row: Sequence[Any]) -> Call:
    """Turn values of `COLUMNS` back into a call."""
    values = list(row)
    values[4] = tuple(json.loads(values[4]))
    values[5] = json.loads(values[5])
    values[19] = datetime.fromisoformat(values[19])
    return Call(*values)


def to_lake(call: Call, ledger: str) -> dict[str, Any]:
    """Turn a call into a row of the lake's `calls`, as published by a ledger."""
    row = {name: getattr(call, name) for name in COLUMNS[1:]}
    return {
        **row,
        "call_id": call.key,
        "messages": list(call.messages),
        "sampling": _text(call.sampling),
        "created_at": call.created_at or datetime.now(UTC),
        "ledger": ledger,
    }


def of_lake(row: Mapping[str, Any]) -> Call:
    """Turn a row of the lake's `calls` back into a call."""
    values = {name: row[name] for name in COLUMNS[1:]}
    values["messages"] = tuple(chat_of(row["messages"]))
    values["sampling"] = json.loads(row["sampling"])
    values["thought_tokens"] = row["thought_tokens"] or 0  # null in rows that an older version published
    return Call(key=row["call_id"], **values)
