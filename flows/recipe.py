"""The recipe: a night described in YAML, validated before anything is paid."""

import string
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, time, timedelta
from pathlib import Path
from typing import Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from storage.errors import RecipeError
from storage.ids import digest
from storage.names import unknown
from synth.engines.spec import ModelSpec
from train_stages.evaluate import EvaluateConfig
from train_stages.experiment import ExperimentConfig
from train_stages.promote import PromoteConfig
from train_stages.text_loss import TextsConfig


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class SourceSpec(_Part):
    """Where problems come from."""

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9_-]{0,63}$", description="Name in rows and reports.")
    kind: str = Field(description="Source: arithmetic, knights_knaves, gsm8k, svamp, file, hub, or one of your own.")
    options: dict[str, Any] = Field(default_factory=dict, description="Options of the source.")
    limit: int | None = Field(None, ge=1, description="At most this many problems a night; None takes problems.limit.")
    tier: int | Literal["frontier"] | None = Field(
        None, description="A tier, or `frontier`: the lowest tier that the student has not mastered yet."
    )
    heldout: int = Field(0, ge=0, description="Problems per tier kept for the promotion test, never trained on.")
    validation: int = Field(
        0, ge=0, description="Problems per tier kept for choices during training, never trained on."
    )
    tiers: tuple[int, ...] = Field(
        (1,), description="Tiers that held-out problems are drawn from, and the frontier's range."
    )


class ProblemsSpec(_Part):
    """The night's problems."""

    sources: tuple[SourceSpec, ...] = Field(min_length=1)
    limit: int = Field(1000, ge=1, description="At most this many problems a night from each source.")
    seed: int = Field(0, ge=0, description="Seed of procedural sources, together with the logical date.")
    fresh: bool = Field(True, description="Leave out problems that earlier nights had, by canonical structure.")

    @model_validator(mode="after")
    def _names_differ(self) -> "ProblemsSpec":
        names = [source.name for source in self.sources]
        if len(set(names)) < len(names):
            raise ValueError(f"source names must differ: {', '.join(names)}")
        return self


class MethodSpec(_Part):
    """How samples are written."""

    method: str
    params: dict[str, Any] = Field(default_factory=dict)
    sources: tuple[str, ...] | None = Field(None, description="Sources it works on; None means every one it can.")
    limit: int | None = Field(None, ge=1, description="At most this many problems of a source.")
    repetitions: int = Field(1, ge=1, le=1000, description="Attempts per problem.")


class BudgetSpec(_Part):
    """A hard stop for one night."""

    calls: int | None = Field(None, ge=0)
    tokens: int | None = Field(None, ge=0)
    cost: float | None = Field(None, ge=0, description="In the currency of the models' prices.")
    failures: float | None = Field(
        0.5, ge=0, le=1, description="Share of attempts that may fail; when more do, the night stops early. None: all."
    )
    finish_by: str | float | None = Field(
        None,
        description="Time of day (UTC) by which the night must be through with asking, '06:00', or seconds from its start.",
    )

    @field_validator("finish_by")
    @classmethod
    def _a_time(cls, value: str | float | None) -> str | float | None:
        if isinstance(value, str):
            try:
                time.fromisoformat(value)
            except ValueError:
                raise ValueError("write a time of day, '06:00', or a number of seconds") from None
        elif value is not None and value <= 0:
            raise ValueError("must be a positive number of seconds")
        return value

    def deadline(self, start: datetime) -> datetime | None:
        """Return when a night that starts at `start` must be through with asking."""
        if self.finish_by is None:
            return None
        if not isinstance(self.finish_by, str):
            return start + timedelta(seconds=self.finish_by)
        today = datetime.combine(start.date(), time.fromisoformat(self.finish_by), tzinfo=UTC)
        return today if today > start else today + timedelta(days=1)


class WhenSpec(_Part):
    """When to retrain: what must have changed since the last training. Any one of the conditions is enough."""

    min_new_rows: int | None = Field(
        None, ge=1, description="At least this many accepted rows are new; 1 when nothing else is said."
    )
    min_new_tokens: int | None = Field(None, ge=1, description="At least this many tokens (words) are new.")
    max_drift: float | None = Field(
        None,
        ge=0,
        lt=1,
        description="The shares of (method, task) moved by more than this (total variation distance, 0 to 1).",
    )
    benchmarks: bool = Field(
        True, description="Rows of the last training hold a benchmark item, because the benchmarks have grown."
    )

    @property
    def rows(self) -> int | None:
        """The bound on new rows that holds."""
        nothing_said = self.min_new_rows is None and self.min_new_tokens is None and self.max_drift is None
        return 1 if nothing_said else self.min_new_rows


class EvaluateSpec(EvaluateConfig):
    """How models are evaluated, and on what besides the held-out problems."""

    benchmarks: tuple[SourceSpec, ...] = Field(
        (), description="Benchmarks that a candidate must not lose; the data must not hold them either."
    )
    texts: TextsConfig | None = Field(None, description="Held-out text whose loss must not rise.")
    engine: Literal["transformers", "vllm"] = Field(
        "transformers", description="`vllm` serves each checkpoint with vLLM; `transformers` loads it in this process."
    )


class TrainSpec(_Part):
    """When and how the student is retrained."""

    when: WhenSpec = WhenSpec()
    tasks: tuple[str, ...] | None = Field(None, description="Only rows of these tasks; None means all.")
    methods: tuple[str, ...] | None = Field(None, description="Only rows of these methods; None means all.")
    cpt: dict[str, Any] | None = Field(
        None, description="Options of continued pre-training; None leaves the stage out."
    )
    sft: dict[str, Any] | None = Field(None, description="Options of supervised fine-tuning.")
    preference: dict[str, Any] | None = Field(None, description="Options of preference training (DPO, ORPO, KTO).")
    rl: dict[str, Any] | None = Field(None, description="Options of reinforcement learning with verifiable rewards.")
    evaluate: EvaluateSpec = EvaluateSpec()
    promote: PromoteConfig = PromoteConfig()
    seed: int = Field(0, ge=0)


class BaseSpec(_Part):
    """The untrained model that the first night starts from, when a model is `promoted` and none was."""

    checkpoint: str | None = Field(
        None, description="A Hugging Face folder or hub name; None makes a tiny model from scratch."
    )
    tiny: dict[str, Any] = Field(default_factory=dict, description="Sizes of the tiny model.")


class Recipe(_Part):
    """One night and the training that follows it."""

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9_-]{0,63}$")
    description: str = ""
    dataset: str = Field("reasoning", pattern=r"^[a-z0-9][a-z0-9_-]{0,63}$", description="Name of the release.")
    where: str | None = Field(
        None, description="SQL condition over `accepted` for the release; None takes the rows of this recipe's nights."
    )
    vars: dict[str, str] = Field(default_factory=dict, description="Values for ${name} in paths.")
    draw: Literal["new", "again"] = Field(
        "again", description="`new` asks old questions afresh; `again` takes the ledger's answers."
    )
    shard: int = Field(500, ge=1, description="Attempts per Prefect task.")
    problems: ProblemsSpec
    benchmarks: tuple[SourceSpec, ...] = Field((), description="Benchmarks that the data must not hold.")
    models: dict[str, ModelSpec] = Field(default_factory=dict)
    prompts: dict[str, str] = Field(default_factory=dict, description="Files to use instead of the built-in prompts.")
    methods: tuple[MethodSpec, ...] = Field(min_length=1)
    filters: dict[str, dict[str, Any]] = Field(default_factory=dict, description="Options by filter.")
    policy: dict[str, dict[str, Any]] = Field(default_factory=dict, description="Options of the policy by method.")
    alarms: dict[str, Any] = Field(
        default_factory=dict,
        description="What a filter may remove of a method before the release stops: share, shares, fewest.",
    )
    budget: BudgetSpec = BudgetSpec()
    base: BaseSpec = BaseSpec()
    train: TrainSpec | None = None
    experiment: ExperimentConfig | None = Field(None, description="What `nightschool compare` compares.")
    folder: str = Field(".", exclude=True, description="Folder of the recipe file; relative paths start there.")

    @field_validator("methods")
    @classmethod
    def _known_methods(cls, value: tuple[MethodSpec, ...]) -> tuple[MethodSpec, ...]:
        from synth.methods import get_method

        for spec in value:
            try:
                method = get_method(spec.method)
                method.params.model_validate(spec.params)
            except RecipeError as error:
                raise ValueError(str(error)) from None
            except ValidationError as error:
                raise ValueError(f"{spec.method}: params.{_sentence(error)}") from None
        return value

    @model_validator(mode="after")
    def _consistent(self) -> "Recipe":
        from synth.methods import get_method

        names = {source.name for source in self.problems.sources}
        for name in ("judge", "perplexity"):
            role = self.filters.get(name, {}).get("role")
            if role is not None and role not in self.models:
                raise ValueError(f"filters.{name}.role: {unknown('role', str(role), self.models)}")
            if role is not None and name == "perplexity" and self.models[role].engine != "vllm":
                raise ValueError(
                    f"filters.perplexity.role: models.{role} must have the engine vllm, which scores prompts"
                )
        for spec in self.methods:
            for role in get_method(spec.method).roles:
                if role not in self.models:
                    raise ValueError(f"method {spec.method!r} asks a {role}, but models.{role} is missing")
            for name in spec.sources or ():
                if name not in names:
                    raise ValueError(f"method {spec.method!r}: {unknown('source', name, names)}")
        return self

    @property
    def digest(self) -> str:
        """Digest of what the recipe says, `--set` included; an update that adds an option does not change it."""
        return digest("recipe", self.said())

    def said(self) -> dict[str, Any]:
        """Return what the recipe says beyond the defaults."""
        return self.model_dump(mode="json", exclude_defaults=True)

    @property
    def condition(self) -> str:
        """SQL condition of the release."""
        return self.where or f"split_part(night, '/', 2) = '{self.name}'"

    def path(self, text: str) -> Path:
        """Resolve a path of the recipe: `${name}` from `vars`, relative ones from the recipe's folder."""
        path = Path(self.fill(text)).expanduser()
        return path if path.is_absolute() else Path(self.folder) / path

    def fill(self, text: str) -> str:
        """Replace `${name}` by the recipe's `vars`.

        Raises:
            RecipeError: A name is not among them.
        """
        try:
            return string.Template(text).substitute(self.vars)
        except KeyError as error:
            raise RecipeError(
                f"{text!r} uses ${{{error.args[0]}}}; set it with --set vars.{error.args[0]}=..."
            ) from None
        except ValueError as error:
            raise RecipeError(f"{text!r}: {error}") from None


def load_recipe(path: Path, overrides: Sequence[str] = ()) -> Recipe:
    """Read a recipe and apply `key.path=value` overrides.

    Raises:
        RecipeError: The file is missing, is no YAML, or a value cannot be used; the message names the key.
    """
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise RecipeError(f"recipe {path} does not exist") from None
    except (OSError, UnicodeDecodeError) as error:
        raise RecipeError(f"recipe {path} cannot be read: {error}") from None
    except yaml.YAMLError as error:
        raise RecipeError(f"recipe {path} is no valid YAML: {error}") from None
    if not isinstance(content, dict):
        raise RecipeError(f"recipe {path} must be a mapping with name, problems, models and methods")
    for override in overrides:
        _apply(content, override)
    return make_recipe(content, folder=path.parent.resolve())


def make_recipe(content: Mapping[str, Any], *, folder: Path) -> Recipe:
    """Validate a recipe.

    Raises:
        RecipeError: A value cannot be used; the message names the key, the value and what would be right.
    """
    try:
        return Recipe.model_validate({**content, "folder": str(folder)})
    except ValidationError as error:
        raise RecipeError(f"recipe: {_sentence(error)}") from None


def _apply(content: dict[str, Any], override: str) -> None:
    key, equals, text = override.partition("=")
    if not equals or not key:
        raise RecipeError(f"--set {override!r}: write key.path=value, for example problems.limit=500")
    try:
        value = yaml.safe_load(text)
    except yaml.YAMLError:
        value = text
    *path, last = key.split(".")
    place: Any = content
    for part in path:
        place = _step(place, part, override)
    if isinstance(place, list):
        place[_index(place, last, override)] = value
    elif isinstance(place, dict):
        place[last] = value
    else:
        raise RecipeError(f"--set {override!r}: {'.'.join(path)} holds no further keys")


def _step(place: Any, part: str, override: str) -> Any:
    if isinstance(place, list):
        return place[_index(place, part, override)]
    if isinstance(place, dict):
        if place.get(part) is None:
            place[part] = {}
        return place[part]
    raise RecipeError(f"--set {override!r}: {part!r} lies below a plain value")


def _index(place: list[Any], part: str, override: str) -> int:
    """Find a list entry by number, or by its `name` or `method`."""
    for index, entry in enumerate(place):
        if isinstance(entry, dict) and part in (entry.get("name"), entry.get("method")):
            return index
    if part.isdigit() and int(part) < len(place):
        return int(part)
    raise RecipeError(f"--set {override!r}: there is no entry {part!r} among {len(place)}")


def _sentence(error: ValidationError) -> str:
    """Put the first fault into one sentence with its key and value."""
    first = error.errors(include_url=False)[0]
    key = ".".join(str(part) for part in first["loc"]) or "recipe"
    words = first["msg"].removeprefix("Value error, ")
    more = f" ({error.error_count() - 1} more)" if error.error_count() > 1 else ""
    if first["type"] == "missing":
        return f"{key} is missing{more}"
    if first["type"] == "extra_forbidden":
        return f"{key} is no key that is known here{more}"
    value = first["input"]
    shown = f" = {value!r}" if isinstance(value, str | int | float | bool) else ""
    return f"{key}{shown}: {words}{more}"
