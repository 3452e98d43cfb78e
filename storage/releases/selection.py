"""Some rows of a release, or some of the lake's problems: by SQL, method and task, and a stable choice among those.

The condition is a recipe's author's: it is inspected like that of `release create --where`, and sees the same columns (of
problems: those of `problems`).
"""

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import duckdb
import pyarrow as pa

from storage.catalog.duck import connect, quote, within
from storage.errors import LakeError, QueryError, RecipeError
from storage.lake.lake import Lake
from storage.releases.making import check_condition
from storage.releases.reading import Release
from storage.sql.conditions import take_into, taken
from storage.sql.inspection import CONDITION_S, inspect_condition, is_plain


@dataclass(frozen=True, slots=True)
class Selection:
    """Which rows, or problems.

    Attributes:
        where: SQL condition; None means every one.
        methods: Only rows of these methods; None means all.
        tasks: Only these tasks; None means all.
        limit: At most so many, chosen by `seed` and id, so that the choice is the same wherever and whenever it is made.
        seed: Seed of that choice.
    """

    where: str | None = None
    methods: tuple[str, ...] | None = None
    tasks: tuple[str, ...] | None = None
    limit: int | None = None
    seed: int = 0

    @property
    def condition(self) -> str:
        """The condition in SQL, the limit aside."""
        parts = [f"({self.where}\n)"] if self.where else []
        for column, names in (("method", self.methods), ("task", self.tasks)):
            if names is not None:
                parts.append(f"{column} in ({', '.join(_literal(name) for name in names) or 'null'})")
        return " and ".join(parts) or "true"

    @property
    def plain(self) -> bool:
        """Whether the inspected condition may run where its rows are read."""
        return self.where is None or is_plain(self.where)

    def choose(self, ids: Iterable[str]) -> list[str]:
        """Return at most `limit` of the ids that fit the condition, sorted; which, depends on `seed` and each id alone."""

        def rank(identity: str) -> tuple[str, str]:
            return hashlib.md5(f"{self.seed}/{identity}".encode(), usedforsecurity=False).hexdigest(), identity

        ids = sorted(ids)
        return ids if self.limit is None or len(ids) <= self.limit else sorted(sorted(ids, key=rank)[: self.limit])

    def inspect(self, relation: str = "accepted") -> None:
        """Refuse a condition that is more than one.

        Raises:
            QueryError: It cannot be parsed, escapes its place, names something closed, or depends on the clock or on chance.
        """
        if self.where is not None:
            inspect_condition(self.where, relation)


def _literal(text: str) -> str:
    return f"'{quote(text)}'"


def select_rows(release: Release, selection: Selection) -> pa.Table:
    """Return the selected rows of a release, in order of sample id. Only what is selected is held in memory.

    Raises:
        QueryError: The condition is more than a condition, takes too long or too much, or fails in its process.
        LakeError: The condition cannot be used, or a file of the export is damaged.
    """
    selection.inspect()
    export, condition = release.export(), selection.condition
    what = f"release {release.id}: condition {condition!r}"
    connection = connect()
    try:
        connection.execute(f"create view accepted as {export.view}")
        if not selection.plain:
            take_into(connection, "chosen", taken(export, f"select sample_id from accepted where {condition}", what))
            condition = "sample_id in (select id from chosen)"
        fitting = f"from accepted where {condition}"
        with within(connection, CONDITION_S, what):
            if selection.limit is None:
                return connection.execute(f"select * {fitting} order by sample_id").to_arrow_table()
            ids = selection.choose(row[0] for row in connection.execute(f"select sample_id {fitting}").fetchall())
            return connection.execute(
                "select * from accepted where sample_id in (select unnest(?::varchar[])) order by sample_id", [ids]
            ).to_arrow_table()
    except duckdb.Error as error:
        raise LakeError(f"{what}: {error}") from None
    finally:
        connection.close()


_DRAWN = """(
    select distinct on (problem_id) p.* exclude (commit_id) from problems p join commits c using (commit_id)
    where c.seq <= {at_seq} and p.split = 'train' and p.gold <> '' and not exists (
        select 1 from problems h where h.split <> 'train' and (h.structure_id = p.structure_id or h.problem_id = p.problem_id)
    )
    order by problem_id, c.seq
) problems"""


def select_problems(lake: Lake, selection: Selection, at_seq: int) -> list[dict[str, Any]]:
    """Return those of all problems drawn to be learned up to a commit that fit the condition, in order of id; limits aside.

    What shares its structure with a problem that is held out, for validation or of a benchmark is not among them. A problem
    that holds a benchmark item in its text may be: see `filters.night.benchmark_screening`.

    Args:
        lake: The lake.
        selection: Condition over the columns of `problems`; `methods` must be None.
        at_seq: Number of the commit.

    Raises:
        QueryError: The condition is more than a condition, takes too long or too much, or fails in its process.
        LakeError: The condition cannot be used.
    """
    selection.inspect("problems")
    drawn = _DRAWN.format(at_seq=int(at_seq))
    what, condition = f"condition {selection.condition!r}", selection.condition
    if not selection.plain:
        batches = taken(lake.workspace, f"select problem_id from {drawn} where {condition}", what)
        ids = [problem_id for batch in batches for problem_id in batch.column(0).to_pylist()]
        return lake.rows(
            f"select * from {drawn} where problem_id in (select unnest(?::varchar[])) order by problem_id", [ids]
        )
    with within(lake.connection, CONDITION_S, what):
        return lake.rows(f"select * from {drawn} where {condition} order by problem_id")


def check_selection(lake: Lake, selection: Selection, key: str, *, problems: bool = False) -> None:
    """Refuse a condition by which nothing could be selected, before there is anything.

    Args:
        lake: The lake.
        selection: The selection.
        key: Where its condition stands in the recipe.
        problems: It is one of problems.

    Raises:
        RecipeError: It is more than a condition, or names what rows (or problems) do not have.
    """
    if selection.where is None:
        return
    try:
        if problems:
            select_problems(lake, selection, 0)
        else:
            selection.inspect()
            check_condition(lake, selection.condition)
    except (LakeError, QueryError, RecipeError) as error:
        raise RecipeError(f"{key}.where = {selection.where!r}: {error}") from None


def any_of(selections: Sequence[Selection]) -> str:
    """Return the SQL condition of a row that at least one of these selects, limits aside; `true` when there is none."""
    return " or ".join(f"({selection.condition})" for selection in selections) or "true"
