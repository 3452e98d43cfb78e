"""Rows that teach exactly what another row teaches, tonight or in any night before."""

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

from filters.base import PASS, Context, Finding, fail, night_filter
from filters.duplicates.history import past_runs, same_before
from filters.duplicates.normal_form import normal_form
from filters.findings import by_number
from filters.night_ids import flags, lookup
from filters.row_blocks import ids_of, in_blocks, nights_of
from filters.rows import Row


@night_filter("exact_duplicates", version="1")
def exact_duplicates(rows: Sequence[Row], context: Context, options: object) -> Mapping[str, Finding]:
    """No row before it, by sample id or in history, has the same normal form."""
    runs, ids = past_runs(context), ids_of(rows)
    tonight = lookup(ids)
    forms: list[npt.NDArray[np.bytes_]] = [np.zeros(0, "S32")]
    past: dict[int, tuple[str, str | None]] = {}
    start = 0
    for batch in in_blocks(rows):
        of_batch = [normal_form(row, context) for row in batch]
        past |= {start + index: before for index, before in same_before(runs, of_batch, tonight).items()}
        forms.append(np.array(of_batch, "S32"))
        start += len(of_batch)
    first, nights = first_of_each(np.concatenate(forms), flags(ids, context.eligible)), nights_of(rows)

    def finding(number: int) -> Finding:
        if before := past.get(number):
            sample_id, night = before
            return fail("duplicate", kept=sample_id, night=night)
        kept = int(first[number])
        return fail("duplicate", kept=ids[kept], night=nights[kept]) if 0 <= kept < number else PASS

    return by_number(ids, finding)


def first_of_each(forms: npt.NDArray[np.bytes_], may: npt.NDArray[np.uint8]) -> npt.NDArray[np.int64]:
    """Return for each row the first one of the same form that may represent it, -1 where none may."""
    _, group = np.unique(forms, return_inverse=True)
    first = np.full(len(forms), -1, np.int64)
    eligible = np.flatnonzero(may)[::-1]
    first[group[eligible]] = eligible  # of several the last assignment stays
    of_rows: npt.NDArray[np.int64] = first[group]
    return of_rows
