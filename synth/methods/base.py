"""What a method is: one problem and one published way to write about it, as a short coroutine.

    @method("cot", paper="arXiv:2201.11903", makes=("sft",), roles=("teacher",))
    async def cot(problem, models, params):
        reply = await models.teacher("solve", temperature=params.temperature)
        yield Sample(messages=models.messages("solve"), response=reply.text)

A method uses no clock and no randomness but the seeds it is given, so running it again finds its own past in the ledger.
"""

from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from pydantic import BaseModel, ConfigDict

from synth.ask import Models
from synth.problems.base import Problem
from synth.sample import Kind, Sample


class Params(BaseModel):
    """Base of a method's parameters: unknown names are errors, defaults are the paper's."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Coroutine(Protocol):
    """The signature of a method."""

    def __call__(self, problem: Problem, models: Models, params: Any) -> AsyncIterator[Sample]:
        """Write zero or more samples about one problem."""
        ...


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
        calls: Calls per attempt by role, at most, given the parameters; for planning.
        observes: Filters that only observe its rows (a failing verdict does not reject them), given the parameters.
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
    observes: Callable[[Any], frozenset[str]] = field(default=lambda params: frozenset())


def method(
    name: str,
    *,
    paper: str,
    makes: tuple[Kind, ...],
    roles: tuple[str, ...] = (),
    tasks: tuple[str, ...] = (),
    params: type[Params] = Params,
    calls: Callable[[Any], Mapping[str, int]] | None = None,
    observes: Callable[[Any], frozenset[str]] | None = None,
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
            summary=(run.__doc__ or name).strip().splitlines()[0],
            calls=calls or (lambda _: dict.fromkeys(roles, 1)),
            observes=observes or (lambda _: frozenset()),
        )

    return decorate
