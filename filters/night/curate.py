"""Curates a night: row filters with each batch, then what needs the whole night, then the policy's decision."""

from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import replace
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from filters.base import VERDICTS, BoundFilter, Context, run_filters, run_over_blocks
from filters.benchmarks import BenchmarkManifest
from filters.duplicates.history import open_history
from filters.duplicates.questions import open_questions
from filters.duplicates.signatures import make_signatures
from filters.leaks.inherit import FILTER, inherit
from filters.night.alarms import stop_on_alarms
from filters.night.ask_models import ask_models, checked_answers, key_of, night_evidence
from filters.night.evaluation_sets import evaluation_context
from filters.night.past_problems import past_problems
from filters.night.policy import BY_PEOPLE, decide, eligible
from filters.night.reviews import verdicts_of_people
from filters.night.rules import Rules
from filters.night.spool import BLOCK_ROWS, night_in_blocks, remove_blocks
from filters.night.trials import record_trials
from filters.night_ids import IdSet
from filters.past_problems import PastProblem
from filters.row_blocks import Block, RowBlocks, Shelf
from filters.rules.difficulty import pass_rates
from storage.catalog.leases import Lease
from storage.lake import nights
from storage.lake.bounded import bounded_memory
from storage.lake.families import family
from storage.lake.lake import Lake
from storage.spreading import Spread, in_processes
from synth.calls.ask import Asker
from synth.problems.base import Problem
from synth.sample import problem_of


class Curator:
    """Curates the rows of one night.

    Args:
        lake: The lake.
        night: The night.
        rules: What decides about them.
        manifest: Benchmarks that rows must not hold.
        student: Identity of the model whose pass rates say how difficult a problem is.
        spread: Where the work on a large night runs that many processes can share.
        block_rows: Most rows of a block.
    """

    def __init__(
        self,
        lake: Lake,
        night: str,
        rules: Rules,
        *,
        manifest: BenchmarkManifest,
        student: str | None = None,
        spread: Spread = in_processes,
        block_rows: int = BLOCK_ROWS,
    ) -> None:
        self._lake = lake
        self._night = night
        self._rules = rules
        self._student = student
        self._spread, self._block_rows = spread, block_rows
        self._evaluation_context = evaluation_context(lake, manifest)

    @cached_property
    def _past_problems(self) -> list[PastProblem]:
        problems = nights.problem_rows(self._lake, night=self._night)
        return past_problems(self._lake, self._night, [problem_of(row) for row in problems])

    def _context(self, problems: Mapping[str, Problem], **more: Any) -> Context:
        return replace(
            self._evaluation_context,
            problems=problems,
            past_problems=lambda: self._past_problems,
            spread=self._spread,
            **more,
        )

    def _problems_of(self, samples: pa.Table) -> dict[str, Problem]:
        ids = {problem_id for problem_id in samples["problem_id"].to_pylist() if problem_id}
        return {row["problem_id"]: problem_of(row) for row in nights.problem_rows(self._lake, ids=sorted(ids))}

    def _of_scope(self, scope: str) -> list[BoundFilter]:
        return [item for item in self._rules.filters if item.scope == scope]

    def observe_rows(self, samples: pa.Table) -> pa.Table:
        """Run the row-local filters on a batch and return rows for the lake's `verdicts`."""
        return self._stamp(run_filters(self._of_scope("row"), samples, self._context(self._problems_of(samples))))

    def to_ask(self) -> list[str]:
        """Return the filters that have yet to ask a model about the night's rows."""
        if self._lake.has(f"curate:{self._night}"):
            return []
        return [item.name for item in self._rules.asking if not self._lake.has(key_of(item.name, self._night))]

    async def ask(self, name: str, asker: Asker) -> int:
        """Let a filter of `to_ask` ask its model about the night's rows; return how many rows it asked about.

        Raises:
            RecipeError: The recipe names no model for its role.
            ModelServerError: The model cannot be reached; the same command goes on later.
        """
        samples = nights.night_samples(self._lake, self._night)
        standing = eligible(samples, nights.night_verdicts(self._lake, self._night), self._rules.policies)
        (bound,) = (item for item in self._rules.asking if item.name == name)
        return await ask_models(
            self._lake, self._night, asker, bound, standing, self._context(self._problems_of(samples))
        )

    def decide_night(self, lease: Lease | None = None) -> None:
        """Run the night filters on all of a night's samples, decide on each, and commit, once.

        Two nights that decide at once would each accept what the other accepts too: whoever calls this holds the lease. A large
        night is gone through in blocks (`filters.night.spool`).

        Args:
            lease: That of deciding, which must still be held when the commit takes effect.

        Raises:
            LeaseError: It has passed to another night; nothing is written.
        """
        key = f"curate:{self._night}"
        if self._lake.has(key):
            return
        record_trials(self._lake, self._night)
        with night_in_blocks(self._lake, self._night, self._block_rows) as night:
            verdicts, decisions = self._decisions(night)
            signatures = night.shelf("signatures")
            for number, block in enumerate(night.blocks):
                verdicts.add(number, self._stamp(*decisions.of(number)))
                kept = block.samples_of(_let_in(*decisions.of(number)))
                signatures.add(number, make_signatures(kept, self._context(block.problems_by_id())))
            tables = {"verdicts": verdicts.everything(), "signatures": signatures.everything()}
            self._lake.commit(key, "curate", tables, night=self._night, lease=lease)
        remove_blocks(self._lake, self._night)

    def count_accepted(self) -> int:
        """Count the rows that would be accepted if the night were decided now; nothing is committed.

        What filters have yet to ask a model about is not counted against a row, nor what people have yet to review.
        """
        with night_in_blocks(self._lake, self._night, self._block_rows) as night:
            _, decisions = self._decisions(night)
            return sum(len(_let_in(*decisions.of(number))) for number in range(len(night.blocks)))

    def _decisions(self, night: RowBlocks) -> tuple[Shelf, Shelf]:
        """Return the verdicts of what needs the whole night, as rows for the lake, and the policy's decisions, by block."""
        verdicts, decisions = night.shelf("verdict"), night.shelf("decision")
        names = nights.observing_filters(self._lake, self._night)
        inherited = inherit(*family(self._lake, self._night, list(sources := self._flagged())), sources)
        names += [FILTER] * bool(inherited.num_rows)
        for number, block in enumerate(night.blocks):
            ids = block.columns("sample_id")["sample_id"]
            verdicts.add(number, self._stamp(inherited.filter(pc.is_in(inherited["sample_id"], ids))))
        standing = self._eligible(night, verdicts, names)
        asking = self._rules.asking
        context = self._context(
            night.problems,
            eligible=standing,
            history=open_history(self._lake),
            questions=open_questions(self._lake) if nights.write_questions(self._lake, self._night) else None,
            rates=pass_rates(self._lake, self._student, night=self._night) if self._student else {},
            evidence={item.name: night_evidence(self._lake, self._night, item.name) for item in asking},
            correct=checked_answers(self._lake, self._night) if asking else {},
        )
        names += self._judge(night, "night", context, verdicts)
        left = self._eligible(night, verdicts, names)
        self._judge(night, "last", self._context(night.problems, eligible=left, earlier=self._earlier()), verdicts)
        names += [item.name for item in self._rules.filters]
        for number, block in enumerate(night.blocks):
            samples = block.columns("sample_id", "method")
            people = verdicts_of_people(self._lake, samples["sample_id"].to_pylist())
            said = _said(block, verdicts.of(number))
            decisions.add(number, decide(samples, said, self._rules.policies, filters=names, reviews=people))
        return verdicts, decisions

    def _judge(self, night: RowBlocks, scope: str, context: Context, verdicts: Shelf) -> list[str]:
        """Run the filters of a scope over a night, keep their verdicts, and return their names."""
        bound = self._of_scope(scope)
        for item in bound:
            for number, table in enumerate(run_over_blocks(item, night, context)):
                verdicts.add(number, self._stamp(table))
        return [item.name for item in bound]

    def _eligible(self, night: RowBlocks, verdicts: Shelf, names: Sequence[str]) -> AbstractSet[str]:
        parts: list[npt.NDArray[np.bool_]] = []
        for number, block in enumerate(night.blocks):
            samples, said = block.columns("sample_id", "method"), _said(block, verdicts.of(number))
            standing = eligible(samples, said, self._rules.policies, filters=names)
            if night.folder is None:
                return standing
            ids = samples["sample_id"].to_pylist()
            parts.append(np.fromiter((sample_id in standing for sample_id in ids), np.bool_, len(ids)))
        return IdSet(night.ids(), np.concatenate(parts))

    def stop_on_alarms(self) -> None:
        """Stop the decided night when a filter removed more than it may.

        Raises:
            AlarmError: One did, and nobody has accepted it.
        """
        with bounded_memory(self._lake):
            stop_on_alarms(self._lake, self._night, self._rules.alarms)

    def _earlier(self) -> dict[tuple[str, str], int]:
        """Count the accepted rows of other nights about tonight's problems, when a cap asks for it."""
        if not self._rules.caps.per_problem:
            return {}
        return nights.accepted_before(self._lake, self._night)

    def _flagged(self) -> dict[str, str]:
        """Return the calls behind flagged rows of other nights, with the row."""
        rows = self._lake.rows(
            "select distinct s.sample_id, s.parents[-1] as call_id from verdicts v join samples s using (sample_id) "
            "where v.filter = 'decontamination' and v.outcome = 'fail' and s.night <> ? order by s.sample_id desc",
            [self._night],
        )
        return {row["call_id"]: row["sample_id"] for row in rows if row["call_id"]}

    def _stamp(self, verdicts: pa.Table) -> pa.Table:
        return verdicts.append_column("night", pa.array([self._night] * verdicts.num_rows, pa.string()))


def _let_in(decisions: pa.Table) -> pa.ChunkedArray:
    """The ids of the rows that no filter rejects: those that are accepted, and those that people alone keep out."""
    by_people = pc.fill_null(pc.starts_with(decisions["reason"], f"{BY_PEOPLE}:"), False)
    return decisions.filter(pc.or_(pc.equal(decisions["outcome"], "accepted"), by_people))["sample_id"]


def _said(block: Block, verdicts: Sequence[pa.Table]) -> pa.Table:
    return pa.concat_tables(
        [block.said().select(VERDICTS.names), *(table.select(VERDICTS.names) for table in verdicts)]
    )
