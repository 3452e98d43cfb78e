"""Leaks are inherited: a row that was made from a flagged row, or that is about a flagged problem, is flagged too.

A row was made from another when the call that wrote the other (its last parent) is among its own parents: a critique of an
answer, a correction, a debate.
"""

import json
from collections.abc import Mapping

import pyarrow as pa

from filters.base import VERDICTS

FILTER = "decontamination"
REASON = "inherited"


def flagged_sources(samples: pa.Table, verdicts: pa.Table) -> dict[str, str]:
    """Return the calls that wrote flagged rows, with the row (the first by id)."""
    bad = _failed(verdicts)
    rows = sorted(zip(samples["sample_id"].to_pylist(), samples["parents"].to_pylist(), strict=True))
    sources: dict[str, str] = {}
    for sample_id, parents in rows:
        if sample_id in bad and parents:
            sources.setdefault(parents[-1], sample_id)
    return sources


def inherit(samples: pa.Table, verdicts: pa.Table, flagged: Mapping[str, str] | None = None) -> pa.Table:
    """Return failing verdicts for the rows that inherit a flag and do not have one of their own.

    Args:
        samples: The rows, with `sample_id` and `parents`.
        verdicts: What the filters said.
        flagged: Flagged calls of other nights, as `flagged_sources` returns them.
    """
    bad = _failed(verdicts)
    sources = {**(flagged or {}), **flagged_sources(samples, verdicts)}
    versions = {
        name: version
        for name, version in zip(verdicts["filter"].to_pylist(), verdicts["version"].to_pylist(), strict=True)
        if name == FILTER
    }
    rows: list[dict[str, str | None]] = []
    open_rows = dict(sorted(zip(samples["sample_id"].to_pylist(), samples["parents"].to_pylist(), strict=True)))
    while True:  # a child's own call is a source for its children
        inherited = {
            sample_id: next(sources[call] for call in parents if call in sources)
            for sample_id, parents in open_rows.items()
            if sample_id not in bad and any(call in sources for call in parents or ())
        }
        if not inherited:
            return pa.Table.from_pylist(rows, schema=VERDICTS)
        for sample_id, source in inherited.items():
            detail = json.dumps({"from": source}, sort_keys=True)
            rows.append(
                {"sample_id": sample_id, "filter": FILTER, "version": versions.get(FILTER), "outcome": "fail",
                 "reason": REASON, "detail": detail}
            )  # fmt: skip
            bad.add(sample_id)
            sources.setdefault(open_rows[sample_id][-1], sample_id)


def _failed(verdicts: pa.Table) -> set[str]:
    columns = (verdicts[name].to_pylist() for name in ("sample_id", "filter", "outcome"))
    return {sample_id for sample_id, name, outcome in zip(*columns, strict=True) if (name, outcome) == (FILTER, "fail")}
