"""Which rows of a night were made from rows that leak."""

from collections.abc import Sequence

import pyarrow as pa

from storage.lake.lake import Lake

_FAMILY = """
with recursive family as (select sample_id, parents from samples where night = $night and len(parents) > 0),
pairs as (select unnest(parents) as call, parents[-1] as own from family),
own as (
    select s.sample_id, s.parents[-1] as call from samples s join observations v using (sample_id)
    where s.night = $night and v.filter = 'decontamination' and v.outcome = 'fail'
),
leaking(call) as (
    select unnest($calls::varchar[]) union select call from own where call is not null
    union select p.own from pairs p join leaking l on p.call = l.call
)
select sample_id, parents from samples where night = $night and (
    sample_id in (select sample_id from own)
    or sample_id in (select sample_id from (select sample_id, unnest(parents) as call from family) semi join leaking using (call))
)
"""


def family(lake: Lake, night: str, calls: Sequence[str]) -> tuple[pa.Table, pa.Table]:
    """Return the samples of a night that decontamination rejects, and those that were made from them or from some calls.

    Returns:
        Their ids and parents, and what decontamination says of them.
    """
    samples = lake.query_named(_FAMILY, {"night": night, "calls": list(calls)})
    verdicts = lake.query(
        "select * exclude (commit_id, night) from observations where filter = 'decontamination' "
        "and sample_id in (select unnest(?::varchar[]))",
        [samples["sample_id"].to_pylist()],
    )
    return samples, verdicts
