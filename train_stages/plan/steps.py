"""A plan as a recipe writes it, turned into the list of stages to run.

    plan:
      - sft: {name: warm-up, tasks: [knights_knaves], limit: 600, epochs: 1}
      - rl: {name: target, problems: drawn, tasks: [arithmetic], limit: 100}
      - {rounds: 3, plan: [{sft: {...}}, {rl: {...}}]}

A stage is written as `{KIND: {...}}`. The keys of `StepConfig` say where it starts and what it reads; all others are settings
of the stage.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from difflib import get_close_matches
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from storage.errors import QueryError, RecipeError
from storage.releases.selection import Selection
from storage.unknown_names import unknown
from train_stages.config import StageConfig, read_config
from train_stages.stages import Stage, get_stage

MOST_STAGES = 200
"""A plan has at most so many, its rounds counted."""
_NAME = r"^[a-z0-9][a-z0-9_-]{0,63}$"


class Corpus(BaseModel):
    """Plain texts beside the release: a file, or a data set of the Hub."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str | None = Field(
        default=None,
        pattern=_NAME,
        description="Its source in a mixture; None takes the file's or the data set's name.",
    )
    path: str | None = Field(default=None, description="A `.parquet` or `.jsonl` file.")
    hub: str | None = Field(default=None, description="A data set of the Hub, or a local folder in its layout.")
    config: str | None = Field(default=None, description="Configuration of the data set.")
    split: str = Field(default="train", description="Split of the data set.")
    revision: str | None = Field(default=None, description="Revision of the data set.")
    column: str = Field(default="text", description="Column that holds the text.")
    limit: int | None = Field(default=None, ge=1, description="At most so many texts, the first ones.")

    @model_validator(mode="after")
    def _one_place(self) -> "Corpus":
        if (self.path is None) == (self.hub is None):
            raise ValueError("a corpus is either a `path` or a data set of the `hub`")
        if self.path is not None and self.model_fields_set & {"config", "split", "revision"}:
            raise ValueError("`config`, `split` and `revision` belong to the hub; leave them out beside `path`")
        return self

    @property
    def source(self) -> str:
        """Its name in a mixture."""
        location = self.path or self.hub or ""
        return self.name or location.rstrip("/").rpartition("/")[2].rpartition(".")[0] or location.rpartition("/")[2]


class StepConfig(BaseModel):
    """Where a stage of a plan starts, and what it reads. These keys stand beside the settings of the stage."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=False)

    name: str | None = Field(
        default=None,
        pattern=_NAME,
        description="A name of its own; None takes its kind, with a number when it repeats.",
    )
    start: str | None = Field(
        default=None,
        alias="from",
        description="What it is trained from: the name of an earlier stage, `student`, `incumbent`, the id of a checkpoint, or a "
        "folder. None takes the stage before, the first stage the incumbent.",
    )
    where: str | None = Field(
        default=None,
        description="SQL condition over the release's rows, or over the problems of a stage that asks problems.",
    )
    methods: tuple[str, ...] | None = Field(default=None, description="Only rows of these methods; None means all.")
    tasks: tuple[str, ...] | None = Field(default=None, description="Only these tasks; None means all.")
    limit: int | None = Field(
        default=None, ge=1, description="At most so many rows (or problems), a choice by `seed` that stays the same."
    )
    seed: int | None = Field(
        default=None,
        ge=0,
        description="Seed of the choice and of the stage; None takes that of the training and the round.",
    )
    rows: Literal["release", "none"] = Field(
        default="release", description="`none` leaves the release out: only the corpora are read."
    )
    problems: Literal["released", "drawn"] = Field(
        default="released",
        description="`released`: those behind the release's accepted rows; `drawn`: every problem that was drawn until the "
        "release was made, whether a row about it was accepted or not.",
    )
    corpus: tuple[Corpus, ...] = Field(default=(), description="Texts to read beside the release.")


@dataclass(frozen=True, slots=True)
class Origin:
    """Which checkpoint a plan means by a name: what an earlier step makes, one that is there, or else the incumbent.

    Attributes:
        step: Name of the step that makes it.
        checkpoint: The checkpoint, as the recipe names it.
    """

    step: str | None = None
    checkpoint: str | None = None


@dataclass(frozen=True)
class Step:
    """A stage of a plan.

    Attributes:
        key: Where it stands in the recipe: `train.plan.0.sft`.
        name: Its name, which no other step has.
        stage: Its kind.
        options: Its settings, as the recipe gives them.
        selection: What it reads of the release, or of the problems.
        start: Name of the step that it is trained from; None for a checkpoint.
        checkpoint: The checkpoint that it is trained from, as the recipe names it; None for the incumbent.
        seed: Its seed.
        rows: Whether it reads the release.
        problems: Which problems it asks: `released` or `drawn`.
        corpora: Texts that it reads beside the release.
        models: Further checkpoints that its settings name, by that name.
    """

    key: str
    name: str
    stage: Stage
    options: Mapping[str, Any]
    selection: Selection
    start: str | None = None
    checkpoint: str | None = None
    seed: int = 0
    rows: bool = True
    problems: str = "released"
    corpora: tuple[Corpus, ...] = field(default=())
    models: Mapping[str, Origin] = field(default_factory=dict)

    @property
    def config(self) -> StageConfig:
        """Its settings, read.

        Raises:
            RecipeError: One is unknown, ignored by the stage, or out of range.
        """
        return read_config(self.stage.config, self.options, self.key)

    @property
    def drawn(self) -> bool:
        """Whether it asks problems that may have no row."""
        return self.stage.asks and self.problems == "drawn"

    @property
    def source(self) -> str:
        """What it reads, in a few words."""
        if not self.stage.reads:
            return f"weights of {', '.join(self.models)}" if self.models else "its weights"
        parts = [
            "drawn problems" if self.drawn else "problems of the release" if self.stage.asks else "rows of the release"
        ]
        parts = parts if self.rows else []
        chosen = self.selection
        for names in (chosen.methods, chosen.tasks):
            parts += [", ".join(names)] if names else []
        parts += [chosen.where] if chosen.where else []
        parts += [f"at most {chosen.limit:,}"] if chosen.limit else []
        return "; ".join([*parts, *(corpus.source for corpus in self.corpora)])


def read_plan(plan: Sequence[Mapping[str, Any]], *, seed: int = 0, key: str = "train.plan") -> tuple[Step, ...]:
    """Read a plan.

    Args:
        plan: As the recipe writes it.
        seed: Seed of the training, for the stages that name none; in the second round one more, and so on.
        key: Where it stands in the recipe.

    Raises:
        RecipeError: A stage or one of its keys cannot be used; the message names it, with what would be right.
    """
    steps: list[Step] = []
    later = {name for name in _names(plan) if name}
    _read(plan, seed, key, "", steps, later)
    if len(steps) > MOST_STAGES:
        raise RecipeError(f"{key}: {len(steps)} stages, its rounds counted; write at most {MOST_STAGES}")
    if steps and not any(step.stage.answers for step in steps):
        raise RecipeError(
            f"{key}: {steps[-1].stage.name} makes no model that answers: add a stage that does, such as sft"
        )
    return tuple(steps)


def _names(plan: Any) -> list[str]:
    """Names that the stages of a plan are given, to tell a stage that comes later from a checkpoint."""
    names: list[str] = []
    for entry in plan if isinstance(plan, list | tuple) else ():
        for kind, content in entry.items() if isinstance(entry, Mapping) else ():
            if isinstance(content, Mapping):
                names.append(str(content.get("name") or kind))
            elif kind == "plan":
                names += _names(content)
    return names


def _read(plan: Any, seed: int, key: str, suffix: str, steps: list[Step], later: set[str]) -> None:
    if not isinstance(plan, list | tuple):
        raise RecipeError(f"{key}: write a list of stages, - sft: {{epochs: 1}} (given: {plan!r})")
    for number, entry in enumerate(plan):
        at = f"{key}.{number}"
        if isinstance(entry, Mapping) and "rounds" in entry:
            _read_rounds(entry, seed, at, suffix, steps, later)
            continue
        if not isinstance(entry, Mapping) or len(entry) != 1:
            raise RecipeError(
                f"{at}: write one stage, {{sft: {{...}}}}, or {{rounds: 3, plan: [...]}} (given: {entry!r})"
            )
        ((kind, content),) = entry.items()
        steps.append(_step(str(kind), content, seed, at, suffix, steps, later))


def _read_rounds(
    entry: Mapping[str, Any], seed: int, key: str, suffix: str, steps: list[Step], later: set[str]
) -> None:
    rounds = entry["rounds"]
    for other in sorted(entry.keys() - {"rounds", "plan"}):
        raise RecipeError(f"{key}.{other}: {unknown('key', str(other), ['rounds', 'plan'])}")
    if not isinstance(rounds, int) or isinstance(rounds, bool) or not 1 <= rounds <= MOST_STAGES:
        raise RecipeError(f"{key}.rounds = {rounds!r}: write a number from 1 to {MOST_STAGES}")
    for number in range(rounds):
        _read(entry.get("plan"), seed + number, f"{key}.plan", f"{suffix}-{number + 1}", steps, later)
        if len(steps) > MOST_STAGES:
            break


def _step(kind: str, content: Any, seed: int, at: str, suffix: str, steps: Sequence[Step], later: set[str]) -> Step:
    try:
        stage = get_stage(kind)
    except RecipeError as error:
        raise RecipeError(f"{at}: {error}") from None
    key = f"{at}.{kind}"
    if content is None:
        content = {}
    if not isinstance(content, Mapping):
        raise RecipeError(f"{key} = {content!r}: write its settings, {{epochs: 1}}, or {{}}")
    ours = {field.alias or name for name, field in StepConfig.model_fields.items()}
    keys = read_config(StepConfig, {name: value for name, value in content.items() if name in ours}, key)
    options = {name: value for name, value in content.items() if name not in ours}
    step = Step(
        key,
        _name(keys.name, kind, suffix, key, steps),
        stage,
        options,
        Selection(keys.where, keys.methods, keys.tasks, keys.limit, seed if keys.seed is None else keys.seed),
        seed=seed if keys.seed is None else keys.seed,
        rows=keys.rows == "release" and stage.reads,
        problems=keys.problems,
        corpora=keys.corpus,
    )
    _check(step, content, ours)
    return _started(step, keys.start, suffix, steps, later)


READS = ("where", "methods", "tasks", "limit", "rows", "problems", "corpus")
"""Keys that say what a stage reads."""


def _name(name: str | None, kind: str, suffix: str, key: str, steps: Sequence[Step]) -> str:
    taken = {step.name for step in steps}
    if name is not None:
        full = f"{name}{suffix}"
        if full in taken:
            raise RecipeError(f"{key}.name = {name!r}: another stage of the plan is called so; names must differ")
        return full
    full, number = f"{kind}{suffix}", 2
    while full in taken:
        full, number = f"{kind}-{number}{suffix}", number + 1
    return full


def _started(step: Step, start: str | None, suffix: str, steps: Sequence[Step], later: set[str]) -> Step:
    models = {name: _origin(step, "models", name, suffix, steps, later) for name in step.stage.models(step.config)}
    step = replace(step, models=models)
    if start is None:
        return replace(step, start=next((earlier.name for earlier in reversed(steps) if earlier.stage.answers), None))
    origin = _origin(step, "from", start, suffix, steps, later)
    return replace(step, start=origin.step, checkpoint=origin.checkpoint)


def _origin(step: Step, key: str, name: str, suffix: str, steps: Sequence[Step], later: set[str]) -> Origin:
    names = [earlier.name for earlier in steps]
    for earlier in (f"{name}{suffix}", name):
        if earlier in names:
            return Origin(step=earlier)
    if name in later:
        raise RecipeError(
            f"{step.key}.{key} = {name!r}: this stage comes later, or is itself; before it come {', '.join(names) or 'none'}"
        )
    return Origin() if name == "incumbent" else Origin(checkpoint=name)


def _check(step: Step, content: Mapping[str, Any], ours: set[str]) -> None:
    """Refuse what the stage would ignore, and settings that it does not have."""
    asks, reads_corpora = step.stage.asks, step.stage.reads_corpora
    for name in READS if not step.stage.reads else ():
        if name in content:
            raise RecipeError(f"{step.key}.{name}: {step.stage.name} reads no rows: leave it out")
    unused = {
        "problems": (
            not asks,
            f"{step.stage.name} reads rows: `where`, `methods`, `tasks` and `limit` choose among them",
        ),
        "corpus": (not reads_corpora, "only stages that read plain text take a corpus: cpt"),
        "rows": (not reads_corpora, f"{step.stage.name} cannot do without: leave `rows` out, and choose with `where`"),
        "methods": (step.drawn, "drawn problems have no method: leave it out, or write `problems: released`"),
    }
    for name, (ignored, remedy) in unused.items():
        if ignored and name in content:
            raise RecipeError(f"{step.key}.{name}: {remedy} (given: {content[name]!r})")
    if step.stage.reads and not step.rows and not step.corpora:
        raise RecipeError(f"{step.key}.rows = 'none': then it has nothing to read; name a `corpus`")
    try:
        step.selection.inspect("problems" if step.drawn else "accepted")
    except QueryError as error:
        raise RecipeError(f"{step.key}.where: {error}") from None
    own = set(step.stage.config.model_fields)
    for name in sorted(step.options.keys() - own):
        if ours & set(get_close_matches(name, own | ours, n=1, cutoff=0.5)):
            raise RecipeError(f"{step.key}.{name}: {unknown('key', name, ours)}")
    _ = step.config
