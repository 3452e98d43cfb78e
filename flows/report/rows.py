"""How the rows of a statement are shown or kept: a table on the terminal, JSON, CSV, a Parquet file; batch by batch."""

import os
import pydoc
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from flows.report.drawing import draw, table
from flows.report.intervals import interval
from flows.report.json_text import to_json
from flows.report.summary import print_table
from flows.report.terminal import visible
from storage.atomic import atomic_file
from storage.errors import QueryError
from storage.modes import users_umask
from storage.sql.describe import Relation
from storage.sql.run import Answer

_FORMULA = ("=", "+", "-", "@", "\uff1d", "\uff0b", "\uff0d", "\uff20")
_SKIPPED = " \t\r\n\0\ufeff"
"""What a spreadsheet skips at the beginning of a cell."""
SHOWN = 1000
"""Rows of a table on the terminal."""


def show(answer: Answer, mode: str = "auto") -> None:
    """Draw rows, the first thousand of them; how many there are beyond, and what was cut, is said on stderr.

    What does not fit a terminal goes through its pager.

    Args:
        answer: The rows.
        mode: `table`, `vertical`, or `auto`.
    """
    rows: list[dict[str, Any]] = []
    more = 0
    for batch in answer:
        room = SHOWN - len(rows)
        rows += batch.slice(0, room).to_pylist()
        more += max(0, batch.num_rows - room)
    size = shutil.get_terminal_size() if sys.stdout.isatty() else None
    lines, cut = draw(table(answer.schema.names, rows), mode, size and size.columns)
    drawn = list(lines)
    if size is not None and len(drawn) >= size.lines and sys.stdin.isatty():
        os.environ.setdefault("LESS", "-FRX")
        pydoc.pager("\n".join(drawn) + "\n")
    else:
        for line in drawn:
            sys.stdout.write(f"{line}\n")
        sys.stdout.flush()
    notes = [f"{len(rows) + more:,} row{'' if len(rows) + more == 1 else 's'}"]
    if more:
        notes.append(f"{more:,} not shown: --csv, --json or --parquet FILE give all")
    if cut:
        notes.append(f"cut: {', '.join(cut[:6])}{' ...' if len(cut) > 6 else ''}; --mode vertical shows them whole")
    sys.stderr.write(f"{'; '.join(notes)}\n")


def write_json(answer: Answer) -> None:
    """Print rows as a JSON array, a row per line."""
    separator = "["
    for row in _rows(answer):
        plain = {name: interval(value) or value for name, value in row.items()}
        sys.stdout.write(f"{separator}\n{to_json(plain)}")
        separator = ","
    sys.stdout.write("\n]\n" if separator == "," else "[]\n")


def write_csv(answer: Answer, *, spreadsheet: bool = False) -> None:
    """Print rows as CSV; lists and structs as JSON inside their cell.

    On a terminal, characters that steer it are shown as codes; what goes to a file or another program is not changed.

    Args:
        answer: The rows.
        spreadsheet: Put an apostrophe before texts that a spreadsheet would compute (`=`, `+`, `-`, `@`).
    """
    import csv

    writer, on_terminal = csv.writer(_LineFeeds()), sys.stdout.isatty()

    def cell(value: Any) -> Any:
        text = to_json(value) if isinstance(value, list | dict) else interval(value) or value
        if not isinstance(text, str):
            return text
        if spreadsheet and text.lstrip(_SKIPPED).startswith(_FORMULA):
            text = f"'{text}"
        return visible(text) if on_terminal else text

    writer.writerow([cell(name) for name in answer.schema.names])
    for row in _rows(answer):
        writer.writerow([cell(value) for value in row.values()])


class _LineFeeds:
    """Ends the rows of a CSV writer with a line feed; the writer quotes a carriage return only where it may end a row with one."""

    def write(self, row: str) -> int:
        """Write one row."""
        return sys.stdout.write(row.removesuffix("\r\n") + "\n")


def write_parquet(answer: Answer, target: Path) -> int:
    """Write rows to a new Parquet file, all or nothing, and return how many.

    Raises:
        QueryError: The file exists, or its folder does not.
    """
    if target.exists() or not target.parent.is_dir():
        raise QueryError(f"{target}: " + ("exists already; name another file" if target.exists() else "no such folder"))
    count = 0
    with (
        users_umask(),
        atomic_file(target) as making,
        pq.ParquetWriter(making, answer.schema, compression="zstd") as writer,
    ):
        for batch in answer:
            writer.write_batch(batch)
            count += batch.num_rows
    return count


def show_schema(relations: list[Relation]) -> None:
    """Print tables and views with what their columns mean."""
    for relation in relations:
        columns = [
            {"column": column.name, "type": column.type, "meaning": column.comment} for column in relation.columns
        ]
        print_table(
            ["column", "type", "meaning"], columns, title=f"{relation.name} ({relation.kind}): {relation.comment}"
        )


def _rows(answer: Answer) -> Iterator[dict[str, Any]]:
    for batch in answer:
        yield from batch.to_pylist()
