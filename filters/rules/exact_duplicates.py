"""Rows that teach exactly what another row teaches, tonight or in any night before."""

from collections.abc import Mapping, Sequence

from filters.base import PASS, Context, Finding, fail, night_filter
from filters.duplicates.history import past_runs, same_before
from filters.duplicates.normal_form import normal_form
from filters.row_blocks import ids_of, in_blocks
from filters.rows import Row


@night_filter("exact_duplicates", version="1")
def exact_duplicates(rows: Sequence[Row], context: Context, options: object) -> Mapping[str, Finding]:
    """No row before it, by sample id or in history, has the same normal form."""
    runs, tonight = past_runs(context), set(ids_of(rows))
    kept: dict[str, tuple[str, str | None]] = {}
    findings: dict[str, Finding] = {}
    for batch in in_blocks(rows):
        forms = [normal_form(row, context) for row in batch]
        past = same_before(runs, forms, tonight)
        for index, (row, form) in enumerate(zip(batch, forms, strict=True)):
            if before := past.get(index) or kept.get(form):
                sample_id, night = before
                findings[row.sample_id] = fail("duplicate", kept=sample_id, night=night)
                continue
            findings[row.sample_id] = PASS
            if context.may_represent(row):
                kept[form] = (row.sample_id, row.night)
    return findings
