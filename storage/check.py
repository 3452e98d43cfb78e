"""Checks of a whole lake: that commits are whole, the books balance, releases are what they were, and files can be read.

Not covered: a flipped bit inside a Parquet page that decodes to another value (lake files have no recorded hash yet).
"""

from collections.abc import Callable, Iterator

from storage.errors import LakeError
from storage.lake import Lake
from storage.ledger import Ledger
from storage.published import check as reconcile
from storage.release_checks import verify_release
from storage.releases import get_release, release_ids
from storage.schema import TABLES


def check_lake(lake: Lake, said: Callable[[str], None] = lambda step: None) -> list[str]:
    """Check every invariant and return what is wrong, a sentence each; empty when nothing is.

    Args:
        lake: The lake.
        said: Told the name of each step before it begins.
    """
    found: list[str] = []
    for name, step in {
        "commits": _commits, "files": _files, "funnel": _funnel, "releases": _releases, "ledger": _ledger,
    }.items():  # fmt: skip
        said(name)
        try:
            found += step(lake)
        except LakeError as error:
            found.append(f"{name}: {error}")
    return found


def _commits(lake: Lake) -> Iterator[str]:
    for row in lake.rows("select key, count(*) as n from commits group by key having n > 1"):
        yield f"commit {row['key']} was made {row['n']} times"
    last = lake.rows("select count(*) as n, coalesce(max(seq), 0) as last from commits")[0]
    if last["n"] != last["last"]:
        yield f"the lake has {last['n']} commits and the last is number {last['last']}"
    rows = " union all ".join(f"select commit_id from {name}" for name in TABLES)
    for row in lake.rows(
        f"select c.key, c.rows, count(r.commit_id) as n from commits c left join ({rows}) r using (commit_id) "
        "group by c.commit_id, c.key, c.rows having c.rows <> n"
    ):
        yield f"commit {row['key']} has {row['n']:,} rows of {row['rows']:,}"
    for row in lake.rows(f"select count(*) as n from ({rows}) r anti join commits using (commit_id) having n > 0"):
        yield f"{row['n']:,} rows belong to no commit"


def _files(lake: Lake) -> Iterator[str]:
    for name, schema in {name: TABLES[name] for name in sorted(TABLES)}.items():
        columns = ", ".join(f'count("{field.name}")' for field in schema)
        try:
            lake.query(f"select sum(hash(t)::double), {columns} from {name} t")  # reads every column of every file
        except LakeError as error:
            yield f"table {name}: {error}"


def _funnel(lake: Lake) -> Iterator[str]:
    """Finished nights only: a night at work has open attempts."""
    for row in lake.rows(
        "select * from funnel where night in (select night from runs where event = 'finished' and run_id like 'night/%') "
        "and (planned <> done + failed or made <> accepted + rejected)"
    ):
        yield (
            f"night {row['night']}, {row['method']}: planned {row['planned']}, done {row['done']}, failed {row['failed']}; "
            f"made {row['made']}, accepted {row['accepted']}, rejected {row['rejected']}"
        )


def _releases(lake: Lake) -> Iterator[str]:
    for release_id in release_ids(lake):
        yield from verify_release(lake, get_release(lake, release_id))


def _ledger(lake: Lake) -> Iterator[str]:
    if not lake.workspace.ledger.exists():
        return
    with Ledger(lake.workspace.ledger) as ledger:
        result = reconcile(ledger, lake)
    if not result.agree:
        yield f"the ledger and the lake disagree: {', '.join(result.examples)}; see `nightschool ledger check`"
