"""Judges history again after a filter, or a checker behind one, has changed: from the rows as they are stored, no model is asked.

Run again are the filters that look at a row by itself, in as many processes as `Reverifier.spread` gives. What asked a model, or
decided over a whole night, stands as it was said; only rows that would come in are compared with everything accepted, and capped,
as if they were a night of their own: those of a part (`filters.night.rejudge_parts`), in the order of nights and ids.
Decontamination is not run again here: the next night scans what is accepted whenever benchmarks or the filter have changed.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import chain
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from filters import FILTERS
from filters.base import VERDICTS, BoundFilter, Context, run_filters
from filters.benchmarks import BenchmarkManifest
from filters.duplicates.history import open_history
from filters.duplicates.signatures import make_signatures
from filters.night.evaluation_sets import evaluation_context
from filters.night.policy import decide, eligible
from filters.night.rejudge_parts import Part, batches_of, parts_of, run_parts, samples_of
from filters.night.reviews import verdicts_of_people
from filters.night.rules import Rules
from storage.catalog.leases import Lease
from storage.errors import RecipeError
from storage.ids import digest
from storage.lake import nights, verdicts
from storage.lake.lake import Lake
from storage.spreading import Spread, here
from storage.unknown_names import unknown
from synth.problems.base import Problem
from synth.sample import problem_of

KIND = "reverify"
"""Kind of the commits with new verdicts."""
DECONTAMINATION = "decontamination"
_DUPLICATES = ("exact_duplicates", "near_duplicates")

_SCREENED = """
select split_part(key, ':', 2) as manifest from commits where kind = 'rescan' order by seq desc limit 1
"""


@dataclass(frozen=True, slots=True)
class Change:
    """A row of which something else is said now.

    Attributes:
        sample_id: The row.
        night: Its night.
        method: Its method.
        before: Decision until now, `accepted` or `rejected`.
        after: Decision now.
        reason_before: Why it was rejected; None when it was not.
        reason: Why it is rejected now; None when it is not.
        held_back: It would come in, but nobody has looked for the benchmarks of today in it, so that it stays as it is.
    """

    sample_id: str
    night: str
    method: str
    before: str
    after: str
    reason_before: str | None
    reason: str | None
    held_back: bool = False


@dataclass(frozen=True)
class JudgedAgain:
    """A part of a night, judged again.

    Attributes:
        night: The night.
        stale: On what which filter had another version.
        changes: What changes by it.
        tables: What is to be committed.
    """

    night: str
    stale: Sequence[verdicts.Stale] = ()
    changes: Sequence[Change] = ()
    tables: Mapping[str, pa.Table] = field(default_factory=dict)


def judging_again(names: Iterable[str]) -> list[str]:
    """Return the filters that history can be judged by again, among these, or all of them.

    Raises:
        RecipeError: There is no such filter, or it cannot be run again from what is stored.
    """
    kinds = FILTERS.all()
    able = [name for name, kind in kinds.items() if kind.scope == "row" and name != DECONTAMINATION]
    for name in names:
        if name not in kinds:
            raise RecipeError(f"--filter: {unknown('filter', name, able)}")
        if name not in able:
            raise RecipeError(f"--filter {name}: {why_not(name)}; it can be one of {', '.join(able)}")
    return sorted(names) or able


def why_not(name: str) -> str:
    """Say why a filter is not run again."""
    if name == DECONTAMINATION:
        return "the next night, or `maintain`, scans history again by itself when benchmarks or the filter have changed"
    if FILTERS.get(name).asks is not None:
        return "it asks a model, and what the model said stands"
    return "it decides over a whole night, and what it decided stands"


@dataclass(frozen=True)
class Reverifier:
    """Judges nights again.

    Attributes:
        lake: The lake.
        filters: Names of the filters to run again, as `judging_again` returns them.
        manifest: Benchmarks of today, for rows that come in; None lets in only what was screened for the latest ones.
        spread: Where filters run.
    """

    lake: Lake
    filters: Collection[str]
    manifest: BenchmarkManifest | None = None
    spread: Spread = here

    def parts(self, night: str, rules: Rules, ids: Collection[str] | None = None) -> list[Part]:
        """Return what is stale in a night that was decided.

        Args:
            night: The night.
            rules: What decides about its rows.
            ids: Only these rows; None means all.
        """
        chosen = [bound for bound in rules.filters if bound.name in self.filters]
        tasks = verdicts.night_tasks(self.lake, night)
        expected = [(bound.name, task, bound.version_for(task)) for bound in chosen for task in tasks]
        stale = verdicts.stale_rows(self.lake, night, expected, ids) if expected else []
        return list(parts_of(night, stale, chosen))

    def judge(self, parts: Sequence[tuple[Part, Rules]]) -> Iterator[JudgedAgain]:
        """Judge parts one after the other; nothing is written, and what is committed meanwhile counts for the next.

        Args:
            parts: The parts, each with what decides about its rows.

        Raises:
            FilterError: A filter broke its contract.
        """
        batches = batches_of([part for part, _ in parts])
        work = [(self.lake.workspace.root, batch, self.manifest) for batch in batches]
        tables = chain.from_iterable(self.spread(run_parts, work))
        for (part, rules), new_verdicts in zip(parts, tables, strict=True):
            yield _PartAgain(self, part, rules).judged(new_verdicts)

    def commit(self, judged: JudgedAgain, lease: Lease) -> None:
        """Append what was said, while the lease of deciding is held; what was said before stays.

        Raises:
            LeaseError: It has passed to another; nothing is written.
        """
        stale = sorted((item.sample_id, item.filter, item.today) for item in judged.stale)
        key = f"{KIND}:{judged.night}:{self.lake.last_seq()}:{digest(stale, length=16)}"
        self.lake.commit(key, KIND, judged.tables, night=judged.night, lease=lease)

    def context(self, problems: Mapping[str, Problem], **more: Any) -> Context:
        """Return what filters may look at besides the rows."""
        return replace(self._evaluation_context, problems=problems, **more)

    @cached_property
    def _evaluation_context(self) -> Context:
        return evaluation_context(self.lake, self.manifest)

    def screened(self, night: str, rules: Rules) -> bool:
        """Whether the verdicts of decontamination on a night's rows are by the latest benchmarks and by today's filter."""
        latest = self.lake.rows(_SCREENED)
        pin = nights.pinned(self.lake, f"night/{night}") or {}
        (today,) = {bound.version for bound in rules.filters if bound.name == DECONTAMINATION}
        versions = verdicts.verdict_versions(self.lake, night, [DECONTAMINATION])
        if any(row["version"] != today for row in versions):
            return False
        return not latest or latest[0]["manifest"] in str(pin.get("benchmarks", ""))


class _PartAgain:
    """Rows of a night at work, on which something is stale."""

    def __init__(self, reverifier: Reverifier, part: Part, rules: Rules) -> None:
        self._reverifier, self._lake = reverifier, reverifier.lake
        self._night, self._rules, self._stale = part.night, rules, part.stale
        ids = sorted({item.sample_id for item in part.stale})
        self._samples = samples_of(self._lake, ids)
        problem_ids = {problem for problem in self._samples["problem_id"].to_pylist() if problem}
        self._problems = {
            row["problem_id"]: problem_of(row) for row in nights.problem_rows(self._lake, ids=sorted(problem_ids))
        }
        self._previous_verdicts = verdicts.standing_verdicts(self._lake, ids).cast(VERDICTS)
        self._previous_decisions = verdicts.standing_decisions(self._lake, ids)

    def judged(self, new_verdicts: pa.Table) -> JudgedAgain:
        """Decide on the rows of which something else is said now, and curate those that come in."""
        rows_changed = self._changed_rows(new_verdicts)
        all_verdicts = pa.concat_tables([self._previous_verdicts, new_verdicts])
        decisions = self._decide(rows_changed, all_verdicts)
        rows_entering = self._rows_entering(rows_changed, all_verdicts)
        held_back: list[str] = []
        curated = VERDICTS.empty_table()
        if (
            rows_entering
            and self._reverifier.manifest is None
            and not self._reverifier.screened(self._night, self._rules)
        ):
            held_back, rows_entering = rows_entering, []
            new_verdicts = _without(new_verdicts, held_back)
            decisions = _without(decisions, held_back)
        if rows_entering:
            rows_leaving = [row["sample_id"] for row in decisions.to_pylist() if row["outcome"] == "rejected"]
            curated = self._curate(rows_entering, all_verdicts, rows_leaving)
            decisions = self._decide(_without_ids(rows_changed, held_back), pa.concat_tables([all_verdicts, curated]))
        changed_decisions = self._changed_decisions(decisions)
        entered = pc.is_in(
            self._samples["sample_id"],
            pa.array(
                [row["sample_id"] for row in changed_decisions.to_pylist() if row["outcome"] == "accepted"], pa.string()
            ),
        )
        tables = {
            "verdicts": self._stamped(pa.concat_tables([new_verdicts, curated, changed_decisions])),
            "signatures": self._signatures(self._samples.filter(entered)),
        }
        changes = [*self._changes(changed_decisions), *(self._held_back(sample_id) for sample_id in held_back)]
        return JudgedAgain(self._night, self._stale, changes, tables)

    def _changed_rows(self, new_verdicts: pa.Table) -> list[str]:
        """Return the rows of which a filter says something else than before."""
        before = {
            (row["sample_id"], row["filter"]): (row["outcome"], row["reason"])
            for row in self._previous_verdicts.to_pylist()
        }
        return sorted(
            {
                row["sample_id"]
                for row in new_verdicts.to_pylist()
                if before.get((row["sample_id"], row["filter"])) != (row["outcome"], row["reason"])
            }
        )

    def _rows_entering(self, rows_changed: Sequence[str], all_verdicts: pa.Table) -> list[str]:
        """Return the rejected rows that nothing rejects any more, what is curated anew for them aside."""
        curating = pa.array([bound.name for bound in self._curating_filters()])
        other_verdicts = all_verdicts.filter(pc.invert(pc.is_in(all_verdicts["filter"], curating)))
        eligible_rows = eligible(
            self._samples_of(rows_changed),
            other_verdicts.filter(_among(other_verdicts, rows_changed)),
            self._rules.policies,
        )
        return sorted(sample_id for sample_id in eligible_rows if self._previous_decisions[sample_id][0] == "rejected")

    def _curating_filters(self) -> list[BoundFilter]:
        return [bound for bound in self._rules.filters if bound.name in _DUPLICATES or bound.scope == "last"]

    def _curate(self, rows_entering: Sequence[str], all_verdicts: pa.Table, rows_leaving: Sequence[str]) -> pa.Table:
        """Curate the rows that come in like a night of their own: benchmarks, duplicates of anything accepted, caps."""
        samples, policies = self._samples_of(rows_entering), self._rules.policies
        entering_verdicts = all_verdicts.filter(_among(all_verdicts, rows_entering))
        first = [bound for bound in self._curating_filters() if bound.scope != "last"]
        if self._reverifier.manifest is not None:  # what was flagged then does not come in at all
            first += [bound for bound in self._rules.filters if bound.name == DECONTAMINATION]
        last = [bound for bound in self._curating_filters() if bound.scope == "last"]
        context = self._reverifier.context(
            self._problems, history=open_history(self._lake), eligible=frozenset(rows_entering)
        )
        curated = run_filters(first, samples, context)
        eligible_rows = eligible(samples, _replaced(entering_verdicts, curated, last), policies)
        earlier = verdicts.accepted_about(self._lake, self._problems, [*rows_entering, *rows_leaving])
        capped = run_filters(
            last, samples, self._reverifier.context(self._problems, eligible=eligible_rows, earlier=earlier)
        )
        return pa.concat_tables([curated, capped])

    def _decide(self, ids: Sequence[str], all_verdicts: pa.Table) -> pa.Table:
        people = verdicts_of_people(self._lake, ids)
        chosen = all_verdicts.filter(_among(all_verdicts, ids))
        return decide(self._samples_of(ids), chosen, self._rules.policies, reviews=people)

    def _changed_decisions(self, decisions: pa.Table) -> pa.Table:
        """Return the decisions that are not what stands."""
        changed = [
            self._previous_decisions[row["sample_id"]] != (row["outcome"], row["reason"])
            for row in decisions.to_pylist()
        ]
        return decisions.filter(pa.array(changed, pa.bool_()))

    def _changes(self, changed_decisions: pa.Table) -> list[Change]:
        methods = self._methods()
        return [
            Change(
                row["sample_id"], self._night, methods[row["sample_id"]],
                self._previous_decisions[row["sample_id"]][0], row["outcome"],
                self._previous_decisions[row["sample_id"]][1], row["reason"],
            )
            for row in changed_decisions.to_pylist()
        ]  # fmt: skip

    def _held_back(self, sample_id: str) -> Change:
        outcome, reason = self._previous_decisions[sample_id]
        return Change(sample_id, self._night, self._methods()[sample_id], outcome, outcome, reason, reason, True)

    def _methods(self) -> dict[str, str]:
        columns = (self._samples[name].to_pylist() for name in ("sample_id", "method"))
        return dict(zip(*columns, strict=True))

    def _signatures(self, entered: pa.Table) -> pa.Table:
        ids = entered["sample_id"].to_pylist()
        signed = pa.array(sorted(verdicts.signed(self._lake, ids)), pa.string())
        unsigned = entered.filter(pc.invert(pc.is_in(entered["sample_id"], signed)))
        return make_signatures(unsigned, self._reverifier.context(self._problems))

    def _samples_of(self, ids: Sequence[str]) -> pa.Table:
        return self._samples.filter(_among(self._samples, ids))

    def _stamped(self, table: pa.Table) -> pa.Table:
        return table.append_column("night", pa.array([self._night] * table.num_rows, pa.string()))


def _among(table: pa.Table, ids: Sequence[str]) -> pa.Array:
    return pc.is_in(table["sample_id"], pa.array(ids, pa.string()))


def _without(table: pa.Table, ids: Sequence[str]) -> pa.Table:
    return table.filter(pc.invert(_among(table, ids)))


def _without_ids(ids: Sequence[str], others: Sequence[str]) -> list[str]:
    return sorted(set(ids) - set(others))


def _replaced(all_verdicts: pa.Table, curated: pa.Table, later_filters: Sequence[BoundFilter]) -> pa.Table:
    """What is said with the new verdicts, and without those of filters that are still to come."""
    names = pa.array([bound.name for bound in later_filters], pa.string())
    return pa.concat_tables([all_verdicts.filter(pc.invert(pc.is_in(all_verdicts["filter"], names))), curated])
