"""The trainer of a verifier: transformers' own, on scores at chosen tokens; TRL's RewardTrainer knows pairs alone."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from train_stages.losses.base import VerifierLoss
from train_stages.losses.inputs import Scores
from train_stages.verifying.encoding import Judged, batch

if TYPE_CHECKING:
    from transformers import Trainer
else:
    Trainer = object  # importing transformers' trainer takes seconds; `verifier_trainer` puts the real one below

LABELS = "labels.pt"


def scores_at(model: Any, inputs: Mapping[str, Any]) -> Any:
    """Return the scores, logits, at the places of a batch, `[N]` or `[2 N]`."""
    inner = model.get_base_model() if hasattr(model, "get_base_model") else model
    backbone = getattr(inner, inner.base_model_prefix)
    hidden = backbone(
        input_ids=inputs["input_ids"], attention_mask=inputs["attention_mask"], use_cache=False
    ).last_hidden_state
    return inner.score(hidden[inputs["at_row"], inputs["at_token"]])[:, 0].float()


def verifier_trainer(trainer: type[Any], loss: VerifierLoss) -> type[Any]:
    """Return a subclass of transformers' Trainer that minimises a loss on scores."""
    return type(trainer.__name__, (ScoreTrainer, trainer), {"formula": loss, "moved": {}})


class ScoreTrainer(Trainer):  # type: ignore[misc, unused-ignore]
    """Computes a loss on scores by its formula.

    Attributes:
        formula: The loss.
        moved: By the number of its row, the label of each pair that has moved.
    """

    formula: VerifierLoss
    moved: dict[int, float]

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self.moved = {}
        self.model_accepts_loss_kwargs = True  # the loss is divided by what a whole step holds

    def _get_num_items_in_batch(self, batch_samples: list[Any], device: Any) -> Any:
        import torch

        return torch.tensor(sum(len(inputs["labels"]) for inputs in batch_samples), device=device)

    def compute_loss(
        self, model: Any, inputs: Any, return_outputs: bool = False, num_items_in_batch: Any = None
    ) -> Any:
        """Return the loss of a micro-batch, which transformers' trainer asks for."""
        labels, count = inputs["labels"], len(inputs["labels"])
        if self.moved:
            given = zip(inputs["rows"].tolist(), labels.tolist(), strict=True)
            labels = labels.new_tensor([self.moved.get(row, label) for row, label in given])
        logits = scores_at(model, inputs)
        scores = Scores(logits[:count], labels, logits[count:] if len(logits) > count else None)
        value = self.formula(scores).sum() / (num_items_in_batch or count)
        self._move(inputs["rows"], scores)
        return (value, None) if return_outputs else value

    def _move(self, rows: Any, scores: Scores) -> None:
        """Let the labels of pairs give in to the model (arXiv:2401.16335): each is visited once in a pass."""
        rate = self.formula.smoothing
        if rate and scores.others is not None:
            predicted = (scores.scores - scores.others).detach().sigmoid()
            moved = (1 - rate) * scores.labels + rate * predicted
            self.moved |= dict(zip(rows.tolist(), moved.tolist(), strict=True))

    def _save_checkpoint(self, model: Any, trial: Any) -> None:
        import torch

        super()._save_checkpoint(model, trial)
        state = Path(self.args.output_dir) / f"checkpoint-{self.state.global_step}"
        torch.save(self.moved, state / LABELS)

    def _load_optimizer_and_scheduler(self, checkpoint: Any) -> None:
        import torch

        super()._load_optimizer_and_scheduler(checkpoint)
        if checkpoint is not None and (Path(checkpoint) / LABELS).exists():
            self.moved = torch.load(Path(checkpoint) / LABELS, weights_only=True)


def measure(model: Any, judged: Sequence[Judged], pad: int, tokens: int) -> list[tuple[list[float], list[float]]]:
    """Return the scores, logits, of each answer at its places, and of the second texts.

    Args:
        model: The verifier.
        judged: The answers.
        pad: Token that fills up.
        tokens: Rows times longest text of one pass, about.
    """
    import torch

    order = sorted(range(len(judged)), key=lambda number: judged[number].tokens)
    measured: dict[int, tuple[list[float], list[float]]] = {}
    model.eval()
    while order:
        size = max(1, tokens // max(1, judged[order[-1]].tokens))
        part, order = order[-size:], order[:-size]
        chosen = [judged[number] for number in part]
        inputs = {name: value.to(model.device) for name, value in batch(chosen, pad).items()}
        with torch.inference_mode():
            logits = scores_at(model, inputs).tolist()
        count = len(inputs["labels"])
        firsts, others = iter(logits[:count]), iter(logits[count:])
        for number, made in zip(part, chosen, strict=True):
            scores = [next(firsts) for _ in made.labels]
            measured[number] = (scores, [next(others)] if made.others else [])
    return [measured[number] for number in range(len(judged))]
