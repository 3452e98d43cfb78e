"""Draws a night: held-out sets first, then problems that are in none of them, then the attempts to make on them."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from storage.catalog.leases import Lease
from storage.errors import ProblemError
from storage.ids import digest, seed_from
from storage.lake.lake import Lake, table_of
from storage.lake.nights import gone_structures, known_problems, structures
from storage.models.promotion_sets import items_of, open_set, record_set, set_problems, unlooked
from synth.calls.prompting import Prompts
from synth.methods.base import Method, Params
from synth.night.preparing import NotPrepared, Prepared
from synth.night.runner import Attempt, attempt_id
from synth.problems import get_task, open_source
from synth.problems.base import Problem, Source
from synth.problems.files import Dropped
from synth.problems.holdout import draw_heldout
from synth.sample import problem_of, problem_row

HELD_OUT = ("heldout", "validation")
"""Splits that are never trained on: the promotion test's items, and those that choices during training are made on."""

SHOWN = 8
"""Rows of a file that are named when some are left out."""


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A row of a source that made no problem.

    Attributes:
        source: The recipe's name of the source.
        dropped: The row, and why.
    """

    source: str
    dropped: Dropped

    def row(self, night: str) -> dict[str, Any]:
        """Return its row of `left_out`, which holds nothing of its text."""
        row = self.dropped
        return {
            "night": night,
            "source": self.source,
            "line": row.line,
            "reason": row.reason,
            "kept_line": row.kept or None,
        }

    def to_json(self) -> dict[str, Any]:
        """Return all there is to say, as plain values."""
        return {"source": self.source, **asdict(self.dropped)}


@dataclass(frozen=True)
class Draw:
    """What to draw from one source.

    Attributes:
        name: Name of the source in rows.
        kind: Kind of source.
        options: Its options.
        limit: Problems at most.
        tier: A tier, or None.
        heldout: Held-out problems per tier.
        validation: Validation problems per tier.
        tiers: Tiers of the held-out problems.
    """

    name: str
    kind: str
    options: Mapping[str, Any]
    limit: int
    tier: int | None
    heldout: int
    validation: int
    tiers: tuple[int, ...]

    def open(self) -> Source:
        """Open the source; raises RecipeError or ProblemError when it cannot be used."""
        return open_source(self.kind, self.options)

    def draw(
        self,
        limit: int,
        *,
        seed: int,
        tier: int | None,
        exclude: frozenset[str],
        drop: Callable[[LeftOut], None] = lambda row: None,
    ) -> list[Problem]:
        """Draw problems, with the recipe's name of the source on them; `drop` is given each row that the source left out."""
        source = self.open()
        problems = [
            replace(problem, source=self.name) for problem in source.draw(limit, seed=seed, tier=tier, exclude=exclude)
        ]
        for row in getattr(source, "dropped", ()):
            drop(LeftOut(self.name, row))
        return problems


def left_out_sentences(rows: Iterable[LeftOut]) -> Iterator[str]:
    """Say which rows of sources made no problem, a sentence for each source and reason."""
    lines: dict[tuple[str, str], list[int]] = defaultdict(list)
    for row in rows:
        lines[row.source, row.dropped.reason].append(row.dropped.line)
    for (source, reason), numbers in sorted(lines.items()):
        shown = ", ".join(map(str, numbers[:SHOWN])) + (", ..." if len(numbers) > SHOWN else "")
        noun = "row" if len(numbers) == 1 else "rows"
        yield f"source {source}: {len(numbers):,} {noun} left out, {reason} ({noun} {shown})"


def hold_out(lake: Lake, draw: Draw, *, night: str, seed: int, lease: Lease | None = None) -> int:
    """Draw a source's held-out sets, once for all nights, before anything is drawn to be learned.

    A problem that was learned from before, was taken down or is held out already can test nothing and is left out.

    Returns:
        How many problems fewer there are than asked for, the first time; 0 when the sets are there already.

    Raises:
        ProblemError: A tier has fewer than two problems to hold out.
        LeaseError: `lease`, that of drawing, has passed to another night; nothing is written.
    """
    wanted = {"heldout": draw.heldout, "validation": draw.validation}
    if not any(wanted.values()):
        return 0
    key = digest("heldout", draw.kind, dict(draw.options), list(draw.tiers), wanted, seed)
    if lake.has(f"heldout:{draw.name}:{key}"):
        return 0
    problems = draw_heldout(draw.open(), sum(wanted.values()), draw.tiers, seed_from("heldout", draw.name, seed))
    learned = structures(lake, ["train"]) | gone_structures(lake)
    known_ids = known_problems(lake, [problem.id for problem in problems])
    rows = []
    for tier in draw.tiers:
        members = [problem for problem in problems if problem.tier == tier]
        if len(members) < 2:
            raise ProblemError(
                f"source {draw.name!r} has {len(members)} problems of tier {tier} with a gold answer to hold out"
            )
        share = round(len(members) * draw.validation / sum(wanted.values()))
        for number, problem in enumerate(members):
            if problem.structure_id in learned or problem.id in known_ids:
                continue
            problem = replace(problem, source=draw.name)
            rows.append(problem_row(problem, split="validation" if number < share else "heldout", night=night))
    tables = {"problems": table_of("problems", rows)}
    lake.commit(f"heldout:{draw.name}:{key}", "heldout", tables, night=night, lease=lease)
    return sum(wanted.values()) * len(draw.tiers) - len(rows)


def decision_items(lake: Lake, draws: Iterable[Draw], *, night: str, seed: int, fresh: bool) -> list[Problem]:
    """Return the items that a night's promotion is decided by, put together once per night.

    Of each source and tier that holds problems out: items that no decision has looked at yet, drawn anew where the source
    can (`procedural`); where that gives too few, every held-out item of the tier, and the level is spent (see
    `storage.models.promotion_sets`).

    Args:
        lake: The lake; what is drawn is committed as held out, so no later night learns from it.
        draws: The night's sources.
        night: The night that decides.
        seed: The recipe's seed.
        fresh: Look for new items; False takes every held-out item.

    Raises:
        ProblemError: A source is missing, broken or empty.
    """
    if not open_set(lake, night):
        items: list[str] = []
        drawn_rows: list[dict[str, Any]] = []
        with lake.workspace.lock("draw"):
            for draw in draws:
                for tier in draw.tiers if draw.heldout else ():
                    unseen = unlooked(lake, draw.name, tier) if fresh else []
                    if fresh and len(unseen) < draw.heldout:
                        drawn_rows += (drawn := _draw_more(lake, draw, tier, draw.heldout - len(unseen), night, seed))
                        unseen += [row["problem_id"] for row in drawn]
                    every = items_of(lake, draw.name, tier)
                    items += unseen[: draw.heldout] if len(unseen) >= draw.heldout else every + [
                        row["problem_id"] for row in drawn_rows if row["source"] == draw.name and row["tier"] == tier
                    ]  # fmt: skip
            record_set(lake, items, drawn_rows, name="promotion", night=night)
    return [problem_of(row) for row in set_problems(lake, night)]


def _draw_more(lake: Lake, draw: Draw, tier: int, count: int, night: str, seed: int) -> list[dict[str, Any]]:
    """Draw further held-out problems from a source that makes them: of no structure that any night has seen."""
    source = draw.open()
    if not getattr(source, "procedural", False):
        return []
    exclude = frozenset(structures(lake, [*HELD_OUT, "train"])) | gone_structures(lake)
    drawn = source.draw(count, seed=seed_from("decision", draw.name, night, tier, seed), tier=tier, exclude=exclude)
    held = [replace(problem, source=draw.name) for problem in drawn if problem.gold]
    return [problem_row(problem, split="heldout", night=night) for problem in held]


def draw_night(
    lake: Lake,
    draws: Iterable[Draw],
    *,
    night: str,
    seed: int,
    fresh: bool,
    drop: Callable[[LeftOut], None],
    round_number: int = 0,
    exclude: frozenset[str] = frozenset(),
) -> dict[str, list[Problem]]:
    """Draw a night's problems by source: no structure twice, none that is held out, none that was taken down.

    Args:
        lake: Where the held-out and the earlier problems are.
        draws: What to draw from each source.
        night: Logical date and recipe; it enters the seed.
        seed: The recipe's seed.
        fresh: Leave out what earlier nights had.
        drop: Given each row of a source that made no problem.
        round_number: Which round of the night it is, from 0; it enters the seed.
        exclude: Structures that the night has already.

    Raises:
        ProblemError: A source is missing, broken or empty.
    """
    splits = [*HELD_OUT, "train"] if fresh else list(HELD_OUT)
    exclude |= frozenset(structures(lake, splits)) | gone_structures(lake)
    drawn: dict[str, list[Problem]] = {}
    for draw in draws:
        own_seed = seed_from("draw", draw.name, night, seed, *([round_number] if round_number else []))
        problems = draw.draw(draw.limit, seed=own_seed, tier=draw.tier, exclude=exclude, drop=drop)
        drawn[draw.name] = problems
        exclude |= {problem.structure_id for problem in problems}
    return drawn


@dataclass(frozen=True)
class Assignment:
    """A method with what it works on.

    Attributes:
        method: The method.
        params: Its parameters.
        sources: Sources it works on; None means all.
        limit: Problems at most.
        repetitions: Attempts per problem.
        prompts: Files to use instead of prompts, by name, as the recipe names them.
        prepared: What the method prepared, for those that do, once it has.
    """

    method: Method
    params: Params
    sources: tuple[str, ...] | None
    limit: int | None
    repetitions: int
    prompts: Mapping[str, str] = field(default_factory=dict)
    prepared: Prepared | NotPrepared | None = None

    def attempt(self, night: str, problem: Problem, repetition: int, shard: int) -> Attempt:
        """Return one of its attempts."""
        identity = attempt_id(night, self.method.name, self.params, problem, repetition, self.prompts)
        return Attempt(
            identity, night, self.method, self.params, problem, repetition, shard, self.prompts, self.prepared
        )

    def problems_of(self, attempts: Iterable[Attempt]) -> list[Problem]:
        """Return the problems of its attempts among these, each once."""
        own = (self.method.name, self.params, self.prompts)
        problems = (each.problem for each in attempts if (each.method.name, each.params, each.prompts) == own)
        return list({problem.id: problem for problem in problems}.values())


def plan_attempts(
    assignments: Iterable[Assignment],
    problems: Mapping[str, Sequence[Problem]],
    *,
    night: str,
    shard: int,
    first_shard: int = 0,
) -> list[Attempt]:
    """List a night's attempts, each once, cut into shards of `shard` in a stable order, numbered from `first_shard`."""
    planned: dict[str, Attempt] = {}
    for assignment in assignments:
        tasks = assignment.method.tasks
        for source, members in problems.items():
            if assignment.sources is not None and source not in assignment.sources:
                continue
            fitting = [problem for problem in members if not tasks or problem.task in tasks]
            for problem in fitting[: assignment.limit]:
                for repetition in range(assignment.repetitions):
                    attempt = assignment.attempt(night, problem, repetition, first_shard + len(planned) // shard)
                    planned.setdefault(attempt.id, attempt)
    return list(planned.values())


def find_attempts(
    assignments: Iterable[Assignment], problems: Iterable[Problem], rows: Iterable[Mapping[str, Any]]
) -> list[Attempt]:
    """Turn planned rows of the lake back into attempts, in the order of the rows.

    Raises:
        ProblemError: A row belongs to no method and problem of the night.
    """
    by_id = {problem.id: problem for problem in problems}
    by_method: dict[str, list[Assignment]] = {}
    for assignment in assignments:
        by_method.setdefault(assignment.method.name, []).append(assignment)
    attempts = []
    for row in rows:
        problem = by_id.get(row["problem_id"])
        for assignment in by_method.get(row["method"], []) if problem else []:
            assert problem is not None
            attempt = assignment.attempt(row["night"], problem, row["repetition"], row["shard"])
            if attempt.id == row["attempt_id"]:
                attempts.append(attempt)
                break
        else:
            raise ProblemError(f"planned attempt {row['attempt_id']} of {row['method']} fits no method of the recipe")
    return attempts


def vocabulary_texts(draws: Iterable[Draw], prompts: Prompts, *, per_tier: int = 300, seed: int = 0) -> Iterator[str]:
    """Yield texts in which every common word of these sources, their solutions and lessons about them occurs."""
    for draw in draws:
        source = draw.open()
        for tier in draw.tiers:
            for problem in source.draw(per_tier, seed=seed_from("vocabulary", seed, tier), tier=tier):
                task = get_task(problem.task)
                solution = task.solve(problem) or problem.gold
                yield from (message["content"] for message in prompts.messages("solve", {"problem": problem}))
                yield solution
                attempt = "\n".join([*task.steps(solution)[:-1], f"#### {problem.gold}9"])
                review = task.review(problem, attempt)
                if review is None:
                    continue
                why, step = review.explanation, (review.first_wrong or 0) + 1
                lesson = {
                    "attempt": attempt,
                    "check": "wrong",
                    "first_error_step": step,
                    "why": why,
                    "corrected": "\n".join(review.correction),
                }
                yield from (
                    m["content"]
                    for m in prompts.messages("tutorship/lesson_question", {"problem": problem, "attempt": attempt})
                )
                yield prompts.text("tutorship/lesson_answer", {"problem": problem, **lesson})
                yield prompts.text("tutorship/lesson_answer", {"problem": problem, **lesson, "check": "correct"})
