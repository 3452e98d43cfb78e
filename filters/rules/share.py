"""Caps on the share of a kind of rows: at most so many of a method's rows may, say, only confirm a right attempt.

A row that belongs to a capped kind says so in its notes (`synth.notes.Share`). Over the night, those with the least draws are
kept until the cap is reached, so neither sharding nor order decides.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence

from filters.base import Context, Finding, Options, fail, night_filter
from filters.findings import pass_but
from filters.row_blocks import ids_of
from filters.rows import Row


@night_filter("share", version="1", last=True)
def share(rows: Sequence[Row], context: Context, options: Options) -> Mapping[str, Finding]:
    """A capped kind of rows stays below its share of the method's rows; among those that nothing else rejects."""
    findings: dict[str, Finding] = {}
    capped: dict[tuple[str, str], list[tuple[float, str, float]]] = defaultdict(list)
    others: dict[str, int] = defaultdict(int)
    for row in rows:
        if not context.may_represent(row):
            continue
        note = row.notes.share
        if note is not None:
            capped[row.method, note.of].append((note.draw, row.sample_id, note.cap))
        else:
            others[row.method] += 1
    for (method, kind), members in capped.items():
        cap = min(member[2] for member in members)
        room = len(members) if cap >= 1 else int(cap / (1 - cap) * others[method] + 1e-9)
        for _, sample_id, _ in sorted(members)[room:]:
            findings[sample_id] = fail("over_share", share_of=kind, cap=cap)
    return pass_but(ids_of(rows), findings)
