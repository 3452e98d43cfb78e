"""What a filter is: a table of samples in, one verdict per sample out, joined by id.

    @row_filter("length", version="1", options=LengthOptions)
    def length(row, context, options):
        return PASS if ... else fail("too_long", words=...)

A *row* filter looks at each row by itself and runs with each batch. A *night* filter sees the whole night, sorted by
sample id, so that neither order nor sharding changes a verdict; the rows of a large night are read block by block
(`filters.row_blocks`), so it goes through them and does not hold them. Filters only observe; `filters.night.policy` decides.
"""

import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from importlib.resources.abc import Traversable
from typing import Any, Literal

import pyarrow as pa
from pydantic import BaseModel, ConfigDict, Field

from filters.benchmarks import BenchmarkManifest
from filters.night_ids import ByNumber
from filters.pass_rate import PassRate
from filters.past_problems import PastProblem
from filters.questions import Asks, Evidence
from filters.row_blocks import RowBlocks
from filters.rows import Row, read_rows
from storage.errors import NightschoolError
from storage.history.index import HistoryIndex
from storage.ids import digest
from storage.spreading import Spread, here
from storage.unknown_names import unknown
from storage.views import RENAMED_FILTERS
from synth.calls.prompting import prompts_beside
from synth.problems.base import Problem

Scope = Literal["row", "night", "last"]
Outcome = Literal["pass", "fail", "unknown"]

VERDICTS = pa.schema(
    [(name, pa.string()) for name in ("sample_id", "filter", "version", "outcome", "reason", "detail")]
)
"""Columns of a table of verdicts; the lake adds `night` and `commit_id`."""


class FilterError(NightschoolError):
    """A filter broke its contract: it did not give exactly one verdict per row."""


class Options(BaseModel):
    """Base of a filter's options: unknown names are errors."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class AskingOptions(Options):
    """Base of the options of a filter that asks a model."""

    role: str | None = Field(default=None, description="Role in the recipe's models that is asked; None asks nobody.")


@dataclass(frozen=True, slots=True)
class Context:
    """What filters may look at besides the rows.

    Attributes:
        problems: Problems by id.
        manifest: The pinned benchmarks; None when there are none.
        heldout: Structure ids of our own evaluation sets.
        heldout_prompts: Prompts of our own evaluation sets.
        history: Every row accepted before: the index beside the lake, or a table of `signatures` (a column `night` is
            used when there is one).
        questions: Every question that was asked before (`filters.duplicates.questions`); None where nobody looks.
        eligible: Ids of the rows that may stand for their duplicates, usually those that no row filter rejects
            (see `filters.night.policy.eligible`). None means every row. Without it a row that is rejected for
            its answer could take a good row with it.
        rates: The student's pass rates by problem id (see `filters.rules.difficulty`).
        earlier: Accepted rows of earlier nights by method and problem id.
        evidence: What filters asked models about the rows: by filter, sample id and name (see `filters.questions`).
        correct: Whether a row's answer is right, where a checker knows.
        past_problems: Returns the problems of rows accepted in other nights that could be one of tonight.
        spread: Where work runs that many processes can share.
    """

    problems: Mapping[str, Problem] = field(default_factory=dict)
    manifest: BenchmarkManifest | None = None
    heldout: frozenset[str] = frozenset()
    heldout_prompts: frozenset[str] = frozenset()
    history: HistoryIndex | pa.Table | None = None
    questions: HistoryIndex | None = None
    eligible: AbstractSet[str] | None = None
    rates: Mapping[str, PassRate] = field(default_factory=dict)
    earlier: Mapping[tuple[str, str], int] = field(default_factory=dict)
    evidence: Mapping[str, Mapping[str, Mapping[str, Evidence]]] = field(default_factory=dict)
    correct: Mapping[str, bool] = field(default_factory=dict)
    past_problems: Callable[[], Sequence[PastProblem]] = tuple
    spread: Spread = here

    def evidence_of(self, name: str) -> Mapping[str, Mapping[str, Evidence]]:
        """Return what a filter asked about the rows, by sample id and name; empty when it asked nothing."""
        return self.evidence.get(name, {})

    def may_represent(self, row: Row) -> bool:
        """Whether a row may be the one that is kept of several duplicates."""
        return self.eligible is None or row.sample_id in self.eligible


@dataclass(frozen=True, slots=True)
class Finding:
    """What a filter found in one row.

    Attributes:
        outcome: `pass`, `fail` or `unknown`.
        reason: A stable word for why not; None on pass.
        detail: What was found, JSON values only; empty when there is nothing to say.
    """

    outcome: Outcome
    reason: str | None = None
    detail: Mapping[str, Any] = field(default_factory=dict)


PASS = Finding("pass")


def unknown_filter(name: str, names: Iterable[str]) -> str:
    """Say that there is no filter of that name; with the name of today where it had another, else with the nearest."""
    today = RENAMED_FILTERS.get(name)
    return f"the filter {name!r} is called {today!r} now" if today else unknown("filter", name, names)


def fail(reason: str, **detail: object) -> Finding:
    """Make a failing finding."""
    return Finding("fail", reason, detail)


RowRule = Callable[[Row, Context, Any], Finding]
NightRule = Callable[[Sequence[Row], Context, Any], Mapping[str, Finding]]


@dataclass(frozen=True)
class BoundFilter:
    """A filter with its options set.

    Attributes:
        name: Name used in recipes and verdicts.
        version: Version of the rule; with `+` and a digest when its options are not the defaults.
        scope: `row`: may run on any batch. `night`: needs the whole night in one table. `last`: and what all others found.
        options: Its options.
        rule: From the rows sorted by id to a finding for each id.
        asks: What it asks a model; None asks nobody.
    """

    name: str
    version: str
    scope: Scope
    options: Options
    rule: NightRule
    asks: Asks | None = None
    task_version: Callable[[str], str] | None = None

    def version_for(self, task: str) -> str:
        """Return the version by which it judges rows of a task: its own, unless its checkers have versions."""
        return self.task_version(task) if self.task_version is not None and task else self.version

    def __call__(self, samples: pa.Table, context: Context) -> pa.Table:
        """Return one verdict (schema `VERDICTS`) per row of `samples`, in its order."""
        return run_filters([self], samples, context)


@dataclass(frozen=True)
class FilterKind:
    """A registered filter, before its options are set.

    Attributes:
        name: Name used in recipes and verdicts.
        version: Version of the rule.
        scope: `row`, `night` or `last`.
        options: Its options, as a pydantic model.
        rule: From the rows sorted by id to a finding for each id.
        summary: One line for people.
        asks: What it asks a model; None asks nobody.
        prompts: Folder of the prompts that it asks with: those beside its module; None where there are none.
        task_version: The version for rows of a task, where the task's checker decides; None where all rows have one version.
    """

    name: str
    version: str
    scope: Scope
    options: type[Options]
    rule: NightRule
    summary: str
    asks: Asks | None = None
    prompts: Traversable | None = None
    task_version: Callable[[str], str] | None = None

    def bind(self, options: Options | None = None) -> BoundFilter:
        """Set the options; the defaults when None."""
        chosen = options or self.options()
        plain = chosen.model_dump(mode="json")
        changed = plain != self.options().model_dump(mode="json")
        end, by_task = f"+{digest(plain, length=8)}" if changed else "", self.task_version
        task_version = None if by_task is None else lambda task: f"{by_task(task)}{end}"
        return BoundFilter(self.name, f"{self.version}{end}", self.scope, chosen, self.rule, self.asks, task_version)


def row_filter(
    name: str,
    *,
    version: str,
    options: type[Options] = Options,
    task_version: Callable[[str], str] | None = None,
) -> Callable[[RowRule], FilterKind]:
    """Make a filter of a function that looks at one row. Its docstring's first line becomes the summary."""

    def decorate(rule: RowRule) -> FilterKind:
        def of_rows(rows: Sequence[Row], context: Context, chosen: Options) -> Mapping[str, Finding]:
            return {row.sample_id: rule(row, context, chosen) for row in rows}

        return FilterKind(name, version, "row", options, of_rows, _summary(rule, name), task_version=task_version)

    return decorate


def batch_filter(name: str, *, version: str, options: type[Options] = Options) -> Callable[[NightRule], FilterKind]:
    """Make a row filter of a function that looks at many rows at once, each by itself: any batch gives the same verdicts."""

    def decorate(rule: NightRule) -> FilterKind:
        return FilterKind(name, version, "row", options, rule, _summary(rule, name))

    return decorate


def night_filter(
    name: str, *, version: str, options: type[Options] = Options, last: bool = False, asks: Asks | None = None
) -> Callable[[NightRule], FilterKind]:
    """Make a filter of a function that decides about a whole night, given its rows sorted by id.

    A `last` one runs after every other filter, with the rows that stand by then in `Context.eligible`. One that `asks` a model
    takes `AskingOptions` and finds the answers in `Context.evidence_of`.
    """

    def decorate(rule: NightRule) -> FilterKind:
        scope: Scope = "last" if last else "night"
        prompts = prompts_beside(rule) if asks is not None else None
        return FilterKind(name, version, scope, options, rule, _summary(rule, name), asks, prompts)

    return decorate


def _summary(rule: object, name: str) -> str:
    return (rule.__doc__ or name).strip().splitlines()[0]


def run_filters(filters: Sequence[BoundFilter], samples: pa.Table, context: Context) -> pa.Table:
    """Run filters over one table and return all their verdicts, filter after filter, each in the order of the table.

    Raises:
        FilterError: Sample ids repeat, or a filter did not give exactly one finding with an outcome that there is for each
            row; the message names the filter.
    """
    ids = samples["sample_id"].to_pylist()
    if repeated := [sample_id for sample_id, times in Counter(ids).items() if times > 1 or sample_id is None]:
        raise FilterError(f"samples: sample_id {repeated[0]!r} is not the id of exactly one row")
    rows = sorted(read_rows(samples), key=lambda row: row.sample_id) if filters else []
    tasks = {row.sample_id: row.task for row in rows}
    verdicts = [VERDICTS.empty_table()]
    for bound in filters:
        findings = bound.rule(rows, context, bound.options)
        _check_ids(bound, findings, ids)
        verdicts.append(_verdicts(bound, findings, [(sample_id, tasks[sample_id]) for sample_id in ids]))
    return pa.concat_tables(verdicts)


def run_over_blocks(bound: BoundFilter, night: RowBlocks, context: Context) -> Iterator[pa.Table]:
    """Run a filter over a night and yield its verdicts, a table for each block.

    Raises:
        FilterError: It did not give exactly one finding with an outcome that there is for each row.
    """
    findings = bound.rule(night, context, bound.options)
    known = 0
    for block in night.blocks:
        columns = (block.columns("sample_id", "task")[name].to_pylist() for name in ("sample_id", "task"))
        rows = [(sample_id, task or "") for sample_id, task in zip(*columns, strict=True)]
        if isinstance(findings, ByNumber):
            of_block = {sample_id: findings.of(number) for number, (sample_id, _) in enumerate(rows, known)}
        else:
            of_block = {sample_id: findings[sample_id] for sample_id, _ in rows if sample_id in findings}
            _check_ids(bound, of_block, [sample_id for sample_id, _ in rows])
        known += len(of_block)
        yield _verdicts(bound, of_block, rows)
    if len(findings) > known:
        _check_ids(bound, findings, [row.sample_id for row in night])


def _verdicts(bound: BoundFilter, findings: Mapping[str, Finding], rows: Sequence[tuple[str, str]]) -> pa.Table:
    """Make verdicts of findings about rows, given as their ids and tasks."""
    if outcomes := {finding.outcome for finding in findings.values()} - {"pass", "fail", "unknown"}:
        raise FilterError(f"filter {bound.name!r} gave the outcome {min(outcomes)!r}; use pass, fail or unknown")
    verdicts = []
    for sample_id, task in rows:
        finding = findings[sample_id]
        detail = json.dumps(dict(finding.detail), sort_keys=True) if finding.detail else None
        version = bound.version_for(task)
        verdicts.append((sample_id, bound.name, version, finding.outcome, finding.reason, detail))
    columns = zip(*verdicts, strict=True) if verdicts else [[]] * len(VERDICTS)
    return pa.table(dict(zip(VERDICTS.names, columns, strict=True)), schema=VERDICTS)


def _check_ids(bound: BoundFilter, findings: Mapping[str, Finding], ids: Sequence[str]) -> None:
    if findings.keys() != set(ids):
        odd = min(findings.keys() ^ set(ids))
        what = "for no row that it was given" if odd in findings else "missing; it must give exactly one per row"
        raise FilterError(f"filter {bound.name!r}: its finding for sample {odd!r} is {what}")
