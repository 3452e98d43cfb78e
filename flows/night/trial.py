"""A trial: one method on one problem, with the whole dialogue; to look before paying for a night.

Nothing is kept but, with a workspace, the calls: they are in its ledger, so a night finds them.
"""

import asyncio
import json
from collections.abc import Coroutine, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import yaml

from filters.base import Context, run_filters
from filters.night.policy import decide
from flows.night.night import Night, open_night, planning_night
from flows.recipe.recipe import Recipe, load_recipe
from flows.recipe.text import read_yaml
from flows.report.progress import Progress
from storage.errors import RecipeError
from storage.messages import Message
from storage.unknown_names import unknown
from storage.workspace import Workspace
from synth.answers.judge import gold_verifies
from synth.calls.ask import Asker, Reply
from synth.calls.prompting import Prompt
from synth.engines.base import Answer, Request
from synth.engines.profile import PLAIN
from synth.engines.spec import PROMOTED
from synth.methods import Method, get_method
from synth.night.draw import Assignment
from synth.night.preparing import Made, make_artefact
from synth.night.runner import run_attempts
from synth.problems import Problem, task_names
from synth.problems.knights_knaves.given import read_puzzle
from synth.problems.wording import canonical_question
from synth.tools.base import Tool
from synth.tools.calls import ToolCall, turn_of

TRIAL_SET = 8
"""Problems that a method which sees the whole set is shown in a trial."""
DATE = "1970-01-01"
"""Logical date of every trial: the same trial again finds its calls."""


class Given:
    """An engine that answers with one text, whatever it is asked: an attempt that a person typed."""

    model = "given@1"
    concurrency = 1
    reads_problem = False

    def __init__(self, text: str) -> None:
        self._text = text

    async def answer(self, request: Request) -> Answer:
        """Answer with the text."""
        return Answer(self._text, "stop")

    async def close(self) -> None:
        """Nothing to release."""


class Watched(Asker):
    """An asker that remembers its calls, in the order of asking, whether they are made or found."""

    def __init__(self, inner: Asker) -> None:
        self.engines = inner.engines
        self.prompts = inner.prompts
        self.profiles = inner.profiles
        self.calls: list[dict[str, Any]] = []
        self._inner = inner

    async def ask(
        self, role: str, prompt: Prompt | str, problem: Problem, inputs: Any, *rest: Any, **more: Any
    ) -> Reply:
        """Ask, and remember."""
        prompt = self.prompts[prompt] if isinstance(prompt, str) else prompt
        messages = self.profiles.get(role, PLAIN).frame(prompt.messages({"problem": problem, **inputs}))
        asking = self._inner.ask(role, prompt, problem, inputs, *rest, **more)
        return await self._watched(role, prompt.name, messages, asking)

    async def chat(self, role: str, messages: tuple[Message, ...], *rest: Any, **more: Any) -> Reply:
        """Go on with a dialogue, and remember."""
        return await self._watched(role, "chat", messages, self._inner.chat(role, messages, *rest, **more))

    async def run_tool(self, tool: Tool, call: ToolCall, method: str | None = None) -> Reply:
        """Run a tool, and remember."""
        asked = turn_of("", [call])
        return await self._watched("tool", tool.name, (asked,), self._inner.run_tool(tool, call, method))

    async def verify(self, role: str, messages: tuple[Message, ...], method: str | None = None) -> Reply:
        """Ask a verifier, and remember."""
        return await self._watched(role, "verify", messages, self._inner.verify(role, messages, method))

    async def _watched(
        self, role: str, prompt: str, messages: Sequence[Message], asking: Coroutine[Any, Any, Reply]
    ) -> Reply:
        call: dict[str, Any] = {"role": role, "prompt": prompt, "messages": list(messages), "response": None}
        self.calls.append(call)
        reply = await asking
        call |= {
            "response": reply.text,
            "reasoning": reply.reasoning,
            "model": reply.model,
            "complete": reply.complete,
            "tokens": reply.completion_tokens,
        }
        return reply


def try_method(
    name: str,
    *,
    problem: Problem | None = None,
    source: str | None = None,
    tier: int | None = None,
    seed: int = 0,
    recipe: Path | None = None,
    settings: Sequence[str] = (),
    attempt: str | None = None,
    workspace: Path | None = None,
) -> dict[str, Any]:
    """Run one method on one problem.

    Args:
        name: Method.
        problem: The problem; None draws one.
        source: Where to draw it: a kind of source, or with a recipe the name of one of its sources.
        tier: Its tier.
        seed: Seed of the draw.
        recipe: Whose models, prompts and parameters are used; None asks the solver.
        settings: Overrides of the recipe, `key=value`.
        attempt: What the student answers, instead of a model.
        workspace: Whose ledger and promoted model are used; None leaves no trace.

    Returns:
        The problem, the calls in order, and the samples with the verdicts of the row-local filters.

    Raises:
        RecipeError: Something that the method needs is missing or has a wrong value.
    """
    method = get_method(name)
    loaded = _recipe(method, source, recipe, settings, attempt)
    with _night(loaded, workspace) as night:
        chosen = problem or _draw(night, method, source if recipe else None, tier, seed)
        if method.tasks and chosen.task not in method.tasks:
            raise RecipeError(f"method {name!r} works on {', '.join(method.tasks)}, not on {chosen.task!r}")
        if method.shows_gold and not chosen.gold:
            raise RecipeError(f"method {name!r} shows the gold answer to its teacher; give it with --gold")
        return asyncio.run(_run(night, method, chosen, attempt))


def given_problem(text: str, *, task: str, gold: str | None, solution: str | None) -> Problem:
    """Make a problem of what a person typed. A puzzle is solved from its text; a word problem has the gold answer given.

    Raises:
        RecipeError: The task is unknown, or the text is no such problem.
    """
    if task not in task_names():
        raise RecipeError(unknown("task", task, task_names()))
    if task == "knights_knaves":
        try:
            return read_puzzle(text)
        except ValueError as error:
            raise RecipeError(f"--problem: {error}") from None
    if gold and not gold_verifies(gold):
        raise RecipeError(f"--gold {gold!r} does not verify against itself; give a plain number")
    return Problem(task, "given", text, gold or "", canonical_question(text), solution=solution)


def _recipe(
    method: Method, source: str | None, recipe: Path | None, settings: Sequence[str], attempt: str | None
) -> Recipe:
    """The recipe of the trial: the one given, with this method alone, or one of the solver."""
    if recipe is None:
        kind = source or (method.tasks[0] if method.tasks == ("knights_knaves",) else "arithmetic")
        content: Any = {"problems": {"sources": [{"name": kind, "kind": kind}]}, "models": {}, "methods": []}
        content["models"] = {"teacher": {"engine": "solver"}} if "teacher" in method.roles else {}
    else:
        load_recipe(recipe)  # whatever is wrong with it is said about the file itself
        content = read_yaml(recipe.read_text(encoding="utf-8"))
    given = [item for item in content["methods"] if item["method"] == method.name]
    content |= {"name": "try", "methods": given[:1] or [{"method": method.name}], "train": None}
    if attempt is not None:
        content.setdefault("models", {})["student"] = {"engine": "solver"}  # its place is taken later
    with TemporaryDirectory() as folder:
        file = Path(folder) / "try.yaml"
        file.write_text(yaml.safe_dump(content), encoding="utf-8")
        try:
            loaded = load_recipe(file, settings)
        except RecipeError as error:
            hint = "; name its models with --recipe" if "is missing" in str(error) and recipe is None else ""
            hint += ", or type the student's attempt with --attempt" if hint and "models.student" in str(error) else ""
            raise RecipeError(f"{error}{hint}") from None
    return loaded.model_copy(update={"folder": str(recipe.parent.resolve()) if recipe else "."})


@contextmanager
def _night(recipe: Recipe, root: Path | None) -> Iterator[Night]:
    promoted = any(spec.checkpoint == PROMOTED for spec in recipe.models.values())
    if root is None:
        if promoted:
            raise RecipeError("a model is `promoted`; give the workspace that holds it with --workspace")
        with TemporaryDirectory() as folder, planning_night(recipe, DATE, Path(folder) / "none") as night:
            yield night
        return
    with open_night(recipe, DATE, Workspace.create(root), Progress(quiet=True), "trial") as night:
        if promoted:
            night.student = night.incumbent()
        yield night


def _draw(night: Night, method: Method, source: str | None, tier: int | None, seed: int) -> Problem:
    draws = night.draws
    if source is not None and source not in [draw.name for draw in draws]:
        raise RecipeError(unknown("source", source, [draw.name for draw in draws]))
    for draw in draws:
        if source in (None, draw.name):
            for problem in draw.draw(1, seed=seed, tier=tier or draw.tier, exclude=frozenset()):
                if not method.tasks or problem.task in method.tasks:
                    return problem
    raise RecipeError(f"no source has a problem for method {method.name!r}; give one with --source or --problem")


async def _prepared(assignment: Assignment, night: Night, problem: Problem, asker: Asker) -> Assignment:
    """Let a method that sees the whole set see a small one: the problem, and a few of the same task from the sources."""
    if assignment.method.prepare is None:
        return assignment
    drawn = [
        other for draw in night.draws for other in draw.draw(TRIAL_SET, seed=1, tier=draw.tier, exclude=frozenset())
    ]
    others = [other for other in drawn if other.task == problem.task and other.id != problem.id]
    problems = [problem, *others[: TRIAL_SET - 1]]
    artefact = await make_artefact(assignment.method, assignment.params, problems, asker, assignment.prompts)
    return replace(assignment, prepared=artefact.prepared if isinstance(artefact, Made) else artefact)


async def _run(night: Night, method: Method, problem: Problem, attempt: str | None) -> dict[str, Any]:
    assignment = night.assignments[0]
    inner = night.asker()
    if attempt is not None:
        inner.engines = {**inner.engines, "student": Given(attempt)}
    asker = Watched(inner)
    try:
        assignment = await _prepared(assignment, night, problem, asker)
        finished = await run_attempts([assignment.attempt(night.id, problem, 0, 0)], asker)
    finally:
        await inner.close()
    row = finished.attempts.to_pylist()[0]
    return {
        "method": method.name,
        "params": assignment.params.model_dump(mode="json"),
        "problem": {"task": problem.task, "source": problem.source, "prompt": problem.prompt, "gold": problem.gold},
        "status": row["status"],
        "reason": row["reason"],
        "detail": row["detail"],
        "calls": asker.calls,
        "samples": _judged(finished.samples, night, problem),
    }


def _judged(samples: Any, night: Night, problem: Problem) -> list[dict[str, Any]]:
    """The samples with what the row-local filters say, and the decision that follows from these."""
    judges = [rule for rule in night.rules.filters if rule.scope == "row" and rule.name != "decontamination"]
    verdicts = run_filters(judges, samples, Context(problems={problem.id: problem}))
    decided = {row["sample_id"]: row for row in decide(samples, verdicts, night.rules.policies).to_pylist()}
    shown = []
    for row in samples.to_pylist():
        own = [verdict for verdict in verdicts.to_pylist() if verdict["sample_id"] == row["sample_id"]]
        shown.append(
            {
                **{name: row[name] for name in ("kind", "origin", "messages", "response", "rejected", "text")},
                **{name: row[name] for name in ("steps", "labels", "answer")},
                **{name: json.loads(row[name]) for name in ("notes", "attrs")},
                "verdicts": {verdict["filter"]: verdict["reason"] or verdict["outcome"] for verdict in own},
                "decision": decided[row["sample_id"]]["outcome"],
                "reason": decided[row["sample_id"]]["reason"],
            }
        )
    return shown
