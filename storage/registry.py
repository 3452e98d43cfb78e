"""Find the parts of one kind (methods, filters, stages, ...) by name, importing only the one that is asked for.

A part of ours is a file (or a package) in a folder, and its name is the file's. A part of another package is an entry point
in the kind's group, and its name is the entry point's. Either way the module holds one object of the kind's type whose
attribute `name` is that name. Built-in names cannot be taken.
"""

from collections.abc import Callable, Collection
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points
from importlib.util import find_spec
from pkgutil import iter_modules
from typing import Generic, TypeVar

from storage.errors import RecipeError
from storage.unknown_names import unknown

Part = TypeVar("Part")


class Registry(Generic[Part]):
    """The parts of one kind.

        STAGES = Registry("stage", Stage, "nightschool.stages", folders=["train_stages.stages"])
        STAGES.get("sft")

    Args:
        kind: What a part is called in a sentence: method, filter, stage.
        type_: What a part is an instance of; an entry point that names something else is refused.
        group: Group of the entry points.
        folders: Packages whose files are parts.
        helpers: Files in these folders that are no parts.
        attribute: What each of these files calls its part, where a part cannot say its name itself (a class of options, say).
        make_with: How to make a part, for the sentence about an entry point that names none.
    """

    def __init__(
        self,
        kind: str,
        type_: type[Part],
        group: str,
        *,
        folders: Collection[str] = (),
        helpers: Collection[str] = (),
        attribute: str | None = None,
        make_with: str = "",
    ) -> None:
        self.kind = kind
        self.group = group
        self._type = type_
        self._folders = tuple(folders)
        self._helpers = frozenset(helpers)
        self._attribute = attribute
        self._make_with = make_with or f"a {type_.__name__}"
        self._loaded: dict[str, Part] = {}

    def names(self) -> list[str]:
        """Return the names of all parts, built-in and installed, sorted. Imports none of them."""
        return sorted({*self._built_in(), *entry_points(group=self.group).names})

    def get(self, name: str) -> Part:
        """Return the part of that name; its siblings are not imported.

        Raises:
            RecipeError: There is none (the message has the nearest), or the package that adds it cannot be used.
        """
        if name not in self._loaded:
            built_in = self._built_in()
            if name in built_in:
                self._loaded[name] = built_in[name]()
            else:
                self._loaded[name] = self._installed(name)
        return self._loaded[name]

    def all(self) -> dict[str, Part]:
        """Return every part by name, sorted. Imports all of them.

        Raises:
            RecipeError: A package that adds one cannot be used, or takes a built-in name.
        """
        for point in entry_points(group=self.group):
            if point.name in self._built_in():
                raise RecipeError(
                    f"entry point {point.name} ({point.value}) takes the name of a {self.kind} of ours; give it another"
                )
        return {name: self.get(name) for name in self.names()}

    def _built_in(self) -> dict[str, Callable[[], Part]]:
        parts: dict[str, Callable[[], Part]] = {}
        for folder in self._folders:
            spec = find_spec(folder)
            locations = spec.submodule_search_locations if spec else None
            for info in iter_modules(locations):
                if info.name not in self._helpers:
                    parts[info.name] = self._from_file(f"{folder}.{info.name}", info.name)
        return parts

    def _from_file(self, module: str, name: str) -> Callable[[], Part]:
        def load() -> Part:
            content = vars(import_module(module))
            parts = [item for item in content.values() if isinstance(item, self._type)]
            named = [part for part in parts if getattr(part, "name", None) == name]
            if self._attribute is not None:
                named = [part for part in parts if part is content.get(self._attribute)]
            if not named:
                raise RecipeError(
                    f"{module} holds no {self.kind} called {name!r}, as its file's name promises; if it is no {self.kind}, "
                    "name it among the registry's helpers"
                )
            return named[0]

        return load

    def _installed(self, name: str) -> Part:
        points = list(entry_points(group=self.group, name=name))
        if not points:
            raise RecipeError(unknown(self.kind, name, self.names()))
        return self._from_point(points[0])

    def _from_point(self, point: EntryPoint) -> Part:
        try:
            part = point.load()
        except Exception as error:  # whatever a foreign package does when it is imported
            raise RecipeError(
                f"{self.kind} {point.name!r} ({point.value}) cannot be imported: {type(error).__name__}: {error}"
            ) from error
        if not isinstance(part, self._type):
            raise RecipeError(
                f"entry point {point.name} ({point.value}) names no {self.kind}; make one with {self._make_with}"
            )
        own = getattr(part, "name", point.name)
        if own != point.name:
            raise RecipeError(
                f"entry point {point.name} ({point.value}) names a {self.kind} that calls itself {own!r}; call both alike"
            )
        return part
