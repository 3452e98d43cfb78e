"""Judging: a checkpoint is asked the held-out items, compared with another, and promoted or not. Every response is kept."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import asdict, dataclass, field
from itertools import chain
from typing import Any

import pyarrow as pa

from storage.catalog.leases import Lease
from storage.errors import TrainingError
from storage.lake.lake import Lake
from storage.lake.nights import problem_rows
from storage.models.checkpoints import Checkpoint, record_promotion
from storage.models.evaluations import evaluation_key, find_evaluation, record_evaluation, set_version
from storage.models.promotion_sets import earlier_looks, look_row
from synth.calls.prompting import Prompts
from synth.calls.responder import Responder
from synth.engines.profile import PLAIN, Profile
from synth.problems import checker_versions
from synth.problems.base import Problem
from synth.sample import problem_of
from train_stages.promotion.evaluate import Asking, EvaluateConfig, Evaluation, evaluate, summarise
from train_stages.promotion.promote import Comparison, Decision, Kept, PromoteConfig, compare, keep_rl
from train_stages.promotion.rejudging import judged_today
from train_stages.promotion.statistics import spent_alpha
from train_stages.promotion.text_loss import TextChange, compare_texts, text_losses


@dataclass(frozen=True)
class Exam:
    """What a promotion is decided by.

    Attributes:
        items: The promotion set (`synth.night.draw.decision_items`).
        others: Further items by name, which can refuse and never promote: benchmarks, tasks that are not trained on.
        texts: Held-out text.
        max_length: Tokens of a text at most.
    """

    items: Sequence[Problem]
    others: Mapping[str, Sequence[Problem]] = field(default_factory=dict)
    texts: Sequence[str] = ()
    max_length: int = 512

    @property
    def tasks(self) -> set[str]:
        """The tasks of its items."""
        return {problem.task for problem in [*self.items, *chain.from_iterable(self.others.values())]}


@dataclass(frozen=True)
class Examiner:
    """Who evaluates and decides.

    Attributes:
        lake: The lake.
        night: The night it judges for.
        prompts: The night's prompts; problems are asked as they were in synthesis and training.
        config: How checkpoints are asked.
        tasks: Only validation items of these tasks; None means all.
        seed: Seed of the sampled responses.
        respond: Opens who answers for a checkpoint, a server for example; None loads it in this process.
        engine: Name of who answers, part of an evaluation's identity.
        profile: How the student wants to be asked.
        lease: That of whoever decides, which must still be held when a decision is committed.
    """

    lake: Lake
    night: str
    prompts: Prompts
    config: EvaluateConfig = field(default_factory=EvaluateConfig)
    tasks: tuple[str, ...] | None = None
    seed: int = 0
    respond: Callable[[Checkpoint], AbstractContextManager[Responder]] | None = None
    engine: str = "transformers"
    profile: Profile = PLAIN
    lease: Lease | None = None

    def messages(self, problem: Problem) -> list[dict[str, str]]:
        """Render a problem as a model is asked it."""
        return list(self.profile.frame(tuple(self.prompts.messages("solve", {"problem": problem}))))

    def held_out(self, split: str) -> list[Problem]:
        """Return the problems of a held-out split, of the tasks that are judged.

        Raises:
            TrainingError: There is none.
        """
        problems = [problem_of(row) for row in problem_rows(self.lake, splits=[split])]
        problems = [problem for problem in problems if self.tasks is None or problem.task in self.tasks]
        if not problems:
            raise TrainingError(f"there are no {split} problems to evaluate on; give a source `{split}: 100`")
        return problems

    def evaluate(self, checkpoint: Checkpoint, problems: Sequence[Problem]) -> Evaluation:
        """Ask a checkpoint some problems, or look up what it answered before; outcomes are always those of today's judge.

        Raises:
            TrainingError: There is no problem, one occurs twice, or what another judge decided cannot be judged again.
        """
        version = set_version([problem.id for problem in problems])
        asked = Asking(self.config, self.profile).identity()
        if self.profile.system is not None:
            asked["system"] = self.profile.system
        about = {**asked, "prompt": self.prompts.digests["solve"], "seed": self.seed, "engine": self.engine}
        key = evaluation_key(checkpoint.id, version, about)
        stored = find_evaluation(self.lake, key)
        if stored is None:
            with nullcontext() if self.respond is None else self.respond(checkpoint) as responder:
                evaluation = evaluate(
                    checkpoint.path,
                    problems,
                    self.config,
                    seed=self.seed,
                    to_messages=self.messages,
                    sampler=responder,
                    profile=self.profile,
                )
            record_evaluation(
                self.lake, key, evaluation.rows, checkpoint_id=checkpoint.id, version=version, night=self.night
            )
            stored = find_evaluation(self.lake, key)
            assert stored is not None
        judged = judged_today(stored, {problem.id: problem for problem in problems})
        return summarise(judged, {problem.id: problem.structure_id for problem in problems})

    def keep_better(self, before: Checkpoint, after: Checkpoint) -> Kept:
        """Say whether what RL made is kept, on the validation split, which promotion does not look at."""
        items = self.held_out("validation")
        return keep_rl(self.evaluate(before, items).rows, self.evaluate(after, items).rows)

    def promote(self, incumbent: Checkpoint, candidate: Checkpoint, exam: Exam, config: PromoteConfig) -> Decision:
        """Compare a candidate with the incumbent on the night's promotion set, and record the decision.

        Raises:
            TrainingError: There are no items, or not the same for both.
            CheckpointError: Another model became the student in the meantime.
        """
        if not exam.items:
            raise TrainingError("there are no heldout problems to evaluate on; give a source `heldout: 500`")
        version = set_version([problem.id for problem in exam.items])
        look = 1 + earlier_looks(self.lake, version, night=self.night)
        level = spent_alpha(config.alpha, look)
        both = (incumbent, candidate)
        others = {name: self._rows(both, items) for name, items in exam.others.items()}
        decision = compare(
            *self._rows(both, exam.items), config, level=level, others=others, text=self._texts(both, exam)
        )
        members = len(exam.items)
        looked = look_row(
            version,
            incumbent=incumbent.id,
            candidate=candidate.id,
            look=look,
            level=level,
            items=members,
            night=self.night,
        )
        record_promotion(
            self.lake,
            key=f"promotion:{self.night}:{candidate.id}:{incumbent.id}",
            candidate=candidate.id,
            incumbent=incumbent.id,
            decision=decision.outcome,
            reason=decision.reason,
            figures={**figures(decision, config), "set": version, "look": look, "judge": checker_versions(exam.tasks)},
            night=self.night,
            lease=self.lease,
            more={"promotion_looks": looked},
        )
        return decision

    def _rows(self, both: tuple[Checkpoint, Checkpoint], items: Sequence[Problem]) -> tuple[pa.Table, pa.Table]:
        return self.evaluate(both[0], items).rows, self.evaluate(both[1], items).rows

    def _texts(self, both: tuple[Checkpoint, Checkpoint], exam: Exam) -> TextChange | None:
        if not exam.texts:
            return None
        device = self.config.device
        before, after = (text_losses(each.path, exam.texts, exam.max_length, device=device) for each in both)
        return compare_texts(before, after)


def figures(decision: Decision, config: PromoteConfig) -> dict[str, Any]:
    """Put the evidence of a decision into JSON values."""
    return {
        "overall": _figures(decision.overall),
        "groups": {group.name: _figures(group) for group in decision.groups},
        "others": {group.name: _figures(group) for group in decision.others},
        "sampled": asdict(decision.sampled) if decision.sampled else None,
        "text": asdict(decision.text) if decision.text else None,
        "level": decision.level,
        "config": config.model_dump(mode="json"),
    }


def _figures(comparison: Comparison) -> dict[str, Any]:
    return {
        "incumbent": comparison.incumbent.value,
        "candidate": comparison.candidate.value,
        "incumbent_interval": [comparison.incumbent.low, comparison.incumbent.high],
        "candidate_interval": [comparison.candidate.low, comparison.candidate.high],
        "items": comparison.test.n,
        "gained": comparison.test.gained,
        "lost": comparison.test.lost,
        "p": comparison.test.p,
    }


def accuracy_rows(before: Evaluation, after: Evaluation) -> list[dict[str, Any]]:
    """Put two evaluations side by side, a row per task and tier."""
    old = {(score.task, score.tier): score for score in before.scores}
    rows = []
    for score in after.scores:
        earlier = old[score.task, score.tier]
        rows.append(
            {
                "task": score.task,
                "tier": score.tier,
                "items": score.problems,
                "before": str(earlier.greedy),
                "after": str(score.greedy),
                "sampled_before": earlier.average_at_k,
                "sampled_after": score.average_at_k,
            }
        )
    return rows
