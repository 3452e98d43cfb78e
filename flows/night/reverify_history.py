"""`nightschool reverify`: what judging history again would change, and carrying it out.

Each night is judged by its own rules, as they were pinned, or as the given recipe says for nights of its name.
"""

from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from filters import FILTERS
from filters.base import FilterKind
from filters.night.alarms import list_alarms, open_alarms
from filters.night.rejudge import DECONTAMINATION, KIND, Change, JudgedAgain, Reverifier, why_not
from filters.night.rejudge_parts import Part
from filters.night.rules import Rules, read_rules
from flows.night.night import Night
from storage.catalog.leases import in_turn
from storage.errors import RecipeError
from storage.lake import nights, verdicts
from storage.lake.lake import Lake
from storage.lake.lineage import models_that_read, rewarded_models, tainted_models
from storage.models.evaluations import judged_by
from storage.releases.successor import due_successors, holding, succeed
from storage.spreading import Spread, in_processes
from synth.methods import get_method
from synth.problems import checker_versions, task_names

WAIT_S = 6 * 3600.0
"""How long to wait for a night that decides."""
ROWS_AT_ONCE = 200_000
"""Rows of which it is known at one time what is stale; ours."""
EXAMPLES = 5
"""Rows of each kind of change that are shown."""

Say = Callable[[str], None]


@dataclass
class Tally:
    """What was found, counted night by night.

    Attributes:
        stale: Rows by filter, stored version and version of today.
        changes: What changes.
        left: Nights that are not judged, with why.
        rows: Rows that were judged again.
    """

    stale: Counter[tuple[str, str | None, str]] = field(default_factory=Counter)
    changes: list[Change] = field(default_factory=list)
    left: dict[str, str] = field(default_factory=dict)
    rows: int = 0

    def add(self, judged: JudgedAgain) -> None:
        """Count a night."""
        self.stale.update((item.filter, item.stored, item.today) for item in judged.stale)
        self.rows += len({item.sample_id for item in judged.stale})
        self.changes += judged.changes

    def moved(self, before: str, after: str) -> list[str]:
        """Return the rows that change sides in one direction."""
        return [change.sample_id for change in self.changes if (change.before, change.after) == (before, after)]


@dataclass(frozen=True)
class Request:
    """What to judge again.

    Attributes:
        filters: Names of filters, as `filters.night.rejudge.judging_again` returns them.
        nights: Dates, or date/recipe; None means every night.
        ids: Only these rows; None means all.
        night: The night at work: its recipe's rules hold for nights of that name, and its benchmarks are looked for in rows that
            come in; None when no recipe is given.
        spread: Where filters run.
    """

    filters: Sequence[str]
    nights: Sequence[str] | None = None
    ids: Collection[str] | None = None
    night: Night | None = None
    spread: Spread = in_processes


def find_changes(lake: Lake, request: Request, act: Callable[[Reverifier, JudgedAgain], None] | None = None) -> Tally:
    """Judge night after night, in parts, and return what was found.

    Args:
        lake: The lake.
        request: What to judge.
        act: Given each part of a night that has something stale; None only looks.

    Raises:
        RecipeError: A night is named that there is not.
    """
    benchmarks = request.night.benchmarks if request.night else None
    reverifier = Reverifier(lake, request.filters, benchmarks, request.spread)
    tally = Tally()
    for parts in _parts(lake, request, reverifier, tally):
        for judged in reverifier.judge(parts):
            tally.add(judged)
            if act is not None:
                act(reverifier, judged)
    return tally


def _parts(lake: Lake, request: Request, reverifier: Reverifier, tally: Tally) -> Iterator[list[tuple[Part, Rules]]]:
    """Yield what is stale, night after night, about `ROWS_AT_ONCE` rows at a time; nights that cannot be judged are tallied."""
    parts: list[tuple[Part, Rules]] = []
    for night in _nights(lake, request.nights):
        try:
            rules = rules_of(lake, night, request.night)
        except RecipeError as error:
            tally.left[night] = str(error)
            continue
        parts += [(part, rules) for part in reverifier.parts(night, rules, request.ids)]
        if sum(part.rows for part, _ in parts) >= ROWS_AT_ONCE:
            yield parts
            parts = []
    yield parts


def plan_reverify(lake: Lake, request: Request) -> dict[str, Any]:
    """Return what judging again would change; nothing is written. `nothing` is true when there is nothing to do."""
    tally = find_changes(lake, request)
    rows_leaving, rows_entering = tally.moved("accepted", "rejected"), tally.moved("rejected", "accepted")
    due = due_successors(lake, KIND, leaving=rows_leaving, coming=rows_entering)
    return {
        **_figures(lake, request, tally),
        "releases": holding(lake, rows_leaving),
        "successors": [
            {"release": overtaken.release.id, "rows_out": overtaken.rows_out, "rows_in": overtaken.rows_in}
            for overtaken in due
        ],
        "checkpoints": models_that_read(lake, rows_leaving),
        "nothing": not (tally.stale or due),
    }


def carry_out(lake: Lake, request: Request, say: Say, code: str) -> dict[str, Any]:
    """Append the new verdicts and decisions, a commit for each part of a night, and a successor of each release that they overtake.

    Killed in between, the same again goes on: what was judged is no longer stale, and a release that waits is made.

    Args:
        lake: The lake, open for writing.
        request: What to judge.
        say: Told of each part of a night and each release.
        code: Version of Nightschool, for the manifests.

    Raises:
        LeaseError: A night decides, and went on doing so; or the lease passed to one, and the part at work was not written.
        LakeError: A commit failed, or a release cannot be written.
    """
    done = 0

    def act(reverifier: Reverifier, judged: JudgedAgain) -> None:
        nonlocal done
        reverifier.commit(judged, lease)
        rows = len({item.sample_id for item in judged.stale})
        done += rows
        say(f"{judged.night}: {rows:,} rows judged again, {done:,} in all")

    with in_turn(lake.catalog, "decision", purpose="reverify", wait_s=WAIT_S, say=say) as lease:
        tally = find_changes(lake, request, act)
        successors, waiting = _succeed(lake, request, say, code)
    return {
        **_figures(lake, request, tally),
        "successors": successors,
        "waiting": waiting,
        "checkpoints": tainted_models(lake),
        "nothing": not (tally.stale or successors or waiting),
    }


def _succeed(lake: Lake, request: Request, say: Say, code: str) -> tuple[list[dict[str, Any]], list[str]]:
    """Make what successors are due; none while a night's alarms are open, since its rows would come in too."""
    due = due_successors(lake, KIND)
    alarmed = sorted({alarm["night"] for alarm in list_alarms(lake)})
    waiting = [
        f"{night} has open alarms, and a release would take its rows: look, `nightschool alarms accept {night}`, then this again"
        for night in alarmed
        if due and open_alarms(lake, night)
    ]
    if waiting:
        return [], waiting
    successors = []
    for overtaken in due:
        say(f"successor of {overtaken.release.id}")
        successor = succeed(lake, overtaken.release, {"code": code, "reverified": list(request.filters)})
        if successor is None or successor.id != overtaken.release.id:
            successors.append({
                "release": overtaken.release.id, "successor": successor and successor.id,
                "rows_out": overtaken.rows_out, "rows_in": overtaken.rows_in,
            })  # fmt: skip
    return successors, []


def rules_of(lake: Lake, night: str, night_at_work: Night | None = None) -> Rules:
    """Return what decides about a night's rows: the given recipe of its name, or what it was pinned to.

    Raises:
        RecipeError: It was begun by a version that did not pin its rules, and they are not the defaults.
    """
    if night_at_work is not None and night.partition("/")[2] == night_at_work.recipe.name:
        return night_at_work.rules
    pinned = (nights.pinned(lake, f"night/{night}") or {}).get("rules")
    if pinned is not None:
        return read_rules(pinned["filters"], pinned["policy"], {}, observes=pinned["observes"])
    return _default_rules(lake, night)


def _default_rules(lake: Lake, night: str) -> Rules:
    """Return the default rules, if the versions in the night's verdicts say that it was judged by them."""
    methods = {name: get_method(name) for name in verdicts.night_methods(lake, night)}
    observes = {name: method.observes(method.params()) for name, method in methods.items()}
    rules = read_rules({}, {}, {}, observes=observes)
    default_versions = {None, "1", "1+rescan", rules.policies.version}
    odd = [
        name
        for name, version in verdicts.night_versions(lake, night)
        if (version not in default_versions if name == "policy" else "+" in (version or ""))
    ]
    if odd:
        raise RecipeError(
            f"it was begun by a version that kept no rules, and those of {', '.join(dict.fromkeys(odd))} are not the defaults; "
            "name its recipe with --recipe"
        )
    return rules


def _nights(lake: Lake, names: Sequence[str] | None) -> list[str]:
    decided = verdicts.decided_nights(lake)
    if names is None:
        return decided
    chosen = []
    for name in names:
        fitting = [night for night in decided if name in (night, night.partition("/")[0])]
        if not fitting:
            raise RecipeError(
                f"--night {name}: no decided night is called so; there are {', '.join(decided) or 'none'}"
            )
        chosen += fitting
    return sorted(set(chosen))


def _figures(lake: Lake, request: Request, tally: Tally) -> dict[str, Any]:
    return {
        "rows": tally.rows,
        "filters": [
            {"filter": name, "stored": stored, "today": today, "rows": rows}
            for (name, stored, today), rows in sorted(tally.stale.items(), key=str)
        ],
        "changes": _changes(lake, tally.changes),
        "rejected_now": len(tally.moved("accepted", "rejected")),
        "accepted_now": len(tally.moved("rejected", "accepted")),
        "held_back": sum(change.held_back for change in tally.changes),
        "not_run": _not_run(lake, request),
        "nights_left": [{"night": night, "why": why} for night, why in tally.left.items()],
        **(_judges(lake) if "answer" in request.filters else {"rewards": [], "evaluations": []}),
    }


def _changes(lake: Lake, changes: Sequence[Change]) -> list[dict[str, Any]]:
    """Count what changes by method, direction and reason, with some rows of each."""
    groups: dict[tuple[str, ...], list[str]] = {}
    for change in changes:
        if change.held_back:
            reasons = (change.reason_before or "", "held back: nobody has looked for today's benchmarks in it")
        else:
            reasons = (change.reason_before or "", change.reason or "")
        groups.setdefault((change.method, change.before, change.after, *reasons), []).append(change.sample_id)
    shown = {sample_id for ids in groups.values() for sample_id in ids[:EXAMPLES]}
    rows = {row["sample_id"]: row for row in verdicts.shown_rows(lake, shown)}
    return [
        {
            "method": method, "before": before, "after": after, "reason_before": why_before or None, "reason": why or None,
            "rows": len(ids), "examples": [rows[sample_id] for sample_id in ids[:EXAMPLES]],
        }
        for (method, before, after, why_before, why), ids in sorted(groups.items())
    ]  # fmt: skip


def _not_run(lake: Lake, request: Request) -> list[dict[str, Any]]:
    """Return the filters that have changed and are not run again, with why."""
    kinds: dict[str, FilterKind] = FILTERS.all()
    left = {name: kind for name, kind in kinds.items() if kind.scope != "row" or name == DECONTAMINATION}
    changed: dict[tuple[str, str | None], int] = {}
    for night in _nights(lake, request.nights):
        for row in verdicts.verdict_versions(lake, night, left, request.ids):
            if (row["version"] or "").partition("+")[0] != left[row["filter"]].version:
                changed[row["filter"], row["version"]] = changed.get((row["filter"], row["version"]), 0) + row["rows"]
    return [
        {"filter": name, "stored": stored, "today": left[name].version, "rows": rows, "why": why_not(name)}
        for (name, stored), rows in sorted(changed.items(), key=str)
    ]


def _judges(lake: Lake) -> dict[str, Any]:
    """Return whose rewards another judge gave, and which answers of evaluations another judge decided."""
    today = checker_versions(task_names())
    evaluations = [row for row in judged_by(lake) if row["task"] in today and row["judge"] != today[row["task"]]]
    return {"rewards": list(_rewarded(lake, today)), "evaluations": evaluations}


def _rewarded(lake: Lake, today: Mapping[str, str]) -> Iterator[dict[str, Any]]:
    for row in rewarded_models(lake):
        if row["judge"] is None or any(today.get(task, version) != version for task, version in row["judge"].items()):
            yield row
