"""The books at the end of a soak: rows against a run that nothing disturbed, calls against the server's book, what is left."""

from collections import Counter, defaultdict
from collections.abc import Sequence
from typing import Any

from storage.catalog.leases import list_leases
from storage.lake.lake import Lake
from storage.upkeep.check import check_lake
from storage.workspace import Workspace

from .faults import Done
from .machine import Machine

_IDS = {"samples": "sample_id", "calls": "call_id", "problems": "problem_id", "release_rows": "(release_id, sample_id)"}


def rows_lost_and_doubled(machine: Machine, undisturbed: set[str], nights: Sequence[str]) -> dict[str, Any]:
    """Compare the lake with the rows of the undisturbed run, and with itself.

    Args:
        machine: The machine.
        undisturbed: Samples of the method `cot` that an undisturbed run of the same nights made; they depend on no student.
        nights: The nights' ids.
    """
    with Lake(Workspace.open(machine.workspace), read_only=True) as lake:
        made_rows = Counter(row["sample_id"] for row in lake.rows("select sample_id from samples where method = 'cot'"))
        doubled = {
            table: lake.rows(f"select (count(*) - count(distinct {key}))::bigint as n from {table}")[0]["n"]
            for table, key in _IDS.items()
        }
        ended = lake.rows(
            "select (count(*) - count(distinct attempt_id))::bigint as n from attempts where status <> 'planned'"
        )
        open_attempts = lake.rows("select coalesce(sum(planned - done - failed), 0)::bigint as n from funnel")
        unreleased = lake.rows(
            "select count(*) as n from accepted where sample_id not in (select sample_id from release_rows "
            "where release_id = (select release_id from releases order by version desc limit 1))"
        )
        released = {
            row["night"]: row["n"] for row in lake.rows("select night, count(*) as n from releases group by all")
        }
        trained = lake.rows(
            "select summary->>'$.release' as release, count(*) as n from runs where run_id like 'train/%' "
            "and event = 'finished' group by all order by all"
        )
        leases = [lease.to_json() for lease in list_leases(lake.catalog)]
        totals = lake.rows("select count(*) as samples, count(distinct night) as nights from samples")[0]
    lost = len(undisturbed - set(made_rows)) + open_attempts[0]["n"] + unreleased[0]["n"]
    surplus = len(set(made_rows) - undisturbed)
    return {
        "lost_rows": lost,
        "duplicate_rows": sum(doubled.values()) + ended[0]["n"] + surplus,
        "rows": totals["samples"],
        "releases_by_night": {night: released.get(night, 0) for night in nights},
        "releases_trained": {row["release"]: row["n"] for row in trained},
        "stuck_leases": len(leases),
    }


def calls_paid_again(machine: Machine, faults: Sequence[Done]) -> dict[str, int]:
    """Count the calls that the server answered more than once, and of these the ones a fault excuses.

    An answer is excused when it was given within the group commit's window before a kill, or while nothing could be
    recorded: those are the calls in flight.
    """
    given: dict[str, list[float]] = defaultdict(list)
    for moment, seed in machine.model.answers():
        given[seed].append(moment)
    excused = again = 0
    for moments in given.values():
        for earlier in sorted(moments)[:-1]:
            if any(fault.start <= earlier <= fault.end for fault in faults):
                excused += 1
            else:
                again += 1
    return {"calls": len(given), "calls_repeated": again, "calls_in_flight_repeated": excused}


def lake_faults(machine: Machine) -> list[str]:
    """Return what `nightschool lake check` finds."""
    with Lake(Workspace.open(machine.workspace), read_only=True) as lake:
        return check_lake(lake)
