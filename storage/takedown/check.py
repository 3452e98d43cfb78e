"""Check of takedowns: that each is done, also on this machine, and that nothing of it is in the lake or in a release."""

from collections.abc import Iterator

from storage.lake.lake import Lake
from storage.schema import Tie, ties
from storage.takedown.carry_out import unfinished

_FINISH = "`nightschool lake takedown --resume` finishes it"


def wrong_takedowns(lake: Lake) -> Iterator[str]:
    """Say which takedowns are not finished, which rows are back, and which release lacks its successor."""
    unfinished_ids = {takedown.takedown_id for takedown in unfinished(lake)}
    for name in sorted(unfinished_ids):
        yield f"takedown {name} is not finished; {_FINISH}"
    for row in lake.rows("select distinct takedown_id as name from takedowns where event = 'done' order by all"):
        if (
            row["name"] not in unfinished_ids
            and not (lake.workspace.root / "takedowns" / f"{row['name']}.purged").exists()
        ):
            yield f"takedown {row['name']} was done elsewhere, not on this machine; {_FINISH}"
    yield from _back(lake, unfinished_ids)
    for row in lake.rows(
        "select distinct r.release_id, t.takedown_id from release_rows r join "
        "(select takedown_id, unnest(sample_ids) as sample_id from takedowns where event = 'done') t using (sample_id) "
        "where release_id not in (select release_id from redactions) order by all"
    ):
        yield (
            f"release {row['release_id']} names a row that takedown {row['takedown_id']} removed and has no successor; "
            "take that row down again"
        )


def _back(lake: Lake, unfinished_ids: set[str]) -> Iterator[str]:
    for tie in [Tie("samples", "sample_id", "sample"), *ties()]:
        for row in lake.rows(
            f"select t.takedown_id, count(*) as n, min(t.id) as example from {tie.table} r "
            f"join (select distinct takedown_id, unnest({tie.kind}_ids) as id from takedowns where event = 'done') t "
            f"on r.{tie.column} = t.id where {tie.condition} group by t.takedown_id order by all"
        ):
            if row["takedown_id"] not in unfinished_ids:
                yield (
                    f"takedown {row['takedown_id']}: {row['n']:,} rows of {tie.table} are back, {row['example']} for one; "
                    "bring a back-up back with `nightschool lake restore`, which takes them down again"
                )
