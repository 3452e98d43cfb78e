"""Steps of reinforcement learning that learn from worked solutions instead (SASR, arXiv:2505.13026), by the same optimiser.

A supervised step takes the problems that the step would have asked, and the negative log-likelihood of their worked solutions,
averaged over its tokens, as SFT does; what is longer than `max_tokens` is left out of it.
"""

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from storage.atomic import write_text
from storage.errors import TrainingError
from storage.ids import seed_from
from synth.problems import get_task
from synth.problems.base import Problem
from train_stages.data.encode import split_ids
from train_stages.data.turns import Renderer
from train_stages.switches.base import Norms

if TYPE_CHECKING:
    from trl import GRPOTrainer as TrlTrainer
else:
    TrlTrainer = object  # importing TRL takes seconds; `grpo_trainer` puts the real one below this class

FILE = "switching.json"
SUPERVISED = "supervised"
"""Marks the rows of a supervised step."""


def worked_solution(problem: Problem) -> str | None:
    """Return the worked solution of a problem, as its task writes it; None where it has none."""
    return get_task(problem.task).solve(problem) or problem.solution


def check_solutions(problems: Sequence[Problem]) -> None:
    """Check that every problem has a worked solution.

    Raises:
        TrainingError: One has none.
    """
    for problem in problems:
        if not worked_solution(problem):
            raise TrainingError(
                f"rl: switch learns from worked solutions, and problem {problem.id} of the source {problem.source} has none: "
                "choose sources that have them, or leave switch out"
            )


class Averages:
    """The gradient norms of both ways of learning so far.

    Args:
        state: Folder of a trainer's state to go on from; None begins.
    """

    def __init__(self, state: Path | None = None) -> None:
        self.norms = Norms()
        if state is not None and (state / FILE).exists():
            self.norms = Norms(**json.loads((state / FILE).read_text(encoding="utf-8")))

    def write(self, state: Path) -> None:
        """Write them into a state."""
        write_text(state / FILE, json.dumps(asdict(self.norms)))


class Switched(TrlTrainer):  # type: ignore[misc, unused-ignore]
    """Lets `policy.config.switch` decide before each step how it learns."""

    policy: Any
    _supervised = False

    def _generate_and_score_completions(self, inputs: list[dict[str, Any]]) -> dict[str, Any]:
        chance = self.policy.config.switch(self.policy.averages.norms)
        random = np.random.default_rng(seed_from("switch", self.policy.seed, self.state.global_step))
        self._supervised = bool(random.random() < chance)
        metrics = self._metrics["train"]
        metrics["switch/chance"].append(chance)
        metrics["behaviour/supervised_steps"].append(float(self._supervised))
        if not self._supervised:
            batch: dict[str, Any] = super()._generate_and_score_completions(inputs)
            return batch
        numbers = [row["number"] for row in inputs[:: self.num_generations]]
        self.policy.rollouts.add(self.state.global_step, numbers, [None] * len(numbers), 1)
        return self._solutions(inputs[:: self.num_generations])

    def _solutions(self, rows: list[dict[str, Any]]) -> dict[str, Any]:
        """The worked solutions of problems as a batch: a row each, and empty ones until every micro-batch has as many."""
        import torch
        from trl.trainer.utils import pad

        device, renderer = self.accelerator.device, Renderer(self._tokenizer, self.chat_template_kwargs)
        pairs = []
        for row in rows:
            answer = {"role": "assistant", "content": worked_solution(self.policy.problems[row["number"]])}
            turns = renderer.turns([*row["prompt"], answer], len(row["prompt"]), None)
            prompt, solution = split_ids(self._tokenizer, turns)
            pairs.append((torch.tensor(prompt), torch.tensor(solution[: self.max_completion_length])))
        whole = len(pairs)
        pairs += pairs[:1] * (-whole % self.args.steps_per_generation)
        batch: dict[str, Any] = {}
        for at, (name, side) in enumerate((("prompt", "left"), ("completion", "right"))):
            ids = [pair[at] for pair in pairs]
            masks = [torch.ones_like(row) for row in ids]
            batch[f"{name}_ids"] = pad(ids, padding_value=self._tokenizer.pad_token_id, padding_side=side).to(device)
            batch[f"{name}_mask"] = pad(masks, padding_value=0, padding_side=side).to(device)
        batch["completion_mask"][whole:] = 0
        batch["num_items_in_batch"] = self.accelerator.gather(batch["completion_mask"].sum()).sum()
        batch[SUPERVISED] = torch.ones(len(pairs), device=device)
        read = self.accelerator.gather(batch["prompt_mask"].sum()).sum() + batch["num_items_in_batch"]
        self.state.num_input_tokens_seen += int(read)
        self._metrics["train"]["num_tokens"] = [self.state.num_input_tokens_seen]
        return batch

    def _compute_loss(self, model: Any, inputs: dict[str, Any]) -> Any:
        if SUPERVISED not in inputs:
            return super()._compute_loss(model, inputs)
        import torch

        ids = torch.cat([inputs["prompt_ids"], inputs["completion_ids"]], dim=1)
        attention = torch.cat([inputs["prompt_mask"], inputs["completion_mask"]], dim=1)
        mask = inputs["completion_mask"]
        logits = model(input_ids=ids, attention_mask=attention, use_cache=False).logits[:, -mask.size(1) - 1 : -1]
        losses = torch.nn.functional.cross_entropy(
            logits.float().transpose(1, 2), inputs["completion_ids"], reduction="none"
        )
        window = self.current_gradient_accumulation_steps / self.args.steps_per_generation
        tokens = inputs["num_items_in_batch"].clamp(min=1.0) / self.accelerator.num_processes * window
        loss = (losses * mask).sum() / tokens
        self._metrics["train"]["switch/supervised_loss"].append(
            float(((losses.detach() * mask).sum() / mask.sum().clamp(min=1)).item())
        )
        return loss

    def _get_grad_norm(self, model: Any, grad_norm: Any = None) -> Any:
        norm = super()._get_grad_norm(model, grad_norm=grad_norm)
        averages = self.policy.averages
        averages.norms = averages.norms.after(self._supervised, float(norm), self.policy.config.switch.memory)
        for name, value in asdict(averages.norms).items():
            if value is not None:
                self._metrics["train"][f"switch/{name}_norm"].append(value)
        return norm
