"""`nightschool plan`: what a night would ask, read, write, take and cost at most, before anything is paid."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from filters.night.ask import role_of
from flows.night.night import Night
from synth.night.draw import attempt_row, draw_problems, plan_attempts, problems_of
from synth.night.runner import Attempt
from synth.problems.base import Problem

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
    recipe = night.recipe
    night.check()
    drawn: dict[str, list[Problem]] = {}
    taken: set[str] = set()
    left_out: list[str] = []
    for draw in night.draws:
        members = draw_problems(
            night.lake,
            draw,
            night=night.id,
            seed=recipe.problems.seed,
            fresh=recipe.problems.fresh,
            taken=taken,
            say=left_out.append,
        )
        taken |= {problem.structure_id for problem in members}
        drawn[draw.name] = members
    attempts = plan_attempts(night.assignments, drawn, night=night.id, shard=recipe.shard)
    roles = {
        role: Estimate(role, f"{spec.engine} {spec.name or spec.checkpoint or ''}".strip())
        for role, spec in recipe.models.items()
    }
    by_method: dict[str, int] = defaultdict(int)
    for attempt in attempts:
        by_method[attempt.method.name] += 1
        params = attempt.params.model_dump()
        written = int(params.get("max_tokens", 0) or 0)
        for role, calls in attempt.method.calls(attempt.params).items():
            part = roles[role]
            part.calls += calls
            part.prompt_tokens += int(calls * len(attempt.problem.prompt) / CHARACTERS_PER_TOKEN)
            part.completion_tokens += calls * (
                int(params.get("attempt_tokens", written)) if role == "student" else written
            )
    _prepare(night, attempts, roles)
    _ask_filters(night, attempts, roles)
    for role, part in roles.items():
        spec = recipe.models[role]
        if spec.engine == "solver":
            part.completion_tokens, part.hours = 0, 0.0
        elif spec.tokens_per_second:
            part.hours = round(part.completion_tokens / spec.tokens_per_second / 3600, 3)
        part.cost = round(
            (part.prompt_tokens * spec.price.prompt + part.completion_tokens * spec.price.completion) / 1e6, 4
        )
    return {
        "night": night.id,
        "problems": {name: len(members) for name, members in drawn.items()},
        "left_out": left_out,
        "attempts": dict(by_method),
        "roles": [asdict(part) for part in roles.values()],
        "calls": sum(part.calls for part in roles.values()),
        "cost": round(sum(part.cost for part in roles.values()), 4),
        "budget": recipe.budget.model_dump(exclude_none=True),
        "training": [
            {
                "stage": step.name,
                "kind": step.stage.name,
                "from": step.start or step.checkpoint or "incumbent",
                "reads": step.source,
            }
            for step in (recipe.train.steps if recipe.train else ())
        ],
    }


def _prepare(night: Night, attempts: Sequence[Attempt], roles: Mapping[str, Estimate]) -> None:
    """Add what methods that see the whole set would ask once; a call is taken to read and write like those of attempts."""
    for assignment in night.assignments:
        method = assignment.method
        if method.prepare is None:
            continue
        problems = problems_of(assignment, (attempt.problem for attempt in attempts), map(attempt_row, attempts))
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
            part = roles[role]
            part.calls += calls
            part.prompt_tokens += int(calls * (question / CHARACTERS_PER_TOKEN + written))
            part.completion_tokens += calls * asks.max_tokens(bound.options)
