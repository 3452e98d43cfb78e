"""Curates a night: row filters with each batch, then what needs the whole night, then the policy's decision."""

from collections.abc import Callable
from dataclasses import replace
from functools import cached_property
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from filters.base import VERDICTS, BoundFilter, Context, run_filters
from filters.benchmarks import BenchmarkManifest
from filters.duplicates.history import open_history
from filters.duplicates.questions import open_questions
from filters.duplicates.signatures import make_signatures
from filters.leaks.inherit import inherit
from filters.night.alarms import stop_on_alarms
from filters.night.ask_models import ask_models, checked_answers, key_of, night_evidence
from filters.night.evaluation_sets import evaluation_context
from filters.night.past_problems import past_problems
from filters.night.policy import BY_PEOPLE, decide, eligible
from filters.night.reviews import verdicts_of_people
from filters.night.rules import Rules
from filters.night.trials import record_trials
from filters.past_problems import PastProblem
from filters.rules.difficulty import pass_rates
from storage.lake import nights
from storage.lake.lake import Lake
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
    """

    def __init__(
        self, lake: Lake, night: str, rules: Rules, *, manifest: BenchmarkManifest, student: str | None = None
    ) -> None:
        self._lake = lake
        self._night = night
        self._rules = rules
        self._student = student
        self._evaluation_context = evaluation_context(lake, manifest)

    @cached_property
    def _problems(self) -> dict[str, Problem]:
        return {row["problem_id"]: problem_of(row) for row in nights.problem_rows(self._lake, night=self._night)}

    @cached_property
    def _past_problems(self) -> list[PastProblem]:
        return past_problems(self._lake, self._night, self._problems.values())

    def _context(self, **more: Any) -> Context:
        return replace(
            self._evaluation_context, problems=self._problems, past_problems=lambda: self._past_problems, **more
        )

    def _of_scope(self, scope: str) -> list[BoundFilter]:
        return [item for item in self._rules.filters if item.scope == scope]

    def observe_rows(self, samples: pa.Table) -> pa.Table:
        """Run the row-local filters on a batch and return rows for the lake's `verdicts`."""
        return self._stamp(run_filters(self._of_scope("row"), samples, self._context()))

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
        return await ask_models(self._lake, self._night, asker, bound, standing, self._context())

    def decide_night(self, fence: Callable[[], None] = lambda: None) -> None:
        """Run the night filters on all of a night's samples, decide on each, and commit, once.

        Two nights that decide at once would each accept what the other accepts too: whoever calls this holds the lease.

        Args:
            fence: Called before the commit; raises when the lease has passed to another night.
        """
        key = f"curate:{self._night}"
        if self._lake.has(key):
            return
        record_trials(self._lake, self._night)
        samples, verdicts, decisions = self._decisions()
        kept = samples.filter(pc.is_in(samples["sample_id"], _let_in(decisions)))
        tables = {
            "verdicts": self._stamp(pa.concat_tables([verdicts, decisions])),
            "signatures": make_signatures(kept, self._context()),
        }
        fence()
        self._lake.commit(key, "curate", tables, night=self._night)

    def count_accepted(self) -> int:
        """Count the rows that would be accepted if the night were decided now; nothing is committed.

        What filters have yet to ask a model about is not counted against a row, nor what people have yet to review.
        """
        return len(_let_in(self._decisions()[2]))

    def _decisions(self) -> tuple[pa.Table, pa.Table, pa.Table]:
        """Return the night's samples, the verdicts of what needs the whole night, and the policy's decisions."""
        samples = nights.night_samples(self._lake, self._night)
        seen = nights.night_verdicts(self._lake, self._night)
        inherited = inherit(samples, seen, self._flagged())
        seen = pa.concat_tables([seen.select(VERDICTS.names), inherited])
        standing = eligible(samples, seen, self._rules.policies)
        rates = pass_rates(self._lake, self._student, problems=self._problems) if self._student else {}
        context = self._context(
            eligible=standing,
            history=open_history(self._lake),
            questions=open_questions(self._lake) if _write_questions(samples) else None,
            rates=rates,
            evidence={item.name: night_evidence(self._lake, self._night, item.name) for item in self._rules.asking},
            correct=checked_answers(self._lake, self._night),
        )
        by_night = run_filters(self._of_scope("night"), samples, context)
        left = eligible(samples, pa.concat_tables([seen, by_night]), self._rules.policies)
        last = run_filters(self._of_scope("last"), samples, self._context(eligible=left, earlier=self._earlier()))
        verdicts = pa.concat_tables([inherited, by_night, last])
        names = [item.name for item in self._rules.filters]
        people = verdicts_of_people(self._lake, samples["sample_id"].to_pylist())
        all_verdicts = pa.concat_tables([seen, verdicts])
        decisions = decide(samples, all_verdicts, self._rules.policies, filters=names, reviews=people)
        return samples, verdicts, decisions

    def stop_on_alarms(self) -> None:
        """Stop the decided night when a filter removed more than it may.

        Raises:
            AlarmError: One did, and nobody has accepted it.
        """
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


def _write_questions(samples: pa.Table) -> bool:
    """Whether a row asks a question that its method wrote; it is looked up in history then."""
    return bool(pc.any(pc.match_substring(samples["notes"], '"question"')).as_py())
