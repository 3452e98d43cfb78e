"""Prompts are files: Jinja2, sandboxed, with undefined names as errors. Model text enters only as a value.

A file `solve.jinja` is the user's turn. It may define the blocks `system` and `user` instead. Trailing white space is cut.
A method of another package brings its own in a folder `prompts` beside its module. A recipe overrides a prompt by naming a file.
"""

import functools
from collections.abc import Iterable, Mapping
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any

from jinja2 import DictLoader, StrictUndefined, TemplateError
from jinja2.sandbox import ImmutableSandboxedEnvironment

from storage.errors import RecipeError
from storage.ids import digest
from synth.engines.base import Message

FOLDER = Path(__file__).parent.parent / "prompts"


class Prompts:
    """The prompts of one night.

    Args:
        overrides: Files to use instead, by prompt name.
        folders: Where more prompts are, besides the built-in ones; see `Method.prompts`.

    Raises:
        RecipeError: A name is unknown or there twice, or a file is missing or no valid template.
    """

    def __init__(self, overrides: Mapping[str, Path] | None = None, folders: Iterable[Traversable] = ()) -> None:
        files: dict[str, Traversable] = {}
        for folder in {str(folder): folder for folder in (FOLDER, *folders)}.values():
            for path in folder.iterdir():
                name, _, kind = path.name.rpartition(".")
                if kind == "jinja" and name in files:
                    raise RecipeError(
                        f"prompt {path}: the name {name!r} is taken by {files[name]}; give yours another name, "
                        f"or put a file in the other's place in the recipe (`prompts: {{{name}: FILE}}`)"
                    )
                if kind == "jinja":
                    files[name] = path
        for name, path in (overrides or {}).items():
            if name not in files:
                raise RecipeError(f"prompts.{name}: there is no such prompt; there are {', '.join(sorted(files))}")
            if not path.is_file():
                raise RecipeError(f"prompts.{name}: file {path} does not exist")
            files[name] = path
        environment = ImmutableSandboxedEnvironment(loader=DictLoader({}), undefined=StrictUndefined)
        self._templates = {}
        self.digests: dict[str, str] = {}
        for name, path in sorted(files.items()):
            try:
                source = path.read_text(encoding="utf-8")
                template = environment.from_string(source)
            except (TemplateError, UnicodeDecodeError) as error:
                raise RecipeError(f"prompt {path}: {error}") from error
            template.globals = dict(template.globals)  # Jinja's own chained mapping is copied at each rendering, slowly
            self._templates[name] = template
            self.digests[name] = f"{name}@{digest(source, length=12)}"

    def messages(self, name: str, inputs: Mapping[str, Any]) -> tuple[Message, ...]:
        """Render a prompt to chat messages.

        Raises:
            RecipeError: There is no such prompt, or it names a value it is not given.
        """
        template = self._find(name)
        if not template.blocks:
            return ({"role": "user", "content": self.text(name, inputs)},)
        messages: list[Message] = []
        try:
            context = template.new_context(dict(inputs))
            for role in ("system", "user"):
                if role in template.blocks:
                    messages.append({"role": role, "content": "".join(template.blocks[role](context)).strip()})
        except TemplateError as error:
            raise RecipeError(f"prompt {name}: {error}") from error
        return tuple(messages)

    def text(self, name: str, inputs: Mapping[str, Any]) -> str:
        """Render a prompt to plain text.

        Raises:
            RecipeError: There is no such prompt, or it names a value it is not given.
        """
        try:
            return str(self._find(name).render(**inputs)).strip()
        except TemplateError as error:
            raise RecipeError(f"prompt {name}: {error}") from error

    def _find(self, name: str) -> Any:
        if name not in self._templates:
            raise RecipeError(f"there is no prompt {name!r}; there are {', '.join(sorted(self._templates))}")
        return self._templates[name]


@functools.cache
def built_in() -> Prompts:
    """Return the prompts that are always there."""
    return Prompts()
