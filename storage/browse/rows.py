"""Rows to look at: chosen by columns, by text or by an SQL condition, newest first, a page at a time, with counts by column.

What people choose by most is held ready in one table in memory, `browse`, and counted once, in `cube`. A condition over these
columns alone is answered from there; one over others reads them from the lake.
"""

import re
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from storage.browse.session import Session, Statement
from storage.errors import QueryError
from storage.ids import digest
from storage.sql.inspection import condition_columns

FACETS = ("night", "method", "outcome", "reason", "task", "source", "tier", "kind", "origin")
"""Columns to choose by a value of."""
HELD = (*FACETS, "sample_id", "problem_id", "words")
"""Columns that are held whole: a condition over these alone reads nothing from the lake."""
ORDERS = {"newest": "", "longest": "order by words desc, sample_id", "shortest": "order by words, sample_id"}
PAGE = 50
"""Rows of a page."""
_ASKED = 160
"""Characters of what was asked, in a list."""

_PROBLEMS = """(
    select problem_id, any_value(prompt) as prompt, any_value(gold) as gold, any_value(license) as license,
           any_value(structure_id) as structure_id from problems group by problem_id
)"""
_CUBE = f"select {', '.join(FACETS)}, count(*) as n, sum(words)::bigint as words from {{}} group by all"
_FACET = """
select {name}::varchar as value, sum(n)::bigint as n from {cube} where {where} group by all order by n desc, value limit 60
"""
_KEPT = 4
"""Choices that are kept ready."""
PREPARE = (
    f"""
    create temp table browse as
    select s.sample_id, s.problem_id, s.night, s.method, coalesce(d.outcome, 'undecided') as outcome, d.reason, s.task, s.source,
           s.tier, s.kind, s.origin, s.words, s.answer[:40] as answer,
           coalesce(p.prompt, s.messages[-1].content, s.text, '')[:{_ASKED}] as asked
    from samples s join commits c using (commit_id) left join decisions d using (sample_id)
    left join {_PROBLEMS} p using (problem_id)
    order by c.seq desc, s.sample_id
    """,
    f"create temp table cube as {_CUBE.format('browse')}",
    """
    create temp table attempted as
    select night, method, status, reason, count(*) as n from attempts group by all
    """,
)
"""What a session does before the first question."""
_WIDE = f"""(
    select s.* exclude (commit_id), b.outcome, b.reason, p.prompt, p.gold, p.license, p.structure_id
    from samples s join browse b using (sample_id) left join {_PROBLEMS} p on p.problem_id = s.problem_id
)"""
_TEXTS = ("p.prompt", "s.response", "s.text", "s.rejected", "s.answer", "array_to_string(s.steps, ' ')")
_HOLDS = " or ".join(f"{text} ilike $search escape '\\'" for text in _TEXTS)


@dataclass(frozen=True)
class Choice:
    """Which rows.

    Attributes:
        equal: Value by column of `FACETS`; '' is a row without one.
        search: Text that the row or its problem holds, or the beginning of its id.
        where: SQL condition over the columns of `samples`, of the problem (`prompt`, `gold`, `license`, `structure_id`), and the
            decision (`outcome`, `reason`).
        among: Only these rows, and in this order; None means all.
        without: Not these.
        order: One of `ORDERS`.

    Raises:
        QueryError: A column or an order is unknown.
    """

    equal: Mapping[str, str] = field(default_factory=dict)
    search: str = ""
    where: str = ""
    among: Sequence[str] | None = None
    without: Sequence[str] = ()
    order: str = "newest"

    def __post_init__(self) -> None:
        if unknown := set(self.equal) - set(FACETS):
            raise QueryError(f"no column {min(unknown)!r} to choose by; there are {', '.join(FACETS)}")
        if self.order not in ORDERS:
            raise QueryError(f"no order {self.order!r}; there are {', '.join(ORDERS)}")


@dataclass(frozen=True)
class Page:
    """Some of the rows that were chosen.

    Attributes:
        rows: `sample_id`, the columns that are held, and the beginning of what was `asked`.
        count: How many rows were chosen in all.
        facets: For each column, its values with how many rows have each if that column alone were free; most frequent first.
    """

    rows: list[dict[str, Any]]
    count: int
    facets: dict[str, list[tuple[str, int]]]


class Rows:
    """The rows of a lake, as they stood when the session was opened.

    Args:
        session: A session that has prepared `PREPARE`.
    """

    def __init__(self, session: Session) -> None:
        self._session = session
        self._chosen: deque[str] = deque()

    def page(self, choice: Choice, start: int = 0, size: int = PAGE) -> Page:
        """Return a page of rows, from the `start`-th on.

        Raises:
            QueryError: The condition is more than a condition, cannot be used, or takes too long.
        """
        rows, cube, before = self._relations(choice)
        where, given = _equal(choice.equal)
        asked: list[Statement] = [
            (
                f"select * from {rows} where {where} {ORDERS[choice.order]} limit $size offset $start",
                {**given, "start": start, "size": size},
            ),
            (f"select coalesce(sum(n), 0)::bigint as n from {cube} where {where}", given),
        ]
        for name in FACETS:
            where, given = _equal({column: value for column, value in choice.equal.items() if column != name})
            asked.append((_FACET.format(name=name, cube=cube, where=where), given))
        tables = self._session.ask([*before, *asked], choice.where or None)[len(before) :]
        facets = {
            name: [(row["value"] or "", row["n"]) for row in table.to_pylist()]
            for name, table in zip(FACETS, tables[2:], strict=True)
        }
        return Page(tables[0].to_pylist(), tables[1]["n"][0].as_py(), facets)

    def cube(self) -> list[dict[str, Any]]:
        """Return how many rows, with how many words, there are by night, method, outcome and reason."""
        return self._all(
            "select night, method, outcome, reason, sum(n)::bigint as n, sum(words)::bigint as words from cube group by all "
            "order by night desc, method, outcome, n desc"
        )

    def attempts(self) -> list[dict[str, Any]]:
        """Return how many attempts there are by night, method, status and reason."""
        return self._all("select * from attempted order by night desc, method, status, n desc")

    def _all(self, statement: str) -> list[dict[str, Any]]:
        return list(self._session.ask([(statement, {})])[0].to_pylist())

    def _relations(self, choice: Choice) -> tuple[str, str, list[Statement]]:
        """Return the tables with the rows and with their counts before `equal`, and what must run to have them.

        A choice by more than columns is made once and kept: other columns and other pages do not look for the text again.
        """
        parts, given = _costly(choice)
        if not parts:
            return "browse", "cube", []
        key = digest(parts, sorted((name, str(value)) for name, value in given.items()), choice.order, length=16)
        rows, cube = f"rows_{key}", f"cube_{key}"
        order = "order by list_position($among, sample_id)" if choice.among is not None else ""
        before: list[Statement] = [
            (
                f"create temp table if not exists {rows} as select * from browse where {' and '.join(parts)} {order}",
                given,
            ),
            (f"create temp table if not exists {cube} as {_CUBE.format(rows)}", {}),
        ]
        if key not in self._chosen:
            self._chosen.append(key)
            if len(self._chosen) > _KEPT:
                old = self._chosen.popleft()
                before += [(f"drop table if exists {table}_{old}", {}) for table in ("rows", "cube")]
        return rows, cube, before


def _costly(choice: Choice) -> tuple[list[str], dict[str, Any]]:
    """The conditions over `browse` that `cube` cannot answer, with their parameters."""
    parts: list[str] = []
    given: dict[str, Any] = {}
    if choice.search:
        given |= {"search": _pattern(choice.search), "beginning": choice.search}
        parts.append(
            "(starts_with(sample_id, $beginning) or sample_id in (select s.sample_id from samples s "
            f"left join {_PROBLEMS} p using (problem_id) where {_HOLDS}))"
        )
    if choice.where:
        relation = "browse" if condition_columns(choice.where) <= set(HELD) else _WIDE
        parts.append(f"sample_id in (select sample_id from {relation} samples where ({choice.where}\n))")
    if choice.among is not None:
        given["among"] = list(choice.among)
        parts.append("sample_id in (select unnest($among::varchar[]))")
    if choice.without:
        given["without"] = list(choice.without)
        parts.append("sample_id not in (select unnest($without::varchar[]))")
    return parts, given


def _equal(equal: Mapping[str, str]) -> tuple[str, dict[str, Any]]:
    parts = ["true"]
    for name in equal:
        parts.append(f"coalesce({name}::varchar, '') = $is_{name}")
    return " and ".join(parts), {f"is_{name}": value for name, value in equal.items()}


def _pattern(text: str) -> str:
    """The text anywhere, as `ilike` wants it."""
    return "%" + re.sub(r"([%_\\])", r"\\\1", text) + "%"
