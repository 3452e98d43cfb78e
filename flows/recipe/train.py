"""When and how the student is retrained: the part `train` of a recipe."""

import json
from collections.abc import Mapping
from functools import cached_property
from typing import Any, Literal

import yaml
from pydantic import Field, model_validator

from flows.recipe.parts import Part, SourceSpec
from synth.engines.serve_spec import Context, ServeSpec
from train_stages.plan.steps import Step, read_plan
from train_stages.promotion.evaluate import EvaluateConfig
from train_stages.promotion.promote import PromoteConfig
from train_stages.promotion.text_loss import TextsConfig

OLD_STAGES = ("cpt", "sft", "preference", "rl")
"""Keys of `train` in recipes of an older form, in the order in which they were trained."""
OLD_SELECTION = ("tasks", "methods")


class WhenSpec(Part):
    """When to retrain: what must have changed since the last training. Any one of the conditions is enough."""

    min_new_rows: int | None = Field(
        None, ge=1, description="At least this many accepted rows are new; 1 when nothing else is said."
    )
    min_new_tokens: int | None = Field(
        None, ge=1, description="At least this many words of accepted rows, separated by white space, are new."
    )
    max_drift: float | None = Field(
        None,
        ge=0,
        lt=1,
        description="The shares of (method, task) moved by more than this (total variation distance, 0 to 1).",
    )
    benchmarks: bool = Field(
        True, description="Rows of the last training hold a benchmark item, because the benchmarks have grown."
    )

    @property
    def rows(self) -> int | None:
        """The bound on new rows that holds."""
        nothing_said = self.min_new_rows is None and self.min_new_tokens is None and self.max_drift is None
        return 1 if nothing_said else self.min_new_rows


class GeneralSpec(SourceSpec):
    """One kind of problems of the exam of general ability."""

    limit: int = Field(100, ge=1, description="So many problems of this kind, always the same ones.")


class EvaluateSpec(EvaluateConfig):
    """How models are evaluated, and on what besides the held-out problems."""

    tasks: tuple[str, ...] | None = Field(
        None,
        description="Tasks whose held-out problems decide; other tasks must not be lost. None takes those that the plan's stages "
        "name, all when one of them names none.",
    )
    benchmarks: tuple[SourceSpec, ...] = Field(
        (), description="Benchmarks that a candidate must not lose; the data must not hold them either."
    )
    general: tuple[GeneralSpec, ...] = Field(
        (),
        description="Problems of other kinds that are one exam together, which a candidate must not lose: what each has too few "
        "of to show. They are benchmarks too.",
    )
    texts: TextsConfig | None = Field(None, description="Held-out text whose loss must not rise.")
    engine: Literal["transformers", "vllm"] = Field(
        "transformers", description="`vllm` serves each checkpoint with vLLM; `transformers` loads it in this process."
    )
    max_model_len: Context = Field("auto", description="Context of that server, as in `models.<role>`.")
    serve: ServeSpec = Field(ServeSpec(), description="How that server is started, as in `models.<role>`.")

    @model_validator(mode="after")
    def _served(self) -> "EvaluateSpec":
        if self.engine != "vllm" and (self.serve != ServeSpec() or self.max_model_len != "auto"):
            raise ValueError("serve and max_model_len are for engine: vllm; set that, or leave them out")
        names = [source.name for source in (*self.benchmarks, *self.general)]
        if twice := next((name for name in names if names.count(name) > 1), None):
            raise ValueError(f"benchmarks and general: {twice} stands twice; give each a name of its own")
        return self


class TrainSpec(Part):
    """When and how the student is retrained."""

    when: WhenSpec = Field(WhenSpec(), description="How much the data must have changed.")
    plan: tuple[dict[str, Any], ...] = Field(
        (), description="The stages, in order: `{KIND: {...}}`, or `{rounds: 3, plan: [...]}`."
    )
    evaluate: EvaluateSpec = Field(EvaluateSpec(), description="How candidate and incumbent are examined.")
    promote: PromoteConfig = Field(PromoteConfig(), description="When the candidate becomes the student.")
    seed: int = Field(0, ge=0, description="Seed of every stage that names none, and of the evaluation.")

    @model_validator(mode="before")
    @classmethod
    def _of_the_old_form(cls, content: Any) -> Any:
        """Show the plan that a recipe of the older form stands for.

        Raises:
            ValueError: It is of that form.
        """
        old = [name for name in (*OLD_STAGES, *OLD_SELECTION) if isinstance(content, Mapping) and name in content]
        if not old:
            return content
        text = yaml.safe_dump({"train": as_plan(content)}, sort_keys=False, default_flow_style=None, width=110)
        raise ValueError(
            f"{', '.join(old)}: a training is a list of stages now, each with what it reads; write\n{text}"
        )

    @model_validator(mode="after")
    def _sampled(self) -> "TrainSpec":
        if self.promote.metric == "sampled" and not self.evaluate.samples:
            raise ValueError("promote.metric: sampled needs samples: set evaluate.samples to 4, or metric: greedy")
        return self

    @cached_property
    def steps(self) -> tuple[Step, ...]:
        """The plan, read.

        Raises:
            RecipeError: A stage or one of its keys cannot be used.
        """
        return read_plan(self.plan, seed=self.seed)

    @property
    def judged_tasks(self) -> tuple[str, ...] | None:
        """Tasks whose held-out problems decide; None means all."""
        if self.evaluate.tasks is not None:
            return self.evaluate.tasks
        named = [step.selection.tasks for step in self.steps]
        if not named or any(tasks is None for tasks in named):
            return None
        return tuple(sorted({task for tasks in named for task in tasks or ()}))


def as_plan(content: Mapping[str, Any]) -> dict[str, Any]:
    """Turn the part `train` of an older recipe (`cpt`, `sft`, ... with one `tasks` and `methods`) into one with a plan."""
    selection = {name: content[name] for name in OLD_SELECTION if content.get(name) is not None}
    plan = [{name: {**selection, **content[name]}} for name in OLD_STAGES if isinstance(content.get(name), Mapping)]
    rest = {name: value for name, value in content.items() if name not in (*OLD_STAGES, *OLD_SELECTION)}
    planned = {"plan": plan} if plan else {}
    if selection and not plan:
        rest["evaluate"] = {**(rest.get("evaluate") or {}), "tasks": selection.get("tasks")}
    when = {"when": rest.pop("when")} if "when" in rest else {}
    shared: dict[str, Any] = json.loads(json.dumps({**when, **planned, **rest}, default=str))
    return shared  # nothing in it stands twice, which YAML would write as an anchor
