"""The recipe: a night described in YAML, validated before anything is paid."""

import re
import shlex
import string
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, PrivateAttr, StringConstraints, ValidationError, field_validator, model_validator

from flows.recipe.fault import sentence
from flows.recipe.overrides import apply_override, from_here
from flows.recipe.parts import BaseSpec, BudgetSpec, MethodSpec, Part, ProblemsSpec, SourceSpec
from flows.recipe.text import read_yaml
from flows.recipe.train import TrainSpec
from flows.recipe.variables import with_numbers
from storage.errors import RecipeError
from storage.ids import digest
from storage.unknown_names import unknown
from synth.engines.spec import PROMOTED, VERIFIER, ModelSpec
from train_stages.experiment.config import ExperimentConfig
from train_stages.models.tiny import TinyConfig

_ROLE = r"^[A-Za-z_][A-Za-z0-9_-]{0,63}$"
"""Names of roles are names of folders."""
_HUB_NAME = re.compile(r"\w[\w.-]*(/\w[\w.-]*)?")


class Recipe(Part):
    """One night and the training that follows it."""

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9_-]{0,63}$", description="Name of its nights.")
    description: str = Field("", description="For people.")
    dataset: str = Field("reasoning", pattern=r"^[a-z0-9][a-z0-9_-]{0,63}$", description="Name of the release.")
    where: str | None = Field(
        None, description="SQL condition over `accepted` for the release; None takes the rows of this recipe's nights."
    )
    vars: dict[str, str] = Field(
        default_factory=dict, description="Values for ${name}, in paths and in place of numbers."
    )
    draw: Literal["new", "again"] = Field(
        "again", description="`new` asks old questions afresh; `again` takes the ledger's answers."
    )
    answer: Literal["hash", "boxed", "phrase", "tags", "own"] | None = Field(
        None,
        description="How prompts ask for final answers and solutions by rule or by people are written: `#### x`, `\\boxed{x}`, "
        "`The answer is x.`, `<answer>x</answer>` (`tags`); `own` leaves it to your prompts. None: boxed where a real model "
        "writes or learns (`base.checkpoint`, or a role that a method asks, of the engine vllm and not the promoted student), "
        "else hash. A task's own format wins.",
    )
    mixed_formats: bool = Field(
        False, description="Whether the answers of one task may have several formats in a release."
    )
    shard: int = Field(500, ge=1, description="Attempts per Prefect task.")
    problems: ProblemsSpec = Field(description="Where the night's problems come from, see below.")
    benchmarks: tuple[SourceSpec, ...] = Field((), description="Benchmarks that the data must not hold.")
    models: dict[Annotated[str, StringConstraints(pattern=_ROLE)], ModelSpec] = Field(
        default_factory=dict, description="Who answers, by role: student, teacher, ..."
    )
    prompts: dict[str, str] = Field(
        default_factory=dict, description="Files to use instead of prompts, by name: solve, tutorship/correct."
    )
    methods: tuple[MethodSpec, ...] = Field(min_length=1, description="How samples are written, see below.")
    filters: dict[str, dict[str, Any]] = Field(default_factory=dict, description="Options by filter.")
    policy: dict[str, dict[str, Any]] = Field(default_factory=dict, description="Options of the policy by method.")
    alarms: dict[str, Any] = Field(
        default_factory=dict,
        description="What a filter may remove of a method before the release stops: share, shares, fewest.",
    )
    budget: BudgetSpec = Field(BudgetSpec(), description="Hard stops of a night.")
    base: BaseSpec = Field(BaseSpec(), description="The model that the first training starts from.")
    train: TrainSpec | None = Field(None, description="The training behind the night; None: none.")
    experiment: ExperimentConfig | None = Field(None, description="What `nightschool compare` compares.")
    folder: str = Field(".", exclude=True, description="Folder of the recipe file; relative paths start there.")
    _file: str = PrivateAttr("RECIPE")
    _settings: tuple[str, ...] = PrivateAttr(())

    @field_validator("vars", mode="before")
    @classmethod
    def _numbers_too(cls, value: Any) -> Any:
        if not isinstance(value, Mapping):
            return value
        return {name: str(item) if isinstance(item, int | float) else item for name, item in value.items()}

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
                raise ValueError(f"{spec.method}: {sentence(error, method.params, spec.params, 'params')}") from None
        return value

    @model_validator(mode="after")
    def _consistent(self) -> "Recipe":
        names = {source.name for source in self.problems.sources}
        currencies = sorted({spec.price.currency for spec in self.models.values() if spec.price.currency})
        if len(currencies) > 1:
            raise ValueError(
                f"models: prices in {' and '.join(currencies)}; give all of them in one currency, so that costs add up"
            )
        for name, options in self.filters.items():
            if (role := options.get("role")) is not None:
                self._check_role(name, str(role))
        for spec in self.methods:
            for role in _asked_roles(spec):
                if role not in self.models:
                    raise ValueError(f"method {spec.method!r} asks a {role}, but models.{role} is missing")
            for name in spec.sources or ():
                if name not in names:
                    raise ValueError(f"method {spec.method!r}: {unknown('source', name, names)}")
        self._check_options()
        self._check_templates()
        return self

    def _check_role(self, name: str, role: str) -> None:
        """Refuse a role that a filter cannot ask."""
        from filters import find_filter

        try:
            kind = find_filter(name)
        except RecipeError as error:
            raise ValueError(f"filters: {error}") from None
        if role not in self.models:
            raise ValueError(f"filters.{name}.role: {unknown('role', role, self.models)}")
        if kind.asks is not None and kind.asks.scores and self.models[role].engine != "vllm":
            raise ValueError(f"filters.{name}.role: models.{role} must have the engine vllm, which scores prompts")
        if kind.asks is not None and kind.asks.verifies != (self.models[role].engine == "verifier"):
            need = "must have" if kind.asks.verifies else "writes nothing: take another than"
            raise ValueError(f"filters.{name}.role: models.{role} {need} the engine verifier")

    def _check_options(self) -> None:
        """Refuse what a training would refuse, before the night that it follows is paid."""
        sizes = {name: spec for name, spec in self.base.tiny.items() if name != "seed"}
        try:
            TinyConfig.model_validate(sizes)
            _ = self.train.steps if self.train is not None else ()
        except ValidationError as error:
            raise ValueError(sentence(error, TinyConfig, sizes, "base.tiny")) from None
        except RecipeError as error:
            raise ValueError(str(error)) from None

    def _check_templates(self) -> None:
        """Refuse a stage that would see another prompt than the student is served."""
        student = self.models.get("student")
        if student is None or self.train is None:
            return
        for step in self.train.steps:
            told = getattr(step.config, "chat_template", None)
            if told is not None and told != student.chat_template:
                raise ValueError(
                    f"{step.key}.chat_template: {told} is not what models.student.chat_template says, {student.chat_template}, so "
                    "the stage would see another prompt than the student is served: say the same in both"
                )

    @property
    def digest(self) -> str:
        """Digest of what the recipe says, `--set` included; an update that adds an option does not change it."""
        return digest("recipe", self.said())

    def said(self) -> dict[str, Any]:
        """Return what the recipe says beyond the defaults."""
        return self.model_dump(mode="json", exclude_defaults=True)

    @property
    def answer_format(self) -> str:
        """Name of the format of final answers: the one it says, else boxed for real models and hash for the toy."""
        if self.answer is not None:
            return self.answer
        asked = {role for spec in self.methods for role in _asked_roles(spec)}
        writers = [spec for role, spec in self.models.items() if role in asked]
        served = any(spec.engine == "vllm" and spec.checkpoint != PROMOTED for spec in writers)
        return "boxed" if served or self.base.checkpoint else "hash"

    @property
    def currency(self) -> str:
        """Currency of the models' prices; empty where none says it."""
        return next((spec.price.currency for spec in self.models.values() if spec.price.currency), "")

    @property
    def condition(self) -> str:
        """SQL condition of the release."""
        return self.where or f"split_part(night, '/', 2) = '{self.name}'"

    def command(self, date: str, *options: str) -> str:
        """Return the command line that runs its night of a date, `--set` included, without passwords in addresses."""
        settings = [
            word for text in self._settings for word in ("--set", re.sub(r"(://[^/@\s]*:)[^@\s]+(?=@)", r"\1***", text))
        ]
        return shlex.join(["nightschool", "run", self._file, "--date", date, *settings, *options])

    def path(self, text: str) -> Path:
        """Resolve a path of the recipe: `${name}` from `vars`, relative ones from the recipe's folder."""
        path = Path(self.fill(text)).expanduser()
        return path if path.is_absolute() else Path(self.folder) / path

    def checkpoint(self, text: str) -> str:
        """Return a checkpoint: the folder, where there is one; else what has the form of a name on the Hub, as it stands."""
        path, filled = self.path(text), self.fill(text)
        return filled if not path.exists() and _HUB_NAME.fullmatch(filled) else str(path)

    def on_hub(self, text: str) -> bool:
        """Whether a checkpoint names a model on the Hub: no folder here, and of the form of such a name."""
        named = text in (PROMOTED, VERIFIER)
        return not named and self.checkpoint(text) == self.fill(text) and not self.path(text).exists()

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


def _asked_roles(spec: MethodSpec) -> tuple[str, ...]:
    """Roles that an entry of `methods` asks, those of its scorers included."""
    from synth.methods import get_method

    method = get_method(spec.method)
    return method.asked_roles(method.params.model_validate(spec.params))


def load_recipe(path: Path, overrides: Sequence[str] = ()) -> Recipe:
    """Read a recipe and apply `key.path=value` overrides.

    Raises:
        RecipeError: The file is missing, is no YAML, or a value cannot be used; the message names the key.
    """
    content = read_recipe(path)
    settings = [from_here(override) for override in overrides]
    for setting in settings:
        apply_override(content, setting)
    recipe = make_recipe(content, folder=path.parent.resolve())
    recipe._file, recipe._settings = str(path.resolve()), tuple(settings)
    return recipe


def read_recipe(path: Path) -> dict[str, Any]:
    """Read what a recipe's file says, before it is validated.

    Raises:
        RecipeError: The file is missing, or is no YAML mapping.
    """
    try:
        content = read_yaml(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise RecipeError(f"recipe {path} does not exist") from None
    except (OSError, UnicodeDecodeError) as error:
        raise RecipeError(f"recipe {path} cannot be read: {error}") from None
    except RecipeError as error:
        raise RecipeError(f"recipe {path} is {error}") from None
    if not isinstance(content, dict):
        raise RecipeError(f"recipe {path} must be a mapping with name, problems, models and methods")
    return content


def make_recipe(content: Mapping[str, Any], *, folder: Path) -> Recipe:
    """Validate a recipe.

    Raises:
        RecipeError: A value cannot be used; the message names the key, the value and what would be right.
    """
    try:
        return Recipe.model_validate({**with_numbers(content), "folder": str(folder)})
    except ValidationError as error:
        raise RecipeError(f"recipe: {sentence(error, Recipe, content)}") from None
