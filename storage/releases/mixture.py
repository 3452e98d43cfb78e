"""Mixtures: how many rows of each method or source a release takes, chosen by a hash of their ids, so that everybody gets the same.

`method:cot=5000` is a cap in rows, `source:gsm8k=30%` a share of the whole. Caps come first. Shares are of one column; the set is
made as large as they allow. What no share names fills the rest in its natural proportions; when the shares sum up to 100 %, it
is left out. A larger cap or a grown lake adds rows and keeps those that were chosen before, as long as none with a smaller hash
comes in.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

from storage.catalog.duck import quote
from storage.errors import RecipeError

COLUMNS = ("method", "source", "task")
_PART = re.compile(r"(?:(?P<column>[a-z]+):)?(?P<name>[^=]+)=(?P<value>[^=]+)")


@dataclass(frozen=True, slots=True)
class Mixture:
    """What to take.

    Attributes:
        caps: Most rows, by (column, name).
        shares: Share of the whole, by name.
        column: The column that the shares are of.
    """

    caps: Mapping[tuple[str, str], int] = field(default_factory=dict)
    shares: Mapping[str, Fraction] = field(default_factory=dict)
    column: str = "method"

    def to_json(self) -> dict[str, str]:
        """Return the mixture as it was written."""
        caps = {f"{column}:{name}": str(cap) for (column, name), cap in self.caps.items()}
        return caps | {f"{self.column}:{name}": f"{float(100 * share):g}%" for name, share in self.shares.items()}


def read_mixture(parts: Iterable[str]) -> Mixture:
    """Read `[COLUMN:]NAME=ROWS` and `[COLUMN:]NAME=PERCENT%`; the column is `method` when none is named.

    Raises:
        RecipeError: A part cannot be read, two columns have shares, or the shares are more than 100 %.
    """
    caps: dict[tuple[str, str], int] = {}
    shares: dict[str, Fraction] = {}
    columns: set[str] = set()
    for part in parts:
        match = _PART.fullmatch(part.strip())
        column = (match["column"] or "method") if match else ""
        if not match or column not in COLUMNS:
            raise RecipeError(f"mixture {part!r}: write method:cot=5000 (rows) or source:gsm8k=30% (a share)")
        name, value = match["name"].strip(), match["value"].strip()
        if re.fullmatch(r"\d+", value):
            caps[column, name] = int(value)
        elif re.fullmatch(r"\d+(\.\d+)?%", value) and 0 < Fraction(value[:-1]) <= 100:
            shares[name] = Fraction(value[:-1]) / 100
            columns.add(column)
        else:
            raise RecipeError(
                f"mixture {part!r}: {value!r} is neither a number of rows nor a share above 0 and up to 100%"
            )
    if len(columns) > 1:
        raise RecipeError(f"mixture: shares are of one column; these are of {' and '.join(sorted(columns))}")
    if sum(shares.values()) > 1:
        raise RecipeError(f"mixture: the shares sum up to {float(100 * sum(shares.values())):g}%; at most 100%")
    return Mixture(caps, shares, columns.pop() if columns else "method")


def apply_mixture(connection: Any, mixture: Mixture) -> None:
    """Delete from the temporary table `picked` (sample_id, method, source, task) what the mixture leaves out.

    Raises:
        RecipeError: The mixture names something of which there is no row.
    """
    for (column, name), cap in mixture.caps.items():
        _known(connection, column, name)
        _keep(connection, column, name, cap)
    if not mixture.shares:
        return
    for name in mixture.shares:
        _known(connection, mixture.column, name)
    rows = connection.execute(f"select {mixture.column}, count(*) from picked group by all order by all").fetchall()
    counts = {str(name): int(count) for name, count in rows}
    for name, cap in targets(counts, mixture.shares).items():
        _keep(connection, mixture.column, name, cap)


def targets(counts: Mapping[str, int], shares: Mapping[str, Fraction]) -> dict[str, int]:
    """Return how many rows of each group make the largest set with these shares."""
    rest = {name: count for name, count in counts.items() if name not in shares}
    free = 1 - sum(shares.values(), Fraction(0))
    bounds = [counts[name] / share for name, share in shares.items()]
    others = sum(rest.values())
    if free > 0 and others:
        bounds.append(Fraction(others) / free)
    total = min(bounds)
    kept = {name: int(share * total) for name, share in shares.items()}
    return kept | {name: int(count * free * total / others) for name, count in rest.items()}


def _known(connection: Any, column: str, name: str) -> None:
    if not connection.execute(f"select 1 from picked where {column} = ? limit 1", [name]).fetchone():
        names = [
            str(row[0]) for row in connection.execute(f"select distinct {column} from picked order by all").fetchall()
        ]
        raise RecipeError(f"mixture: no row has {column} {name!r}; there are {', '.join(names)}")


def _keep(connection: Any, column: str, name: str, cap: int) -> None:
    connection.execute(
        f"delete from picked where sample_id in (select sample_id from picked where {column} = '{quote(name)}' "
        f"qualify row_number() over (order by md5(sample_id), sample_id) > {cap})"
    )
