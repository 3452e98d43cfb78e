"""What the trainers of all stages are given: the optimiser, the schedule, and losses that TRL does not know."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from storage.errors import TrainingError
from train_stages.config import TrainConfig
from train_stages.losses.base import PreferenceLoss, SupervisedLoss
from train_stages.losses.inputs import Answers, Pairs, Tokens
from train_stages.process.regularising import bound
from train_stages.process.stage import world_size

if TYPE_CHECKING:
    from trl import SFTTrainer as TrlSft
else:
    TrlSft = object  # importing TRL takes seconds; `supervised_trainer` puts the real one below

IGNORED = -100


def configured(trainer: type[Any], config: TrainConfig) -> type[Any]:
    """Return a subclass of a trainer that takes its optimiser and its schedule from the settings.

    Raises:
        TrainingError: The optimiser works in one process, and several train.
    """
    if world_size() > 1 and not config.optimiser.sharded:
        raise TrainingError(
            f"optimiser = {config.optimiser.name!r} works on one device, not on {world_size()}: set optimiser: adamw"
        )

    class Configured(trainer):  # type: ignore[misc, unused-ignore]
        optimizer: Any
        lr_scheduler: Any

        def __init__(self, *arguments: Any, **named: Any) -> None:
            super().__init__(*arguments, **named)
            self._bound = bound(config.regularisers, self.model)

        def create_optimizer(self, model: Any = None) -> Any:
            if self.optimizer is None:
                self.optimizer = config.optimiser.build(
                    self.model if model is None else model,
                    learning_rate=config.learning_rate,
                    weight_decay=config.weight_decay,
                )
                if self._bound is not None:
                    self._bound.attach(self.optimizer)
            return self.optimizer

        def create_scheduler(self, num_training_steps: int, optimizer: Any = None) -> Any:
            from torch.optim.lr_scheduler import LambdaLR

            if self.lr_scheduler is None:

                def share(step: int) -> float:  # a function, so that the scheduler does not save it
                    return config.schedule(step, num_training_steps)

                self.lr_scheduler = LambdaLR(self.optimizer if optimizer is None else optimizer, share)
                self._created_lr_scheduler = True
            return self.lr_scheduler

    Configured.__name__ = trainer.__name__
    return Configured


def supervised_trainer(trainer: type[Any], loss: SupervisedLoss, reference: Any = None) -> type[Any]:
    """Return a subclass of TRL's SFTTrainer that computes a loss by its formula, or `trainer` where TRL knows the loss.

    Args:
        trainer: SFTTrainer, or a subclass.
        loss: The loss.
        reference: The checkpoint that training starts from, where the loss needs it; None takes the model without its adapter.
    """
    if loss.trl is not None:
        return trainer

    bases = (FormulaSft, trainer)
    return type(trainer.__name__, bases, {"formula": loss, "reference": reference})


class FormulaSft(TrlSft):  # type: ignore[misc, unused-ignore]
    """Computes a loss that TRL does not know by its formula.

    Attributes:
        formula: The loss.
        reference: The checkpoint that training starts from, a second model; None takes the model without its adapter.
    """

    formula: SupervisedLoss
    reference: Any = None
    data_collator: Any
    _signature_columns: Any

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        if self.reference is not None:
            self.reference = self.accelerator.prepare_model(self.reference, evaluation_mode=True)
        if self.formula.columns:
            self.data_collator = _with_columns(self.data_collator, self.formula.columns)

    def _set_signature_columns_if_needed(self) -> None:
        super()._set_signature_columns_if_needed()
        self._signature_columns = [*dict.fromkeys([*self._signature_columns, *self.formula.columns])]

    def _get_num_items_in_batch(self, batch_samples: list[Any], device: Any) -> Any:
        if self.formula.per == "token":
            return super()._get_num_items_in_batch(batch_samples, device)
        import torch

        rows = torch.tensor(sum(len(batch["labels"]) for batch in batch_samples), device=device)
        return self.accelerator.gather(rows).sum()

    def compute_loss(
        self, model: Any, inputs: Any, return_outputs: bool = False, num_items_in_batch: Any = None
    ) -> Any:
        """Return the loss of a micro-batch, which TRL's trainer asks for."""
        import torch

        loss = self.formula
        model_inputs = {name: value for name, value in inputs.items() if name not in ("labels", *loss.columns)}
        labels = inputs["labels"][:, 1:]
        mask = (labels != IGNORED).to(torch.float32)
        logps = label_log_probabilities(model(**model_inputs, use_cache=False).logits[:, :-1], labels, mask)
        before = None
        if loss.needs_reference:
            with torch.no_grad(), _parent(self, model, self.reference) as parent:
                before = label_log_probabilities(parent(**model_inputs, use_cache=False).logits[:, :-1], labels, mask)
        count = num_items_in_batch
        if count is None:
            count = mask.sum() if loss.per == "token" else len(labels)
        losses = loss(Tokens(logps, mask, before, {name: inputs[name] for name in loss.columns}))
        value = losses.sum() / count * self.accelerator.num_processes
        return (value, None) if return_outputs else value


@contextmanager
def _parent(trainer: Any, model: Any, reference: Any) -> Iterator[Any]:
    """Give the checkpoint that training starts from: a second model, or the model itself with its adapter switched off."""
    if reference is not None:
        yield reference
        return
    with trainer.accelerator.unwrap_model(model).disable_adapter():
        yield model


def _with_columns(collate: Any, columns: tuple[str, ...]) -> Any:
    """A collator that keeps further columns, as a tensor of one number a row."""
    import torch

    def collating(rows: list[dict[str, Any]]) -> dict[str, Any]:
        kept = {name: torch.tensor([float(row[name]) for row in rows]) for name in columns}
        plain = [{name: value for name, value in row.items() if name not in columns} for row in rows]
        return {**collate(plain), **kept}

    return collating


def label_log_probabilities(logits: Any, labels: Any, mask: Any) -> Any:
    """Log-probability of each label, `[B, T]`, 0 where none is."""
    chosen = logits.float().log_softmax(-1).gather(2, labels.clamp(min=0)[..., None])[..., 0]
    return chosen * mask


def on_served_tokens(trainer: type[Any]) -> type[Any]:
    """Return a subclass of TRL's DPO, KTO or ORPO trainer that takes ready tokens, `prompt_ids` and those of each answer.

    TRL renders a pair as one chat and looks for where it parts from the prompt: where a template writes an opening tag, or drops
    thoughts, the model would learn after another prompt than it is served.
    """

    class OnServedTokens(trainer):  # type: ignore[misc, unused-ignore]
        def _prepare_dataset(self, dataset: Any, *_: Any) -> Any:  # DPO and KTO
            return dataset

        def tokenize_row(self, feature: dict[str, list[int]], model: Any = None) -> dict[str, list[int]]:  # ORPO
            prompt = feature["prompt_ids"]
            row = {"prompt_input_ids": prompt, "prompt_attention_mask": [1] * len(prompt)}
            for side in ("chosen", "rejected"):
                answer = feature[f"{side}_ids"]
                row |= {
                    f"{side}_input_ids": prompt + answer,
                    f"{side}_attention_mask": [1] * (len(prompt) + len(answer)),
                    f"{side}_labels": [IGNORED] * len(prompt) + answer,
                }
            return row

    OnServedTokens.__name__ = trainer.__name__
    return OnServedTokens


def preference_trainer(trainer: type[Any], loss: PreferenceLoss) -> type[Any]:
    """Return a subclass of TRL's DPOTrainer that computes a loss by its formula, or `trainer` where TRL knows the loss."""
    if loss.trl is not None:
        return trainer

    class Preference(trainer):  # type: ignore[misc, unused-ignore]
        data_collator: Any
        _signature_columns: Any

        def __init__(self, *arguments: Any, **named: Any) -> None:
            super().__init__(*arguments, **named)
            if loss.columns:
                self.data_collator = _with_columns(self.data_collator, loss.columns)

        def _set_signature_columns_if_needed(self) -> None:
            super()._set_signature_columns_if_needed()
            self._signature_columns = [*dict.fromkeys([*self._signature_columns, *loss.columns])]

        def _compute_loss(self, model: Any, inputs: dict[str, Any], return_outputs: bool) -> Any:
            import torch

            mask = inputs["completion_mask"]
            outside = {*OUTSIDE, *loss.columns}
            model_inputs = {name: value for name, value in inputs.items() if name not in outside} | {"use_cache": False}
            labels = inputs["input_ids"].masked_fill(mask == 0, IGNORED)
            places = mask[:, 1:].size(1)
            logps = model(**model_inputs, labels=labels, fused_lm_head=True).log_probs[:, -places:].sum(1).chunk(2)
            before: Any = (None, None)
            if loss.needs_reference:
                with torch.no_grad(), _parent(self, model, self.ref_model) as parent:
                    outputs = parent(**model_inputs, labels=labels, fused_lm_head=True)
                before = outputs.log_probs[:, -places:].sum(1).chunk(2)
            lengths = mask[:, 1:].sum(1).chunk(2)
            sides = [Answers(*side) for side in zip(logps, lengths, before, strict=True)]
            value = loss(Pairs(sides[0], sides[1], columns={name: inputs[name] for name in loss.columns})).mean()
            return (value, None) if return_outputs else value

    Preference.__name__ = trainer.__name__
    return Preference


OUTSIDE = {"completion_mask", "ref_chosen_logps", "ref_rejected_logps"}
"""Inputs of TRL's preference trainer that are not the model's."""
