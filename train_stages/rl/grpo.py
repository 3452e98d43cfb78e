"""TRL's GRPOTrainer with what it lacks, a class for each: groups that are accounted for, losses by their formula, rollouts by a
vLLM server of another environment, dialogues (`train_stages.rl.turns`), dynamic sampling (`train_stages.rl.refill`) and steps on
worked solutions (`train_stages.rl.switching`).
`grpo_trainer` puts them together.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from synth.problems.base import Problem
from train_stages.config import RlConfig
from train_stages.losses.inputs import Sampled
from train_stages.process.trainer import configured
from train_stages.rewards.scoring import Rewards, texts
from train_stages.rl.advantage import advantages, total
from train_stages.rl.behaviour import behaviour
from train_stages.rl.draws import FILE, Draws, Rollouts
from train_stages.rl.refill import refilled
from train_stages.rl.rollouts import VllmRollouts
from train_stages.rl.staleness import effective_share
from train_stages.rl.switching import Averages, Switched
from train_stages.rl.turns import TurnRollouts, plays, rollout

if TYPE_CHECKING:
    from trl import GRPOTrainer as TrlTrainer
else:
    TrlTrainer = object  # importing TRL takes seconds; `grpo_trainer` puts the real one below these classes


@dataclass(frozen=True)
class Policy:
    """What our classes add to TRL's trainer is made of.

    Attributes:
        draws: Which problem comes when.
        rollouts: Where the outcome of each group of responses is noted.
        rewards: What responses earn.
        config: Settings.
        seed: Seed of the problems that are drawn in further rounds of sampling.
        server: Who writes the responses; None writes them in this process.
        problems: The problems, by their number in the rows.
        averages: What a switch decides by.
    """

    draws: Draws
    rollouts: Rollouts
    rewards: Rewards
    config: RlConfig
    seed: int = 0
    server: VllmRollouts | None = None
    problems: Sequence[Problem] = ()
    averages: Averages = field(default_factory=Averages)


def grpo_trainer(policy: Policy, **arguments: Any) -> Any:
    """Make the trainer.

    Args:
        policy: See there.
        arguments: For TRL's `GRPOTrainer`; each process must hold whole groups.
    """
    from trl import GRPOTrainer

    turns = plays(policy.problems, policy.config.environment)
    bases: tuple[type[Any], ...] = (
        AccountedGroups,
        FormulaLoss,
        ServedRollouts,
        configured(GRPOTrainer, policy.config),
    )
    bases = (TurnRollouts, *bases) if turns else bases
    bases = bases if policy.config.switch is None else (Switched, *bases)
    trainer = type(GRPOTrainer.__name__, bases, {"policy": policy})(
        reward_funcs=list(policy.rewards.functions), **arguments
    )
    if turns:
        trainer.rollout_func = rollout  # as an argument it comes with a warning that it is experimental
    if policy.server is not None:
        trainer.use_vllm = True  # TRL then corrects for the difference between the server's probabilities and its own
    return trainer


class AccountedGroups(TrlTrainer):  # type: ignore[misc, unused-ignore]
    """Draws problems as `policy.draws` says, compares each response with its group, and notes how each group came out."""

    policy: Policy
    _earned: Any = None

    def _get_train_sampler(self, dataset: Any = None) -> Any:
        return self.policy.draws

    def _generate_and_score_completions(self, inputs: list[dict[str, Any]]) -> dict[str, Any]:
        batch = self.sample(inputs)
        self._metrics["train"]["sampling/pool"].append(float(self.policy.draws.pool))
        config = self.policy.config
        if config.resampled != "dynamic":
            return batch
        return refilled(self, batch, inputs, rounds=config.resampling_rounds, seed=self.policy.seed)

    def sample(self, inputs: list[dict[str, Any]]) -> dict[str, Any]:
        """Sample and score once; a batch as TRL makes it, with our advantages."""
        batch: dict[str, Any] = super()._generate_and_score_completions(inputs)
        rewards = total(self._earned, self.reward_weights.to(self._earned.device))
        start = self.accelerator.process_index * len(inputs)
        gains = advantages(rewards, self.num_generations, self.policy.config.loss.scale_rewards)
        batch["advantages"] = gains[start : start + len(inputs)]
        if (weights := batch.get("importance_sampling_ratio")) is not None:
            learned = batch["completion_mask"] * batch.get("tool_mask", 1)
            self._metrics["train"]["behaviour/effective_share"].append(effective_share(weights, learned))
        return batch

    def _calculate_rewards(self, inputs: Any, prompts: Any, completions: Any, *more: Any) -> Any:
        """Score, keep what each reward gives, and note how each group came out."""
        from accelerate.utils import gather_object

        self._earned = super()._calculate_rewards(inputs, prompts, completions, *more)
        numbers = [row["number"] for row in inputs]
        verdicts = self.policy.rewards.correct(completions, numbers)
        lengths = [len(ids) for ids in more[0]] if more else [0] * len(numbers)
        counted = behaviour(texts(completions), lengths, verdicts, self.max_completion_length)
        for name, value in counted.items():
            self._metrics["train"][f"behaviour/{name}"].append(value)
        correct = gather_object(verdicts)
        self.policy.rollouts.add(self.state.global_step, gather_object(numbers), correct, self.num_generations)
        return self._earned


class FormulaLoss(TrlTrainer):  # type: ignore[misc, unused-ignore]
    """Computes a loss that TRL does not know by its formula."""

    policy: Policy

    def _compute_loss(self, model: Any, inputs: dict[str, Any]) -> Any:
        loss = self.policy.config.loss
        if loss.trl is not None:
            return super()._compute_loss(model, inputs)
        parts = self.current_gradient_accumulation_steps
        value = loss(self._sampled(model, inputs, parts))
        return value if loss.over_step else value / parts

    def _sampled(self, model: Any, inputs: dict[str, Any], parts: int) -> Sampled:
        """The inputs of the formula; `parts` is how many micro-batches an optimiser step has."""
        import torch

        ids = torch.cat([inputs["prompt_ids"], inputs["completion_ids"]], dim=1)
        mask = torch.cat([inputs["prompt_mask"], inputs["completion_mask"]], dim=1)
        learned = inputs["completion_mask"] * inputs.get("tool_mask", 1)
        logps, *_ = self._get_per_token_logps_and_entropies(model, ids, mask, inputs["completion_ids"].size(1))
        old = inputs.get("old_per_token_logps")
        step_tokens = inputs["num_items_in_batch"].clamp(min=1.0) / self.accelerator.num_processes
        return Sampled(
            logps=logps,
            old=logps.detach() if old is None else old,
            advantages=inputs["advantages"],
            mask=learned,
            longest=self.max_completion_length,
            step_tokens=step_tokens * parts / self.args.steps_per_generation,
            reference=inputs.get("ref_per_token_logps"),
            correction=inputs.get("importance_sampling_ratio"),
        )


class ServedRollouts(TrlTrainer):  # type: ignore[misc, unused-ignore]
    """Lets the server write the responses, if there is one, with the weights of the present step, or of an earlier one."""

    policy: Policy
    _served_step = -1

    def _generate_single_turn(
        self, prompt_ids: list[list[int]], images: Any, fields: Any, num_generations: int, **named: Any
    ) -> tuple[Any, Any]:
        server = self.policy.server
        if server is None:
            responses: tuple[Any, Any] = super()._generate_single_turn(
                prompt_ids, images, fields, num_generations, **named
            )
            return responses
        from accelerate.utils import broadcast_object_list, gather_object

        step = self.state.global_step
        if self._served_step < 0 or step - self._served_step >= self.policy.config.hand_over_every:
            server.update(self.save_model, first=self.accelerator.is_main_process)
            self._served_step = step
        self._metrics["train"]["behaviour/staleness"].append(float(step - self._served_step))
        prompts = gather_object(prompt_ids)
        answers: list[Any] = [None]
        if self.accelerator.is_main_process:
            answers = [server.generate(prompts[::num_generations], num_generations)]
        broadcast_object_list(answers)
        start = self.accelerator.process_index * len(prompt_ids)
        mine = answers[0][start : start + len(prompt_ids)]
        return [ids for ids, _ in mine], [logs for _, logs in mine]


def keeping_callback(rollouts: Rollouts, averages: Averages) -> Any:
    """The trainer callback that writes rollouts and averages into each state, to go on from. It must come before the seal."""
    from transformers import TrainerCallback

    class Keep(TrainerCallback):  # type: ignore[misc, unused-ignore]
        def on_save(self, args: Any, state: Any, control: Any, **_: Any) -> None:
            if state.is_world_process_zero:
                folder = Path(args.output_dir) / f"checkpoint-{state.global_step}"
                rollouts.write(folder / FILE)
                averages.write(folder)

    return Keep()
