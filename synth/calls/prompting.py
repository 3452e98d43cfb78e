"""Prompts are files: Jinja2, sandboxed, with undefined names as errors. Model text enters only as a value.

A file `correct.jinja` is the user's turn. It may define the blocks `system` and `user` instead, and worked examples as earlier
turns: `example_1` asks, `reply_1` answers, and so on. Trailing white space is cut.
A method's prompts (and those of a filter that asks a model) are the `.jinja` files beside its module, and are named after it:
`tutorship/correct`; those of a scorer `scorers/rubric/additive`. What lies in `synth/methods/shared_prompts` belongs to every
method and has a plain name: `solve`.
A recipe puts another file in the place of any of them, for the whole night or for one entry of `methods`.
"""

import functools
import inspect
import sys
from collections.abc import Callable, Iterator, Mapping
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from types import MappingProxyType
from typing import Any

from jinja2 import Template, TemplateError

from storage.errors import RecipeError
from storage.ids import digest
from synth.answers.format import FORMATS, AnswerFormat
from synth.calls.templates import Environment, limited
from synth.engines.base import Message
from synth.problems import answer_format_of
from synth.problems.base import Problem

METHODS = Path(__file__).parent.parent / "methods"
SHARED = METHODS / "shared_prompts"
SCORERS = Path(__file__).parent.parent / "scorers"
_ENVIRONMENT = Environment()


_FAILURES = (
    TemplateError,
    ArithmeticError,
    AttributeError,
    LookupError,
    MemoryError,
    RecursionError,
    TypeError,
    ValueError,
)
"""How a template fails that asks for what there is not, divides by zero, or calls itself without end."""


def _words(error: Exception) -> str:
    message = str(error)[:300]
    return message if isinstance(error, TemplateError) else f"{type(error).__name__}: {message}"


_RENAMED = {
    "tutorship/tutor": "tutorship/lesson_question",
    "tutorship/lesson": "tutorship/lesson_answer",
    "critique/evaluate": "critique/critique_question",
    "complete": "solve",
}
"""Names of before. Completions of a step go on with an answer to `solve`."""


class Prompt:
    """One prompt.

    Attributes:
        name: `method/name`, or a plain name where it is shared.
        act: What is asked, without whose prompt it is: `correct`. Engines that answer by rule go by it.
        source: The template.
        digest: `name@digest` of its source and of how it asks for final answers, as rows and pins have it.

    Args:
        name: Its name.
        path: Its file.
        form: How it asks for final answers, `answer_format` in the template; that of the problem's task wins.

    Raises:
        RecipeError: The file is no valid template.
    """

    def __init__(self, name: str, path: Traversable, form: AnswerFormat) -> None:
        self.name = name
        self.act = name.rpartition("/")[2]
        try:
            self.source = path.read_text(encoding="utf-8")
            self._template: Template = _ENVIRONMENT.from_string(self.source)
        except (TemplateError, UnicodeDecodeError) as error:
            raise RecipeError(f"prompt {path}: {error}") from error
        except (RecursionError, MemoryError):
            raise RecipeError(
                f"prompt {path}: it is nested too deeply; write it with fewer brackets or blocks"
            ) from None
        # Jinja's own chained mapping is copied at each rendering, slowly
        self._template.globals = {**self._template.globals, "answer_format": form}
        asks = (form.ending,) if "answer_format" in self.source else ()
        self._turns = _turns(path, self._template)
        self.digest = f"{name}@{digest(self.source, *asks, length=12)}"

    def messages(self, inputs: Mapping[str, Any]) -> tuple[Message, ...]:
        """Render to chat messages.

        Raises:
            RecipeError: The prompt names a value that it is not given, fails, or does not end.
        """
        template = self._template
        if not template.blocks:
            return ({"role": "user", "content": self.text(inputs)},)
        messages: list[Message] = []
        try:
            context = template.new_context(_with_format(inputs))
            with limited():
                for block, role in self._turns:
                    content = _ENVIRONMENT.concat(template.blocks[block](context)).strip()
                    messages.append({"role": role, "content": content})
        except _FAILURES as error:
            raise RecipeError(f"prompt {self.name}: {_words(error)}") from error
        return tuple(messages)

    def text(self, inputs: Mapping[str, Any]) -> str:
        """Render to plain text.

        Raises:
            RecipeError: The prompt names a value that it is not given.
        """
        try:
            with limited():
                return str(self._template.render(_with_format(inputs))).strip()
        except _FAILURES as error:
            raise RecipeError(f"prompt {self.name}: {_words(error)}") from error


def _turns(path: Traversable, template: Template) -> list[tuple[str, str]]:
    """The blocks of a template in the order of their turns, each with its role.

    Raises:
        RecipeError: A block is no turn, or an example lacks its answer.
    """
    if not template.blocks:
        return []
    count = sum(name.startswith("example_") for name in template.blocks)
    examples = [f"{kind}_{number}" for number in range(1, count + 1) for kind in ("example", "reply")]
    order = [*examples, "user"]
    if set(template.blocks) - {"system"} != set(order):
        raise RecipeError(
            f"prompt {path}: its blocks are {', '.join(sorted(template.blocks))}; right would be system, example_1, reply_1, "
            "example_2, reply_2 and so on, and user, of which all but user may be left out"
        )
    system = [("system", "system")] if "system" in template.blocks else []
    return [*system, *((name, "assistant" if name.startswith("reply") else "user") for name in order)]


def _with_format(inputs: Mapping[str, Any]) -> dict[str, Any]:
    """The values of a prompt, with the answer format of the problem's task where it has one of its own."""
    problem = inputs.get("problem")
    own = answer_format_of(problem.task) if isinstance(problem, Problem) else None
    return {**inputs, "answer_format": FORMATS[own]} if own is not None else dict(inputs)


Replaced = Mapping[str, str | Path]
"""Files to use instead of prompts, by name."""


class Prompts:
    """The prompts of one night, by name: the built-in ones, and those of folders.

    Args:
        replaced: Files to use instead, by prompt name.
        folders: Where more prompts are, by the name of the method or filter that they belong to.
        path: Where a file lies that a recipe names.
        form: How they ask for final answers.

    Raises:
        RecipeError: A name is unknown or there twice, or a file is missing or no valid template.
    """

    def __init__(
        self,
        replaced: Replaced | None = None,
        folders: Mapping[str, Traversable] | None = None,
        path: Callable[[str], Path] = Path,
        form: AnswerFormat = FORMATS["hash"],
    ) -> None:
        self._path, self.form = path, form
        paths: dict[str, Traversable] = {path.stem: path for path in SHARED.glob("*.jinja")}
        built_in = {folder.name: folder for folder in METHODS.iterdir() if folder.is_dir() and folder != SHARED}
        built_in |= {f"scorers/{folder.name}": folder for folder in SCORERS.iterdir() if folder.is_dir()}
        for owner, folder in {**built_in, **(folders or {})}.items():
            for name, file in _prompts_in(folder):
                if name in paths:
                    raise RecipeError(
                        f"prompt {file}: {name!r} is the name of a prompt that all methods share; give yours another "
                        f"name, or put it in the other's place in the recipe (`prompts: {{{name}: FILE}}`)"
                    )
                paths[f"{owner}/{name}"] = file
        self._prompts = {name: Prompt(name, file, form) for name, file in paths.items()}
        for name, other in (replaced or {}).items():
            if name not in self._prompts:
                raise RecipeError(f"prompts.{name}: {_unknown(name, self._prompts)}")
            self._prompts[name] = self._replacement(name, other, f"prompts.{name}")
        self._views: dict[tuple[str | None, tuple[tuple[str, str], ...]], Mapping[str, Prompt]] = {}

    def __getitem__(self, name: str) -> Prompt:
        """Return a prompt by its name.

        Raises:
            RecipeError: There is none.
        """
        return prompt_of(self._prompts, name)

    @functools.cached_property
    def digests(self) -> Mapping[str, str]:
        """`name@digest` of each prompt, by name."""
        return MappingProxyType({name: prompt.digest for name, prompt in sorted(self._prompts.items())})

    def of(self, owner: str | None, replaced: Replaced | None = None) -> Mapping[str, Prompt]:
        """Return the prompts as one method sees them: its own by their short names too.

        Args:
            owner: The method or filter; None has none of its own.
            replaced: Files to use instead, by short or full name, for one entry of the recipe.

        Raises:
            RecipeError: A name in `replaced` is unknown, or its file is missing or no valid template.
        """
        key = (owner, tuple(sorted((name, str(file)) for name, file in (replaced or {}).items())))
        if key not in self._views:
            self._views[key] = self._view(owner, replaced or {})
        return self._views[key]

    def _view(self, owner: str | None, replaced: Replaced) -> Mapping[str, Prompt]:
        seen = dict(self._prompts)
        own = f"{owner}/"
        for name, file in replaced.items():
            full = own + name if own + name in seen else name
            where = f"methods.{owner}.prompts.{name}"
            if full not in seen:
                raise RecipeError(f"{where}: {_unknown(name, seen)}")
            seen[full] = self._replacement(full, file, where)
        return seen | {name.removeprefix(own): prompt for name, prompt in seen.items() if name.startswith(own)}

    def _replacement(self, name: str, file: str | Path, key: str) -> Prompt:
        path = self._path(str(file))
        if not path.is_file():
            raise RecipeError(f"{key}: file {path} does not exist")
        return Prompt(name, path, self.form)

    def messages(self, name: str, inputs: Mapping[str, Any]) -> tuple[Message, ...]:
        """Render a prompt to chat messages.

        Raises:
            RecipeError: There is no such prompt, or it names a value it is not given.
        """
        return self[name].messages(inputs)

    def text(self, name: str, inputs: Mapping[str, Any]) -> str:
        """Render a prompt to plain text.

        Raises:
            RecipeError: There is no such prompt, or it names a value it is not given.
        """
        return self[name].text(inputs)


def prompt_of(prompts: Mapping[str, Prompt], name: str) -> Prompt:
    """Return one of the prompts that a method sees.

    Raises:
        RecipeError: There is none of that name.
    """
    if name not in prompts:
        raise RecipeError(_unknown(name, prompts))
    return prompts[name]


def prompts_beside(function: Callable[..., object]) -> Traversable | None:
    """Return the folder of a function's module, where there are prompts in it."""
    module = sys.modules[function.__module__]
    folder = files(module.__package__) if module.__package__ else Path(inspect.getfile(function)).parent
    return folder if any(_prompts_in(folder)) else None


def _prompts_in(folder: Traversable) -> Iterator[tuple[str, Traversable]]:
    for path in sorted(folder.iterdir(), key=lambda path: path.name):
        name, _, kind = path.name.rpartition(".")
        if kind == "jinja":
            yield name, path


def _unknown(name: str, prompts: Mapping[str, Prompt]) -> str:
    """Say that there is no such prompt; a flat name of before gets the one it has now."""
    full = sorted({prompt.name for prompt in prompts.values()})
    now = [
        other
        for other in full
        if other == _RENAMED.get(name) or name in (other.rpartition("/")[2], other.replace("/", "_"))
    ]
    hint = f"it is called {' or '.join(now)}" if now else f"there are {', '.join(full)}"
    return f"there is no prompt {name!r}; {hint}"
