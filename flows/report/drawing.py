"""Rows of SQL on a terminal: a table that fits the window, or, where there are few rows, one value under another."""

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime, time
from decimal import Decimal
from typing import Any, NamedTuple

from rich.cells import cell_len, set_cell_size

from flows.report.intervals import interval
from flows.report.terminal import visible

NULL = "NULL"
WIDEST = 60
"""Cells of a column that has to share the window with others; one that has room is not cut."""
NARROWEST = 8
FEW = 20
"""Rows that are drawn one value under another when their columns do not fit side by side."""
_BETWEEN = "  "


class Table(NamedTuple):
    """Rows ready to be drawn.

    Attributes:
        names: Names of the columns.
        cells: Text of each value, row by row.
        right: Whether a column stands at the right (numbers).
    """

    names: list[str]
    cells: list[list[str]]
    right: list[bool]


def table(names: Sequence[str], rows: Sequence[Mapping[str, Any]]) -> Table:
    """Return rows as text."""
    right = [
        any(row[name] is not None for row in rows) and all(row[name] is None or _is_number(row[name]) for row in rows)
        for name in names
    ]
    return Table([visible(name) for name in names], [[text(row[name]) for name in names] for row in rows], right)


def text(value: Any) -> str:
    """Return a value as people write it; characters that steer a terminal are codes."""
    match value:
        case None:
            return NULL
        case bool():
            return str(value).lower()
        case float():
            return f"{value:.10g}" if math.isfinite(value) else str(value)
        case datetime() | date() | time():
            return str(value)
        case bytes():
            return f"\\x{value.hex()}"
        case list() | dict():
            return visible(json.dumps(value, ensure_ascii=False, default=text))
    return visible(interval(value) or str(value))


def draw(rows: Table, mode: str, width: int | None) -> tuple[Iterator[str], list[str]]:
    """Return lines, and the names of the columns whose cells were cut.

    Args:
        rows: What is drawn.
        mode: `table`, `vertical`, or `auto`: vertical where few rows do not fit side by side.
        width: Cells of a line; None for as many as it takes, each column at most `WIDEST`.
    """
    widths = _widths(rows, width)
    if mode == "vertical" or (mode == "auto" and sum(widths) == 0):
        return _vertical(rows), []
    if sum(widths) == 0:
        widths = [min(NARROWEST, natural) for natural in _natural(rows)]
    cut = [
        name
        for column, name in enumerate(rows.names)
        if any(
            _flat(cells[column]) != cells[column] or cell_len(cells[column]) > widths[column] for cells in rows.cells
        )
    ]
    return _side_by_side(rows, widths), cut


def _natural(rows: Table) -> list[int]:
    return [
        max([cell_len(name), *(cell_len(_flat(cells[column])) for cells in rows.cells)])
        for column, name in enumerate(rows.names)
    ]


def _widths(rows: Table, width: int | None) -> list[int]:
    """Return the width of each column; all 0 where few rows do not fit beside each other."""
    widths = _natural(rows)
    if width is None:
        return [min(natural, WIDEST) for natural in widths]
    room = width - len(_BETWEEN) * (len(widths) - 1)
    cut = False
    while sum(widths) > room and (most := max(widths, default=0)) > NARROWEST:
        others = [natural for natural in widths if natural < most]
        as_wide = widths.count(most)
        floor = max([NARROWEST, *others])
        level = max(floor, (room - sum(others)) // as_wide)
        widths = [min(natural, level) for natural in widths]
        cut = cut or level < WIDEST // 2
    fits = sum(widths) <= room
    return [0] * len(widths) if len(rows.cells) <= FEW and (cut or not fits) else widths


def _side_by_side(rows: Table, widths: Sequence[int]) -> Iterator[str]:
    def line(cells: Sequence[str]) -> str:
        return _BETWEEN.join(
            _fit(cell, width, right) for cell, width, right in zip(cells, widths, rows.right, strict=True)
        ).rstrip()

    yield line(rows.names)
    yield _BETWEEN.join("─" * width for width in widths)
    for cells in rows.cells:
        yield line(cells)


def _vertical(rows: Table) -> Iterator[str]:
    most = max(map(cell_len, rows.names), default=0)
    for number, cells in enumerate(rows.cells, 1):
        yield f"── row {number} " + "─" * max(0, most)
        for name, cell in zip(rows.names, cells, strict=True):
            first, *more = cell.split("\n")
            yield f"{set_cell_size(name, most)}{_BETWEEN}{first}".rstrip()
            for part in more:
                yield f"{' ' * most}{_BETWEEN}{part}".rstrip()


def _fit(cell: str, width: int, right: bool) -> str:
    flat = _flat(cell)
    size = cell_len(flat)
    if size > width:
        return set_cell_size(flat, max(width - 1, 0)) + "…"
    return " " * (width - size) + flat if right else flat + " " * (width - size)


def _flat(cell: str) -> str:
    return cell.replace("\n", "⏎").replace("\t", " ")


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float | Decimal) and not isinstance(value, bool)
