"""`nightschool plan`: what a night would ask, read, write, take and cost, at most and probably, before anything is paid."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from filters.night.ask_models import role_of
from flows.night.night import Night
from flows.recipe.reach import outside_files, variables
from flows.recipe.recipe import Recipe
from storage.lake.expected import Expected, expected, mean_lengths
from synth.calls.keys import sampling_params
from synth.engines.spec import PROMOTED, ModelSpec
from synth.methods.base import Params
from synth.night.draw import LeftOut, draw_night, left_out_sentences, plan_attempts
from synth.night.prompt_bound import BYTES_PER_TOKEN, longest_prompt, prompt_tokens, typical_prompt
from synth.night.runner import Attempt


@dataclass
class Estimate:
    """What one role would be asked.

    Attributes:
        role: Role.
        model: Engine and model.
        calls: Calls at most; those in the ledger cost nothing.
        prompt_tokens: Tokens read at most: prompts by their bytes (`prompt_bound.py`), or the role's context.
        completion_tokens: Tokens written at most (`max_tokens` of each call).
        hours: Time at the recipe's `tokens_per_second`; None when it gives none.
        cost: At the recipe's prices.
        expected: What it will probably be, by the recipe's last nights, and by the prompts for methods that none of them had; None
            for a role that neither asks.
        family: Family of models; None where it is of none that we know.
        sampling: How it is asked where a method says nothing, its room for thoughts included.
    """

    role: str
    model: str
    calls: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    hours: float | None = None
    cost: float = 0.0
    expected: Expected | None = None
    family: str | None = None
    sampling: str = ""


def estimate(night: Night) -> dict[str, Any]:
    """Estimate a night without writing anything, drawing its problems as the night would.

    Raises:
        ProblemError: A source cannot be read.
        RecipeError: The condition of the release, the filters, the policy or the alarms cannot be used.
    """
    recipe, problems = night.recipe, night.recipe.problems
    night.check()
    left_out: list[LeftOut] = []
    drawn = draw_night(
        night.lake, night.draws, night=night.id, seed=problems.seed, fresh=problems.fresh, drop=left_out.append
    )
    attempts = plan_attempts(night.assignments, drawn, night=night.id, shard=recipe.shard)
    roles = {
        role: Estimate(role, f"{spec.engine} {spec.name or recipe.fill(spec.checkpoint or '')}".strip())
        for role, spec in recipe.models.items()
    }
    _prepare(night, attempts, roles)
    _attempt(night, attempts, roles)
    _ask_filters(night, attempts, roles)
    planned = Counter(attempt.method.name for attempt in attempts)
    probably = expected(night.lake, night.id, planned, _by_prompts(night, attempts))
    for role, asked in roles.items():
        _wishes(night, role, asked)
        _price(asked, recipe.models[role])
        asked.expected = probably.get(role)
    return {
        "night": night.id,
        "problems": {name: len(members) for name, members in drawn.items()},
        "rounds": problems.until.rounds if problems.until else 1,
        "left_out": list(left_out_sentences(left_out)),
        "left_out_rows": [row.to_json() for row in left_out],
        "attempts": dict(planned),
        "roles": [asdict(asked) for asked in roles.values()],
        "calls": sum(asked.calls for asked in roles.values()),
        "cost": round(sum(asked.cost for asked in roles.values()), 4),
        "budget": recipe.budget.model_dump(exclude_none=True),
        "variables": variables(recipe),
        "outside_files": outside_files(recipe),
        "training": _training(recipe),
    }


def _by_prompts(night: Night, attempts: Sequence[Attempt]) -> dict[str, dict[str, Expected]]:
    """What each method would be asked if no night had it yet: as many calls as there may be, prompts as its templates have them.

    How long an answer is, and how many bytes a token has, is what the role's calls so far say; else the limit, and English.
    """
    lengths = mean_lengths(night.lake)
    methods: dict[str, dict[str, Expected]] = {}
    for attempt in attempts:
        method, params = attempt.method, attempt.params
        written, by_student = _limits(params)
        prompts = night.prompts.of(method.name, attempt.prompts)
        for role, calls in method.calls(params).items():
            if night.recipe.models[role].engine in ("solver", "verifier"):
                continue
            reply, size = lengths.get(role, (by_student if role == "student" else written, BYTES_PER_TOKEN))
            asked = methods.setdefault(method.name, {}).setdefault(role, Expected(0))
            asked.calls += calls
            asked.prompt_tokens += calls * typical_prompt(method, params, attempt.problem, prompts, reply, size)
            asked.completion_tokens += calls * reply
    return methods


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


def _wishes(night: Night, role: str, asked: Estimate) -> None:
    """Add how the role's model is asked, and the room for its thoughts to what it may write."""
    spec = night.recipe.models[role]
    if spec.engine in ("solver", "verifier"):
        return
    base = night.recipe.base.checkpoint
    first = base if spec.checkpoint == PROMOTED and night.student is None else None  # it becomes the first student
    checkpoint = night.checkpoint_of(first or spec.checkpoint)
    profile = spec.profile(checkpoint)
    wishes = {name: value for name, value in sampling_params(profile.sampling({})).items() if value not in (None, [])}
    asked.family, asked.sampling = profile.family, ", ".join(f"{name} {value}" for name, value in wishes.items())
    if checkpoint is None and spec.checkpoint and night.recipe.on_hub(first or spec.checkpoint):
        asked.sampling += ", before its own wishes, which are known when it is downloaded,"
    asked.completion_tokens += asked.calls * profile.thought_tokens


def _price(asked: Estimate, spec: ModelSpec) -> None:
    """Add time and cost; a solver writes nothing that is paid for."""
    if spec.engine == "solver":
        asked.completion_tokens, asked.hours = 0, 0.0
    elif spec.tokens_per_second:
        asked.hours = round(asked.completion_tokens / spec.tokens_per_second / 3600, 3)
    price = spec.price
    asked.cost = round((asked.prompt_tokens * price.prompt + asked.completion_tokens * price.completion) / 1e6, 4)


def _context(spec: ModelSpec, tokens: int) -> int:
    """Tokens of a prompt, which its server's context limits where the recipe says it."""
    system = len((spec.system or "").encode("utf-8", "replace"))
    return min(tokens + system, spec.context or tokens + system)


def _limits(params: Params) -> tuple[int, int]:
    """The longest reply of any role but the student, and of the student."""
    values = params.model_dump()
    written = int(values.get("max_tokens", 0) or 0)
    return written, int(values.get("attempt_tokens", 0) or written)


def _attempt(night: Night, attempts: Sequence[Attempt], roles: Mapping[str, Estimate]) -> None:
    """Add what the attempts would ask: each call reads its method's longest prompt and is written to its limit."""
    for attempt in attempts:
        written, by_student = _limits(attempt.params)
        prompts = night.prompts.of(attempt.method.name, attempt.prompts)
        longest = longest_prompt(attempt.method, attempt.params, attempt.problem, prompts, max(written, by_student))
        for role, calls in attempt.method.calls(attempt.params).items():
            asked = roles[role]
            asked.calls += calls
            asked.prompt_tokens += calls * _context(night.recipe.models[role], longest)
            asked.completion_tokens += calls * (by_student if role == "student" else written)


def _prepare(night: Night, attempts: Sequence[Attempt], roles: Mapping[str, Estimate]) -> None:
    """Add what methods that see the whole set would ask once; a call is taken to read and write like those of attempts."""
    for assignment in night.assignments:
        method = assignment.method
        if method.prepare is None:
            continue
        problems = assignment.problems_of(attempts)
        written, by_student = _limits(assignment.params)
        prompts = night.prompts.of(method.name, assignment.prompts)
        longest = max(
            (
                longest_prompt(method, assignment.params, problem, prompts, max(written, by_student))
                for problem in problems
            ),
            default=0,
        )
        for role, calls in method.prepare.calls(assignment.params, len(problems)).items():
            roles[role].calls += calls
            roles[role].prompt_tokens += calls * _context(night.recipe.models[role], longest)
            roles[role].completion_tokens += calls * written


def _ask_filters(night: Night, attempts: Sequence[Attempt], roles: Mapping[str, Estimate]) -> None:
    """Add what the filters that ask a model would ask, if every row stood until then and were written to its limit."""
    for attempt in attempts:
        rows, (written, _) = int(attempt.params.model_dump().get("samples", 1)), _limits(attempt.params)
        for bound in night.rules.asking:
            asks, role = bound.asks, role_of(bound)
            if asks is None or role is None or not asks.makes & set(attempt.method.makes):
                continue
            asked, calls = roles[role], rows * asks.per_row
            longest = (
                written
                if asks.scores
                else prompt_tokens(night.prompts.of(bound.name).values(), attempt.problem, written)
            )
            asked.calls += calls
            asked.prompt_tokens += calls * _context(night.recipe.models[role], longest)
            asked.completion_tokens += calls * asks.max_tokens(bound.options)
