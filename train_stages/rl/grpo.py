"""TRL's GRPOTrainer with what it lacks: history and dynamic sampling, rollouts by a vLLM server of another environment."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from storage.ids import seed_from
from train_stages.config import RlConfig
from train_stages.losses.base import Sampled
from train_stages.process.trainer import configured
from train_stages.rewards.scoring import Rewards
from train_stages.rl.advantage import advantages, total
from train_stages.rl.draws import FILE, Draws, Rollouts
from train_stages.rl.rollouts import VllmRollouts

LEFT_PADDED = ("prompt_ids", "prompt_mask")
TOTAL = "num_items_in_batch"


def grpo_trainer(
    draws: Draws,
    rollouts: Rollouts,
    rewards: Rewards,
    config: RlConfig,
    *,
    seed: int,
    server: VllmRollouts | None,
    **arguments: Any,
) -> Any:
    """Make the trainer.

    Args:
        draws: Which problem comes when.
        rollouts: Where the outcome of each group of responses is noted.
        rewards: What responses earn.
        config: Settings. With dynamic resampling a step is filled with groups that have an advantage in further rounds of
            sampling (DAPO, arXiv:2503.14476, section 3.2); what is still without one then stays, and weighs nothing.
        seed: Seed of the problems that are drawn in further rounds.
        server: Who writes the responses; None writes them in this process.
        arguments: For TRL's `GRPOTrainer`; each process must hold whole groups.
    """
    from accelerate.utils import broadcast_object_list, gather_object
    from trl import GRPOTrainer

    loss = config.loss
    rounds = config.resampling_rounds if config.resampled == "dynamic" else 0

    class Trainer(configured(GRPOTrainer, config)):  # type: ignore[misc, unused-ignore]
        _served_step = -1
        _earned: Any = None

        def _get_train_sampler(self, dataset: Any = None) -> Any:
            return draws

        def _generate_and_score_completions(self, inputs: list[dict[str, Any]]) -> dict[str, Any]:
            batch = self._sampled(inputs)
            self._metrics["train"]["sampling/pool"].append(float(draws.pool))
            return self._refilled(batch, inputs) if rounds else batch

        def _sampled(self, inputs: list[dict[str, Any]]) -> dict[str, Any]:
            """Sample and score once, and compare each response with its group."""
            batch: dict[str, Any] = super()._generate_and_score_completions(inputs)
            earned = total(self._earned, self.reward_weights.to(self._earned.device))
            start = self.accelerator.process_index * len(inputs)
            gains = advantages(earned, self.num_generations, loss.scale_rewards)
            batch["advantages"] = gains[start : start + len(inputs)]
            return batch

        def _calculate_rewards(self, inputs: Any, prompts: Any, completions: Any, *more: Any) -> Any:
            """Score, keep what each reward gives, and note how each group came out."""
            self._earned = super()._calculate_rewards(inputs, prompts, completions, *more)
            numbers = [row["number"] for row in inputs]
            correct = gather_object(rewards.correct(completions, numbers))
            rollouts.add(self.state.global_step, gather_object(numbers), correct, self.num_generations)
            return self._earned

        def _compute_loss(self, model: Any, inputs: dict[str, Any]) -> Any:
            if loss.trl is not None:
                return super()._compute_loss(model, inputs)
            return self._loss_of(model, inputs)

        def _loss_of(self, model: Any, inputs: dict[str, Any]) -> Any:
            """Compute a loss that TRL does not know by its formula."""
            import torch

            ids = torch.cat([inputs["prompt_ids"], inputs["completion_ids"]], dim=1)
            seen = torch.cat([inputs["prompt_mask"], inputs["completion_mask"]], dim=1)
            logps, *_ = self._get_per_token_logps_and_entropies(model, ids, seen, inputs["completion_ids"].size(1))
            old = inputs.get("old_per_token_logps")
            parts = self.current_gradient_accumulation_steps
            step = inputs["num_items_in_batch"].clamp(min=1.0) / self.accelerator.num_processes
            sampled = Sampled(
                logps=logps,
                old=logps.detach() if old is None else old,
                advantages=inputs["advantages"],
                mask=inputs["completion_mask"],
                longest=self.max_completion_length,
                step_tokens=step * parts / self.args.steps_per_generation,
                reference=inputs.get("ref_per_token_logps"),
                correction=inputs.get("importance_sampling_ratio"),
            )
            value = loss(sampled)
            return value if loss.over_step else value / parts

        def _refilled(self, batch: dict[str, Any], inputs: list[dict[str, Any]]) -> dict[str, Any]:
            """Replace groups without an advantage by groups of other problems that have one."""
            size = self.num_generations
            places = [(0, group) for group in range(len(inputs) // size)]
            batches, made = [batch], 0
            empty = _without_signal(batch, size)
            before = len(empty)
            while made < rounds and self._of_all(len(empty)):
                made += 1
                batches.append(self._sampled(self._spare(made, len(inputs))))
                useless = set(_without_signal(batches[-1], size))
                for group in range(len(inputs) // size):
                    if empty and group not in useless:
                        places[empty.pop(0)] = (made, group)
            self._metrics["train"]["sampling/rounds"].append(float(made))
            self._metrics["train"]["sampling/refilled"].append((before - len(empty)) / len(places))
            if made == 0:
                return batch
            merged = merge(batches, places, size, pad=self._tokenizer.pad_token_id)
            merged[TOTAL] = self.accelerator.gather(merged["completion_mask"].sum()).sum()
            return merged

        def _of_all(self, count: int) -> int:
            import torch

            return int(self.accelerator.gather(torch.tensor([count], device=self.accelerator.device)).sum())

        def _spare(self, made: int, rows: int) -> list[dict[str, Any]]:
            """Rows of other problems; each process takes its part of one common choice."""
            world, mine = self.accelerator.num_processes, self.accelerator.process_index
            groups = rows // self.num_generations
            random = np.random.default_rng(seed_from("spare", seed, self.state.global_step, made))
            wanted, there = groups * world, len(self.train_dataset)
            chosen = random.choice(there, size=wanted, replace=wanted > there)[mine * groups : (mine + 1) * groups]
            return [dict(self.train_dataset[int(place)]) for place in chosen for _ in range(self.num_generations)]

        def _generate_single_turn(self, prompt_ids: list[list[int]], *more: Any, **named: Any) -> tuple[Any, Any]:
            if server is None:
                made: tuple[Any, Any] = super()._generate_single_turn(prompt_ids, *more, **named)
                return made
            if self.state.global_step != self._served_step:
                server.update(self.save_model, first=self.accelerator.is_main_process)
                self._served_step = self.state.global_step
            everything = gather_object(prompt_ids)
            answers: list[Any] = [None]
            if self.accelerator.is_main_process:
                answers = [server.generate(everything[:: self.num_generations], self.num_generations)]
            broadcast_object_list(answers)
            start = self.accelerator.process_index * len(prompt_ids)
            mine = answers[0][start : start + len(prompt_ids)]
            return [ids for ids, _ in mine], [logs for _, logs in mine]

    Trainer.__name__ = GRPOTrainer.__name__
    trainer = Trainer(reward_funcs=list(rewards.functions), **arguments)
    if server is not None:
        trainer.use_vllm = True  # TRL then corrects for the difference between the server's probabilities and its own
    return trainer


def _without_signal(batch: dict[str, Any], size: int) -> list[int]:
    """Groups whose responses have no advantage over each other."""
    signal = batch["advantages"].view(-1, size).abs().amax(1) > 0
    return [group for group, there in enumerate(signal.tolist()) if not there]


def merge(
    batches: Sequence[dict[str, Any]], places: Sequence[tuple[int, int]], size: int, *, pad: int
) -> dict[str, Any]:
    """Put groups of several batches into one.

    Args:
        batches: What the trainer sampled, tensors by name with a row a response.
        places: For each group of the result, the batch and the group there.
        size: Responses in a group.
        pad: The token that fills short rows.
    """
    import torch
    from torch.nn.functional import pad as padded

    merged = {}
    for name, first in batches[0].items():
        if not torch.is_tensor(first) or first.dim() == 0:
            continue
        parts = [batch[name] for batch in batches]
        if first.dim() == 2:
            width = max(part.shape[1] for part in parts)
            fill = pad if name.endswith("_ids") else 0
            left = name in LEFT_PADDED
            parts = [
                padded(part, (width - part.shape[1], 0) if left else (0, width - part.shape[1]), value=fill)
                for part in parts
            ]
        merged[name] = torch.cat([parts[batch][group * size : (group + 1) * size] for batch, group in places])
    return merged


def keeping_callback(rollouts: Rollouts) -> Any:
    """The trainer callback that writes the rollouts into each state, to go on from. It must come before the seal."""
    from transformers import TrainerCallback

    class Keep(TrainerCallback):  # type: ignore[misc, unused-ignore]
        def on_save(self, args: Any, state: Any, control: Any, **_: Any) -> None:
            if state.is_world_process_zero:
                rollouts.write(Path(args.output_dir) / f"checkpoint-{state.global_step}" / FILE)

    return Keep()
