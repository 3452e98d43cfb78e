"""What a method is: one problem and one published way to write about it, as a short coroutine.

    @method("cot", paper="arXiv:2201.11903", makes=("sft",), roles=("teacher",))
    async def cot(problem, models, params):
        reply = await models.teacher("solve", temperature=params.temperature)
        yield Sample(messages=models.messages("solve"), response=reply.text)

The prompts that it names are the `.jinja` files beside its module (package data), so a method with prompts is a folder, and
the shared one, `solve`.

A method that has to see the set first (Auto-CoT clusters its questions) declares a `prepare` step, which runs once a night and
whose artefact is stored, named by its digest in each row like a prompt, and given to the coroutine as a fourth argument:

    class Demonstrations(Artefact):
        texts: tuple[str, ...]

    async def collect(problems, models, params) -> Demonstrations: ...

    @method("auto_cot", ..., prepare=Preparation(collect, Demonstrations))
    async def auto_cot(problem, models, params, demonstrations): ...

A method uses no clock and no randomness but the seeds it is given, so running it again finds its own past in the ledger.

What a row says to filters and training is in its notes (`synth.notes`), one model per kind of sample. A method that speaks
against a row itself yields it all the same, with the reason in `refused`.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from importlib.resources.abc import Traversable
from typing import Any, Protocol

from pydantic import BaseModel, ConfigDict

from synth.calls.ask import Reply
from synth.calls.models import Models
from synth.calls.prompting import prompts_beside
from synth.calls.together import together as together
from synth.problems.base import Problem
from synth.sample import Kind, Sample


class Params(BaseModel):
    """Base of a method's parameters: unknown names are errors, defaults are the paper's."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Artefact(BaseModel):
    """Base of what a `prepare` step makes: plain values, which nobody changes once they are made."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Coroutine(Protocol):
    """The signature of a method."""

    def __call__(self, problem: Problem, models: Models, params: Any, *artefact: Any) -> AsyncIterator[Sample]:
        """Write zero or more samples about one problem; the artefact is given to methods that prepare one."""
        ...


@dataclass(frozen=True)
class Preparation:
    """What a method does once a night, before its attempts, with all problems that it will be asked about.

    Attributes:
        run: Makes the artefact of the problems, in the order of their ids. Its models are bound to no problem:
            `models.about(problem).teacher("solve")` asks about one.
        makes: The artefact's model.
        calls: Calls by role, at most, given the parameters and the number of problems; for planning.
    """

    run: Callable[[Sequence[Problem], Models, Any], Awaitable[Artefact]]
    makes: type[Artefact]
    calls: Callable[[Any, int], Mapping[str, int]] = field(default=lambda params, problems: {})


@dataclass(frozen=True)
class Method:
    """A registered method.

    Attributes:
        name: Name used in recipes and rows.
        paper: Where it is published.
        makes: Kinds of samples it yields.
        roles: Models it asks.
        tasks: Kinds of problems it works on; empty means every kind.
        params: Its parameters.
        run: The coroutine.
        summary: One line for people.
        calls: Calls per attempt by role, at most, given the parameters; for planning. A role that only some parameters ask
            (that of a scorer, say) stands here alone.
        rereads: Earlier replies that one call may read again, at most, given the parameters; for planning.
        observes: Filters that only observe its rows (a failing verdict does not reject them), given the parameters.
        shows_gold: Prompts that may hold the gold answer; no other call of the method may be shown it.
        prompts: Folder of its prompts; None where it has none of its own.
        prepare: What it does once a night before its attempts; None where each problem stands for itself.
        uses: Parts that its rows depend on, given the parameters: environments, scorers, choosers. Their sources are pinned.
    """

    name: str
    paper: str
    makes: tuple[Kind, ...]
    roles: tuple[str, ...]
    params: type[Params]
    run: Coroutine
    summary: str
    tasks: tuple[str, ...] = ()
    calls: Callable[[Any], Mapping[str, int]] = field(default=lambda params: {})
    rereads: Callable[[Any], int] = field(default=lambda params: 2)
    observes: Callable[[Any], frozenset[str]] = field(default=lambda params: frozenset())
    shows_gold: frozenset[str] = frozenset()
    prompts: Traversable | None = None
    prepare: Preparation | None = None
    uses: Callable[[Any], Sequence[object]] = field(default=lambda params: ())

    def asked_roles(self, params: Any) -> tuple[str, ...]:
        """Return the roles that it asks with these parameters."""
        return tuple(dict.fromkeys((*self.roles, *self.calls(params))))


WRONG_TURNS = frozenset(
    {"answer_reached", "contradicting_statements", "several_answers", "unfounded_number", "unused_result"}
)
"""Filters that what a row takes back, on purpose, would fail: a method whose rows have wrong turns in them only observes these."""


def method(
    name: str,
    *,
    paper: str,
    makes: tuple[Kind, ...],
    roles: tuple[str, ...] = (),
    tasks: tuple[str, ...] = (),
    params: type[Params] = Params,
    calls: Callable[[Any], Mapping[str, int]] | None = None,
    rereads: Callable[[Any], int] = lambda params: 2,
    observes: Callable[[Any], frozenset[str]] | None = None,
    shows_gold: Iterable[str] = (),
    prepare: Preparation | None = None,
    uses: Callable[[Any], Sequence[object]] | None = None,
) -> Callable[[Coroutine], Method]:
    """Make a method of a coroutine. Its docstring's first line becomes the summary; see `Method` for the arguments."""

    def decorate(run: Coroutine) -> Method:
        return Method(
            name=name,
            paper=paper,
            makes=makes,
            roles=roles,
            tasks=tasks,
            params=params,
            run=run,
            summary=_first_line(run) or name,
            calls=calls or (lambda _: dict.fromkeys(roles, 1)),
            rereads=rereads,
            observes=observes or (lambda _: frozenset()),
            shows_gold=frozenset(shows_gold),
            prompts=prompts_beside(run),
            prepare=prepare,
            uses=uses or (lambda _: ()),
        )

    return decorate


def whole(reply: Reply) -> str:
    """A reply as a row teaches it: with its thoughts in think tags before it, unless the recipe says that they are not learned."""
    thoughts = reply.reasoning.strip() if reply.learns_thoughts else ""
    return f"<think>\n{thoughts}\n</think>\n\n{reply.text}" if thoughts else reply.text


def _first_line(function: Callable[..., object]) -> str:
    return (function.__doc__ or "").strip().partition("\n")[0]


def describe(item: Method) -> dict[str, Any]:
    """Describe a method for people: what it makes, whom it asks, its parameters with their defaults and sources."""
    return {
        "name": item.name,
        "paper": item.paper,
        "makes": list(item.makes),
        "roles": list(item.roles),
        "tasks": list(item.tasks),
        "summary": item.summary,
        "calls": dict(item.calls(item.params())),
        "prepares": _first_line(item.prepare.run) if item.prepare else None,
        "parameters": [
            {"name": name, "default": field.get_default(call_default_factory=True), "about": field.description or ""}
            for name, field in item.params.model_fields.items()
        ],
    }
