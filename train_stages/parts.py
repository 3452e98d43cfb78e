"""What the parts of a training have in common. A loss, a reward, an order, ... is one file: its settings and its formula.

A part is a frozen pydantic model. Its fields are its settings, each with its source; its class variables say what it is and
what it needs; calling it is the formula. In a recipe it is written `{kind: NAME, setting: value}`, or `NAME` alone:

    loss: {kind: sigmoid_norm, beta: 5}
    schedule: {decay: 0.2}          # another setting of the stage's own schedule
    optimiser: muon
"""

from collections.abc import Callable, Collection, Mapping
from typing import Any, ClassVar, Generic, TypeVar, cast

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    SerializerFunctionWrapHandler,
    ValidationError,
    model_serializer,
)
from pydantic import ValidationInfo as Info

from storage.errors import RecipeError
from storage.registry import Registry
from storage.shown_values import shown_value
from storage.unknown_names import unknown


class Part(BaseModel):
    """Base of every part.

    Attributes:
        name: Its name in recipes, which is also the name of its file or entry point.
        paper: Where it is published; empty where it is nobody's idea in particular.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: ClassVar[str] = ""
    paper: ClassVar[str] = ""

    @model_serializer(mode="wrap")
    def _with_kind(self, settings: SerializerFunctionWrapHandler) -> dict[str, Any]:
        return {"kind": self.name, **settings(self)}

    @classmethod
    def summary(cls) -> str:
        """The first sentence of the part's docstring."""
        return " ".join((cls.__doc__ or "").split("\n\n")[0].split())


P = TypeVar("P", bound=Part)
F = TypeVar("F", bound=Part)
M = TypeVar("M", bound=BaseModel)
Instead = Callable[[str], str | None]
"""What to write instead of a setting that is not there; None when nothing in particular."""


def validated(model: type[M], options: Mapping[str, Any], key: str, instead: Instead = lambda name: None) -> M:
    """Make a model of what a recipe says.

    Args:
        model: The model.
        options: Its settings.
        key: Where they stand in the recipe, for errors: `train.plan.0.sft`.
        instead: Knows settings of an older form, and of other stages.

    Raises:
        RecipeError: A setting is unknown or out of range; the message names its key, its value and what would be right.
    """
    try:
        return model.model_validate(dict(options), context={"key": key})
    except ValidationError as error:
        first = error.errors()[0]
    where = ".".join([key, *map(str, first["loc"])]).strip(".")
    if first["type"] != "extra_forbidden":
        value = first["input"]
        shown = f" = {shown_value(value)}" if isinstance(value, str | int | float | bool) else ""
        raise RecipeError(f"{where}{shown}: {first['msg'].removeprefix('Value error, ')}")
    name = str(first["loc"][-1])
    top = len(first["loc"]) == 1
    remedy = instead(name) if top else None
    raise RecipeError(
        f"{where}: {remedy or unknown('setting', name, model.model_fields) if top else f'unknown setting {name!r}'}"
    )


class Kinds(Generic[P]):
    """The parts of one kind, found by name in a folder and among entry points, and how a recipe writes them.

    Args:
        kind: What a part is called in a sentence: loss, order.
        type_: What every part of the kind is a subclass of.
        group: Group of the entry points of other packages.
        folder: The package whose files are parts.
        helpers: Files in it that are none.
    """

    def __init__(
        self, kind: str, type_: type[P], group: str, folder: str, helpers: Collection[str] = ("base",)
    ) -> None:
        self.kind, self.group = kind, group
        self._type = type_
        self._registry = Registry(
            kind, type, group, folders=[folder], helpers=helpers, make_with=f"a subclass of {type_.__name__}"
        )

    def names(self) -> list[str]:
        """Return the names of all parts, sorted. Imports none of them."""
        return self._registry.names()

    def get(self, name: str) -> type[P]:
        """Return the part of that name.

        Raises:
            RecipeError: There is none; the message has the nearest.
        """
        part = self._registry.get(name)
        if not issubclass(part, self._type):
            raise RecipeError(f"{self.kind} {name!r} is no subclass of {self._type.__name__}")
        return part

    def all(self) -> dict[str, type[P]]:
        """Return every part by name. Imports all of them."""
        return {name: self.get(name) for name in self.names()}

    def make(self, name: str, **settings: Any) -> P:
        """Return a part with settings of its own."""
        return self.get(name)(**settings)

    def default(self, family: type[F], written: Mapping[str, Any]) -> Callable[[], F]:
        """Return the default factory of a field that holds a part: what `written` describes."""
        return lambda: cast(F, self.read(written, self.kind, cast(type[P], family)))

    def read(
        self, value: object, key: str, family: type[P] | None = None, default: Mapping[str, Any] | None = None
    ) -> P:
        """Read a part as a recipe writes it.

        Args:
            value: A name, or a mapping with `kind` and settings; without `kind` it is the default's.
            key: Where it stands in the recipe.
            family: What it must be a subclass of to be of use there.
            default: What stands there when nothing is said; settings that are not given are taken from it.

        Raises:
            RecipeError: The name or a setting is unknown, a value is out of range, or the part serves other stages.
        """
        family = family or self._type
        if isinstance(value, family):
            return value
        if isinstance(value, str):
            value = {"kind": value}
        default = default or {}
        if not isinstance(value, Mapping) or not isinstance(value.get("kind", default.get("kind")), str):
            raise RecipeError(
                f"{key}: write {{kind: NAME, ...}} or NAME, of: {', '.join(self.names())} (given: {value!r})"
            )
        settings = dict(value)
        name = settings.pop("kind", default.get("kind"))
        try:
            part = self.get(name)
        except RecipeError as error:
            raise RecipeError(f"{key}: {error}") from error
        if not issubclass(part, family):
            usable = [other for other, part_type in self.all().items() if issubclass(part_type, family)]
            raise RecipeError(f"{key}: {name} is a {self.kind} of other stages; here are {', '.join(usable)}")
        if name == default.get("kind"):
            settings = {setting: given for setting, given in default.items() if setting != "kind"} | settings
        return validated(part, settings, key, lambda setting: self._no_setting(part, setting))

    def _no_setting(self, part: type[P], setting: str) -> str:
        if setting in ("strategy", "type", "name", "loss_type"):
            return "the name of a part is its kind: write kind: NAME"
        if not part.model_fields:
            return f"the {self.kind} {part.name} has no settings"
        return f"{unknown('setting', setting, part.model_fields)} (of the {self.kind} {part.name})"

    def field(self, family: type[Any], default: Mapping[str, Any]) -> BeforeValidator:
        """Return what lets a field of a model hold a part: `Annotated[SerializeAsAny[Loss], LOSSES.field(Loss, {...})]`."""

        def read(value: object, info: Info) -> P:
            return self.read(value, _key(info), family, default)

        return BeforeValidator(read)

    def fields(self, family: type[Any]) -> BeforeValidator:
        """Return what lets a field of a model hold a list of parts; a single one may stand without brackets."""

        def read(value: object, info: Info) -> tuple[P, ...]:
            items = list(value) if isinstance(value, list | tuple) else [value]
            return tuple(self.read(item, f"{_key(info)}.{number}", family) for number, item in enumerate(items))

        return BeforeValidator(read)


def _key(info: Info) -> str:
    context: Mapping[str, Any] = info.context or {}
    return ".".join(filter(None, [context.get("key", ""), info.field_name or ""]))
