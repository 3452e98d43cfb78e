"""The ledger and the lake: publish what is new here, adopt what other machines published, and check that both agree.

Until a call is published, "never made again" holds on this machine only. Another machine has it after it adopts the lake's
`calls`, which a night does once at its start for the models it asks. What is read then grows with what other machines have
published since the last time, not with history: each ledger notes per model how far it has read.
"""

from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from storage.ids import digest
from storage.lake.lake import Lake, table_of
from storage.ledger.calls import Call, of_lake, to_lake

if TYPE_CHECKING:
    from storage.ledger.ledger import Ledger

CHUNK = 10_000
"""Calls per commit to the lake; bounds memory."""


def publish(ledger: "Ledger", lake: Lake, night: str | None = None) -> int:
    """Bring the ledger's unpublished calls into the lake's `calls`, each once, and return how many were new there.

    A crash between the lake's commit and the ledger's mark is harmless: what the lake already has is only marked.
    """
    total = 0
    with lake.workspace.lock("publish"):
        while calls := ledger.unpublished(CHUNK):
            keys = [call.key for call in calls]
            in_lake = {
                row["call_id"]
                for row in lake.rows("select call_id from calls where call_id in (select unnest(?::varchar[]))", [keys])
            }
            fresh = [call for call in calls if call.key not in in_lake]
            if fresh:
                rows = table_of("calls", [to_lake(call, ledger.id) for call in fresh])
                lake.commit(
                    f"calls:{ledger.id}:{digest([call.key for call in fresh])}", "calls", {"calls": rows}, night=night
                )
            ledger.mark_published(keys)
            total += len(fresh)
    return total


def adopt(ledger: "Ledger", lake: Lake, models: Iterable[str]) -> int:
    """Bring what other machines published about these models into the ledger, and return how many calls were new.

    Args:
        ledger: The ledger of this machine.
        lake: The lake that the machines share.
        models: Identities of the models that are about to be asked.
    """
    total = 0
    for model in sorted(set(models)):
        read, last = int(ledger.note(f"adopted:{model}") or 0), lake.last_seq()
        commits = lake.rows(
            "select distinct m.commit_id, m.seq from calls c join commits m using (commit_id) "
            "where c.ledger <> ? and c.model = ? and m.seq > ? and m.seq <= ? order by m.seq",
            [ledger.id, model, read, last],
        )
        for commit in commits:
            calls = _of_commit(lake, commit["commit_id"], model)
            total += ledger.add(calls, published=True).new
        if last > read:
            ledger.set_note(f"adopted:{model}", str(last))
    return total


def _of_commit(lake: Lake, commit_id: str, model: str) -> Iterator[Call]:
    table = lake.query("select * from calls where commit_id = ? and model = ?", [commit_id, model])
    for batch in table.to_batches(max_chunksize=1000):
        yield from (of_lake(row) for row in batch.to_pylist())


@dataclass(frozen=True, slots=True)
class Reconciliation:
    """How the ledger of this machine and the lake stand to each other.

    Attributes:
        calls: Calls in the ledger.
        made: Of these, made by this machine's nights or adopted from others'.
        imported: Of these, imported.
        unpublished: Of these, not marked as published; the next night publishes them.
        lake_calls: Calls in the lake.
        lake_own: Of these, published by this ledger.
        missing_in_lake: Calls marked as published that the lake lacks.
        missing_in_ledger: Calls that this ledger published and does not hold any more.
        differing: Calls with one answer here and another in the lake.
        twice_in_lake: Calls that stand in the lake more than once.
        examples: Some keys of what is wrong.
    """

    calls: int
    made: int
    imported: int
    unpublished: int
    lake_calls: int
    lake_own: int
    missing_in_lake: int
    missing_in_ledger: int
    differing: int
    twice_in_lake: int
    examples: tuple[str, ...]

    @property
    def agree(self) -> bool:
        """Whether nothing is missing or different."""
        return not (self.missing_in_lake or self.missing_in_ledger or self.differing or self.twice_in_lake)

    def to_json(self) -> dict[str, Any]:
        """Return the figures as plain values."""
        return {**asdict(self), "examples": list(self.examples), "agree": self.agree}


_FAULTS = {
    "missing_in_lake": "select key from here where published and key not in (select call_id from calls)",
    "missing_in_ledger": "select call_id from calls where ledger = ? and call_id not in (select key from here)",
    "differing": "select key from here h join calls c on c.call_id = h.key where h.answer <> md5(c.response)",
    "twice_in_lake": "select call_id from calls group by call_id having count(*) > 1",
}


def check(ledger: "Ledger", lake: Lake) -> Reconciliation:
    """Compare the ledger with the lake: every published mark is in the lake, every call this ledger published is in it.

    Both are read as a whole, so this is a check for now and then, not for every night.
    """
    with lake.workspace.lock("publish"), lake.beside("here", ledger.standing()):
        (here,) = lake.rows(
            "select count(*) as calls, count(*) filter (where origin = 'made') as made, "
            "count(*) filter (where origin = 'imported') as imported, count(*) filter (where not published) as unpublished "
            "from here"
        )
        (there,) = lake.rows(
            "select count(*) as lake_calls, count(*) filter (where ledger = ?) as lake_own from calls", [ledger.id]
        )
        keys_by_fault = {
            name: [next(iter(row.values())) for row in lake.rows(statement, [ledger.id] * statement.count("?"))]
            for name, statement in _FAULTS.items()
        }
    examples = [key for keys in keys_by_fault.values() for key in keys[:5]]
    return Reconciliation(
        **here, **there, **{name: len(keys) for name, keys in keys_by_fault.items()}, examples=tuple(examples)
    )


def repair(ledger: "Ledger", lake: Lake) -> int:
    """Unmark calls that are marked as published but missing in the lake, so that the next publication brings them; count them."""
    with lake.beside("here", ledger.standing()):
        rows = lake.rows(_FAULTS["missing_in_lake"])
    ledger.mark_published([row["key"] for row in rows], published=False)
    return len(rows)
