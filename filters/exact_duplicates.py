"""Rows that teach exactly what another row teaches, tonight or in any night before."""

from collections.abc import Mapping, Sequence

from filters.base import PASS, Context, Finding, fail, night_filter
from filters.normal_form import normal_form
from filters.rows import Row


@night_filter("exact_duplicates", version="1")
def exact_duplicates(rows: Sequence[Row], context: Context, options: object) -> Mapping[str, Finding]:
    """No row before it, by sample id or in history, has the same normal form."""
    tonight = {row.sample_id for row in rows}
    kept = _history(context, tonight)
    findings: dict[str, Finding] = {}
    for row in rows:
        form = normal_form(row, context)
        if form in kept:
            sample_id, night = kept[form]
            findings[row.sample_id] = fail("duplicate", kept=sample_id, night=night)
            continue
        findings[row.sample_id] = PASS
        if context.may_represent(row):
            kept[form] = (row.sample_id, row.night)
    return findings


def _history(context: Context, tonight: set[str]) -> dict[str, tuple[str, str | None]]:
    """Normal forms of history with id and night, without tonight's own rows (a night that is judged again)."""
    history = context.history
    if history is None or history.num_rows == 0:
        return {}
    ids, forms = history["sample_id"].to_pylist(), history["exact"].to_pylist()
    nights = history["night"].to_pylist() if "night" in history.column_names else [None] * len(ids)
    found: dict[str, tuple[str, str | None]] = {}
    for sample_id, form, night in sorted(zip(ids, forms, nights, strict=True), key=lambda item: item[0]):
        if sample_id not in tonight:
            found.setdefault(form, (sample_id, night))
    return found
