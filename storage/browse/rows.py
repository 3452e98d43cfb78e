"""Rows to look at: chosen by columns, by text or by an SQL condition, newest first, a page at a time, with counts by column.

What people choose by most is held ready in memory, so that what a page costs does not grow with the lake: `cube` has each
combination of the columns' values once, with how many rows have it, and `browse` has every row, in order, with the number of its
combination. Counts come from `cube`; a page is found by numbers alone. A condition over columns that are held is answered from
these two; one over others reads them from the lake.
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
ORDERS = {"newest": "nth", "longest": "words desc, nth", "shortest": "words, nth"}
PAGE = 50
"""Rows of a page."""
_ASKED = 160
"""Characters of what was asked, in a list."""
_VALUES = 60
"""Values of a column to choose from."""
_KEPT = 4
"""Choices that are kept ready."""

_FACETS = ", ".join(FACETS)
_OF_PROBLEMS = ("prompt", "gold", "license", "structure_id")
_PROBLEMS = f"""(
    select problem_id, {", ".join(f"any_value({name}) as {name}" for name in _OF_PROBLEMS)} from problems group by problem_id
)"""
PREPARE = (
    f"""
    create temp table unnumbered as
    select row_number() over (order by c.seq desc, s.sample_id)::integer as place, s.sample_id, s.problem_id, s.night, s.method,
           coalesce(d.outcome, 'undecided') as outcome, d.reason, s.task, s.source, s.tier, s.kind, s.origin, s.words,
           s.answer[:40] as answer, coalesce(p.prompt, s.messages[-1].content, s.text, '')[:{_ASKED}] as asked
    from samples s join commits c using (commit_id) left join decisions d using (sample_id)
    left join (select problem_id, any_value(prompt[:{_ASKED}]) as prompt from problems group by problem_id) p using (problem_id)
    """,
    f"""
    create temp table cube as
    select row_number() over ()::integer as combination, * from (
        select {_FACETS}, count(*) as n, sum(words)::bigint as words from unnumbered group by all
    )
    """,
    f"""
    create temp table browse as
    select u.place, c.combination, u.sample_id, u.problem_id, u.words, u.answer, u.asked from unnumbered u join cube c
    on {" and ".join(f"u.{name} is not distinct from c.{name}" for name in FACETS)} order by u.place
    """,
    "drop table unnumbered",
    """
    create temp table attempted as
    select night, method, status, reason, count(*) as n from attempts group by all
    """,
)
"""What a session does before the first question."""
_HELD = f"(select b.sample_id, b.problem_id, b.words, b.place, {_FACETS} from browse b join cube c using (combination))"
_LAKE = """(
    select s.* exclude (commit_id), h.outcome, h.reason, h.place{of_problem}
    from samples s join {held} h using (sample_id){problems}
)"""
_TEXTS = ("response", "text", "rejected", "answer", "array_to_string(steps, ' ')")
_HOLDS = " or ".join(f"{text} ilike $search escape '\\'" for text in _TEXTS)
_SEARCH = f"""
(starts_with(sample_id, $beginning) or sample_id in (select sample_id from samples where {_HOLDS})
or problem_id in (select problem_id from problems where prompt ilike $search escape '\\'))
"""
_PAGE = f"""
with page as (select place, nth from {{rows}} where {{where}} order by {{order}} limit $size offset $start)
select b.sample_id, b.problem_id, {_FACETS}, b.words, b.answer, b.asked
from page join browse b using (place) join cube using (combination) order by {{order}}
"""
_COUNT = "select null as name, null as value, coalesce(sum(n), 0)::bigint as n from {cube} where {where}"
_FACET = """
select * from (
    select '{name}' as name, {name}::varchar as value, sum(n)::bigint as n from {cube} where {where} group by all
    order by n desc, value limit {most}
)
"""


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
        among = f"combination in (select combination from cube where {where})" if choice.equal else "true"
        page = _PAGE.format(rows=rows, where=among, order=ORDERS[choice.order])
        counts, counted = _counts(choice.equal, cube)
        *_, listed, numbers = self._session.ask(
            [*before, (page, {**given, "start": start, "size": size}), (counts, counted)], choice.where or None
        )
        facets: dict[str, list[tuple[str, int]]] = {name: [] for name in FACETS}
        count = 0
        for row in sorted(numbers.to_pylist(), key=lambda row: (-row["n"], row["value"] or "")):
            if row["name"] is None:
                count = row["n"]
            else:
                facets[row["name"]].append((row["value"] or "", row["n"]))
        return Page(listed.to_pylist(), count, facets)

    def night_of(self, sample_id: str) -> str | None:
        """Return the night of a row; None where the row is not among these."""
        rows = self._all(
            "select night from browse join cube using (combination) where sample_id = $id", {"id": sample_id}
        )
        return str(rows[0]["night"]) if rows else None

    def cube(self) -> list[dict[str, Any]]:
        """Return how many rows, with how many words, there are by night, method, outcome and reason."""
        return self._all(
            "select night, method, outcome, reason, sum(n)::bigint as n, sum(words)::bigint as words from cube group by all "
            "order by night desc, method, outcome, n desc"
        )

    def attempts(self) -> list[dict[str, Any]]:
        """Return how many attempts there are by night, method, status and reason."""
        return self._all("select * from attempted order by night desc, method, status, n desc")

    def _all(self, statement: str, values: Mapping[str, Any] | None = None) -> list[dict[str, Any]]:
        return list(self._session.ask([(statement, dict(values or {}))])[0].to_pylist())

    def _relations(self, choice: Choice) -> tuple[str, str, list[Statement]]:
        """Return the tables with the rows and with their counts before `equal`, and what must run to have them.

        A choice by more than columns is made once and kept: other columns and other pages do not look for the text again.
        """
        parts, given = _costly(choice)
        if not parts:
            return "(select *, place as nth from browse)", "cube", []
        key = digest(parts, sorted((name, str(value)) for name, value in given.items()), length=16)
        rows, cube = f"rows_{key}", f"cube_{key}"
        nth = "list_position($among, sample_id)" if choice.among is not None else "place"
        before: list[Statement] = [
            (
                f"create temp table if not exists {rows} as "
                f"select place, combination, words, {nth} as nth from browse where {' and '.join(parts)}",
                given,
            ),
            (
                f"create temp table if not exists {cube} as select c.* replace (r.n as n) from cube c "
                f"join (select combination, count(*) as n from {rows} group by combination) r using (combination)",
                {},
            ),
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
        parts.append(_SEARCH)
    if choice.where:
        parts.append(_condition(choice.where))
    if choice.among is not None:
        given["among"] = list(choice.among)
        parts.append("sample_id in (select unnest($among::varchar[]))")
    if choice.without:
        given["without"] = list(choice.without)
        parts.append("sample_id not in (select unnest($without::varchar[]))")
    return parts, given


def _condition(where: str) -> str:
    """A person's condition over the relation that holds its columns and reads the least."""
    columns = condition_columns(where)
    if columns <= set(FACETS):
        return f"combination in (select combination from cube samples where ({where}\n))"
    if columns <= set(HELD):
        return f"place in (select place from {_HELD} samples where ({where}\n))"
    asks_problems = not columns.isdisjoint(_OF_PROBLEMS)
    lake = _LAKE.format(
        held=_HELD,
        of_problem="".join(f", p.{name}" for name in _OF_PROBLEMS) if asks_problems else "",
        problems=f" left join {_PROBLEMS} p on p.problem_id = s.problem_id" if asks_problems else "",
    )
    return f"place in (select place from {lake} samples where ({where}\n))"


def _counts(equal: Mapping[str, str], cube: str) -> Statement:
    """How many rows are chosen (without a name), and for each column its values if that column alone were free."""
    where, given = _equal(equal)
    parts = [_COUNT.format(cube=cube, where=where)]
    for name in FACETS:
        where, _ = _equal({column: value for column, value in equal.items() if column != name})
        parts.append(_FACET.format(name=name, cube=cube, where=where, most=_VALUES))
    return " union all ".join(parts), given


def _equal(equal: Mapping[str, str]) -> tuple[str, dict[str, Any]]:
    parts = ["true"]
    for name in equal:
        parts.append(f"coalesce({name}::varchar, '') = $is_{name}")
    return " and ".join(parts), {f"is_{name}": value for name, value in equal.items()}


def _pattern(text: str) -> str:
    """The text anywhere, as `ilike` wants it."""
    return "%" + re.sub(r"([%_\\])", r"\\\1", text) + "%"
