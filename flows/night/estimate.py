"""`nightschool plan`: what a night would ask, read, write, take and cost at most, before anything is paid."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from filters.night.ask import role_of
from flows.night.night import Night
from flows.recipe.reach import outside_files, variables
from flows.recipe.recipe import Recipe
from synth.engines.spec import ModelSpec
from synth.night.draw import draw_night, plan_attempts
from synth.night.runner import Attempt

CHARACTERS_PER_TOKEN = 4.0
"""Rule of thumb for English text in a large vocabulary."""


@dataclass
class Estimate:
    """What one role would be asked.

    Attributes:
        role: Role.
        model: Engine and model.
        calls: Calls at most; those in the ledger cost nothing.
        prompt_tokens: Tokens read, estimated from the problems' length.
        completion_tokens: Tokens written at most (`max_tokens` of each call).
        hours: Time at the recipe's `tokens_per_second`; None when it gives none.
        cost: At the recipe's prices.
    """

    role: str
    model: str
    calls: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    hours: float | None = None
    cost: float = 0.0


def estimate(night: Night) -> dict[str, Any]:
    """Estimate a night without writing anything, drawing its problems as the night would.

    Raises:
        ProblemError: A source cannot be read.
        RecipeError: The condition of the release, the filters, the policy or the alarms cannot be used.
    """
    recipe, problems = night.recipe, night.recipe.problems
    night.check()
    left_out: list[str] = []
    drawn = draw_night(
        night.lake, night.draws, night=night.id, seed=problems.seed, fresh=problems.fresh, say=left_out.append
    )
    attempts = plan_attempts(night.assignments, drawn, night=night.id, shard=recipe.shard)
    roles = {
        role: Estimate(role, f"{spec.engine} {spec.name or spec.checkpoint or ''}".strip())
        for role, spec in recipe.models.items()
    }
    _prepare(night, attempts, roles)
    _attempt(attempts, roles)
    _ask_filters(night, attempts, roles)
    for role, asked in roles.items():
        _price(asked, recipe.models[role])
    return {
        "night": night.id,
        "problems": {name: len(members) for name, members in drawn.items()},
        "left_out": left_out,
        "attempts": dict(Counter(attempt.method.name for attempt in attempts)),
        "roles": [asdict(asked) for asked in roles.values()],
        "calls": sum(asked.calls for asked in roles.values()),
        "cost": round(sum(asked.cost for asked in roles.values()), 4),
        "budget": recipe.budget.model_dump(exclude_none=True),
        "variables": variables(recipe),
        "outside_files": outside_files(recipe),
        "training": _training(recipe),
    }


def _training(recipe: Recipe) -> list[dict[str, Any]]:
    """The steps of the recipe's plan: what each starts from, and reads."""
    steps = recipe.train.steps if recipe.train else ()
    return [
        {
            "stage": step.name,
            "kind": step.stage.name,
            "from": step.start or step.checkpoint or "incumbent",
            "reads": step.source,
        }
        for step in steps
    ]


def _price(asked: Estimate, spec: ModelSpec) -> None:
    """Add time and cost; a solver writes nothing that is paid for."""
    if spec.engine == "solver":
        asked.completion_tokens, asked.hours = 0, 0.0
    elif spec.tokens_per_second:
        asked.hours = round(asked.completion_tokens / spec.tokens_per_second / 3600, 3)
    price = spec.price
    asked.cost = round((asked.prompt_tokens * price.prompt + asked.completion_tokens * price.completion) / 1e6, 4)


def _attempt(attempts: Sequence[Attempt], roles: Mapping[str, Estimate]) -> None:
    """Add what the attempts would ask: each call reads its problem and is written to its limit."""
    for attempt in attempts:
        params = attempt.params.model_dump()
        written = int(params.get("max_tokens", 0) or 0)
        for role, calls in attempt.method.calls(attempt.params).items():
            asked = roles[role]
            asked.calls += calls
            asked.prompt_tokens += int(calls * len(attempt.problem.prompt) / CHARACTERS_PER_TOKEN)
            asked.completion_tokens += calls * (
                int(params.get("attempt_tokens", written)) if role == "student" else written
            )


def _prepare(night: Night, attempts: Sequence[Attempt], roles: Mapping[str, Estimate]) -> None:
    """Add what methods that see the whole set would ask once; a call is taken to read and write like those of attempts."""
    for assignment in night.assignments:
        method = assignment.method
        if method.prepare is None:
            continue
        problems = assignment.problems_of(attempts)
        written = int(assignment.params.model_dump().get("max_tokens", 0) or 0)
        length = sum(len(problem.prompt) for problem in problems) / max(len(problems), 1) / CHARACTERS_PER_TOKEN
        for role, calls in method.prepare.calls(assignment.params, len(problems)).items():
            roles[role].calls += calls
            roles[role].prompt_tokens += int(calls * length)
            roles[role].completion_tokens += calls * written


def _ask_filters(night: Night, attempts: Sequence[Attempt], roles: Mapping[str, Estimate]) -> None:
    """Add what the filters that ask a model would ask, if every row stood until then and were written to its limit."""
    for attempt in attempts:
        params = attempt.params.model_dump()
        rows, written = int(params.get("samples", 1)), int(params.get("max_tokens", 0) or 0)
        for bound in night.rules.asking:
            asks, role = bound.asks, role_of(bound)
            if asks is None or role is None or not asks.makes & set(attempt.method.makes):
                continue
            calls, question = rows * asks.per_row, 0.0 if asks.scores else len(attempt.problem.prompt)
            asked = roles[role]
            asked.calls += calls
            asked.prompt_tokens += int(calls * (question / CHARACTERS_PER_TOKEN + written))
            asked.completion_tokens += calls * asks.max_tokens(bound.options)
