"""The library itself, version 0.4: a taskset by name, what of it can be used here, its licence, and the score of a reply."""

import asyncio
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from importlib.metadata import PackageNotFoundError, metadata, packages_distributions, version
from itertools import islice
from typing import Any

from storage.errors import ProblemError, RecipeError

SERIES = "0.4."
"""Versions whose interface is known here."""
LIMIT_S = 60.0
"""Seconds that scoring one reply may take."""
_POOL = ThreadPoolExecutor(4, thread_name_prefix="verifiers")


@cache
def check_installed() -> None:
    """Check that the library is there, in a version that is known.

    Raises:
        RecipeError: It is not.
    """
    try:
        installed = version("verifiers")
    except PackageNotFoundError:
        raise RecipeError("verifiers is not installed; install it with: pip install 'nightschool[verifiers]'") from None
    if not installed.startswith(SERIES):
        raise RecipeError(f"verifiers {installed} is installed, and its interface is known of {SERIES}x; install that")


def licence_of(name: str) -> str | None:
    """Return the licence that an installed taskset's distribution declares; None where it declares none."""
    module = _module(name)
    for distribution in packages_distributions().get(module, ()):
        said = metadata(distribution)
        licences = said.get_all("License-Expression") or said.get_all("License") or []
        if licences and "\n" not in str(licences[0]).strip():
            return str(licences[0]).strip()
    return None


def tasks_of(name: str, settings: Mapping[str, Any], most: int) -> list[Any]:
    """Return the first tasks of an installed taskset.

    Raises:
        RecipeError: The library or the taskset is not installed, or its settings are wrong. A module that merely can be imported,
            as one of Python's own or a file beside the recipe, is no taskset.
        ProblemError: Its tasks need what a plain question and answer does not have: tools, a container, a runtime to score in.
    """
    check_installed()
    if not packages_distributions().get(_module(name)):
        raise RecipeError(f"taskset {name!r} is no installed package; install it with pip, and name its module")
    import verifiers.v1 as vf
    from verifiers.v1.utils.generic import concrete_type
    from verifiers.v1.utils.loaders import import_taskset, taskset_class

    try:
        import_taskset(name)
        kind = taskset_class(name)
        config = (concrete_type(kind, vf.TasksetConfig, origin=vf.Taskset) or vf.TasksetConfig)(id=name, **settings)
    except (ModuleNotFoundError, AttributeError, TypeError, ValueError) as error:
        raise RecipeError(f"taskset {name!r} cannot be used: {error}") from None
    taskset = kind(config)
    if kind.toolsets(config):
        raise ProblemError(f"taskset {name!r} has tools of its own; only questions with an answer can be asked here")
    tasks = list(islice(iter(taskset), most))
    for task in tasks[:1]:
        fault = _fault(task)
        if fault:
            raise ProblemError(f"taskset {name!r} {fault}; only questions with an answer can be asked here")
    return tasks


def score(name: str, data: Mapping[str, Any], reply: str) -> float | None:
    """Return the reward that a taskset's own rewards give a reply; None where scoring fails or takes too long.

    Raises:
        RecipeError: The library or the taskset is not installed.
    """
    check_installed()
    return _POOL.submit(lambda: asyncio.run(_score(name, data, reply))).result()


async def _score(name: str, data: Mapping[str, Any], reply: str) -> float | None:
    import verifiers.v1 as vf
    from verifiers.v1.graph import MessageNode
    from verifiers.v1.trace import AgentInfo, Trace, TraceTask
    from verifiers.v1.utils.loaders import taskset_class

    kind = taskset_class(name).task_type()
    task = kind(kind.data_type().model_validate(dict(data)))
    trace = Trace(
        task=TraceTask(type=kind.__name__, data=task.data, key=task.key),
        agent=AgentInfo(config=vf.AgentConfig()),
        nodes=[MessageNode(message=vf.AssistantMessage(content=reply), sampled=True)],
    )
    try:
        await asyncio.wait_for(task.score(trace), LIMIT_S)
    except Exception:  # a scorer raises what it likes
        return None
    return float(trace.reward)


def _fault(task: Any) -> str | None:
    """What keeps a task from being one question and one answer."""
    import inspect

    if task.NEEDS_CONTAINER or task.toolsets(task.config):
        return "needs a container or tools"
    if not task.data.prompt_text.strip():
        return "has no prompt"
    rewards = task.hooks("reward")
    needing = [
        function.__name__
        for function in rewards
        if (given := inspect.signature(function).parameters.get("runtime")) is not None and given.default is given.empty
    ]
    if not rewards or needing:
        return f"is scored in a runtime ({', '.join(needing)})" if needing else "has no reward"
    return None


def _module(name: str) -> str:
    return name.rsplit("/", 1)[-1].split("@", 1)[0].replace("-", "_").lower()
