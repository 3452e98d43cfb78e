"""Training on rows that are looked at first: a selector says which are learned from, and those wait until a batch of them is there.

The plan is the stream: its steps set the learning rate whether anything is learned in them or not. Where too few rows wait, a step
changes nothing; the optimiser leaves parameters without a gradient alone.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from train_stages.process.trainer import IGNORED, label_log_probabilities
from train_stages.selectors.base import Stream

if TYPE_CHECKING:
    from trl import SFTTrainer as TrlSft
else:
    TrlSft = object  # importing TRL takes seconds; `selecting` puts the real one below

STATE = "selected.json"
COUNTS = ("rows_seen", "rows_looked_at", "rows_learned", "tokens_looked_at", "tokens_learned")


def selecting(trainer: type[Any], stream: Stream, columns: Sequence[str]) -> type[Any]:
    """Return a subclass of TRL's SFTTrainer, or of one of ours, that learns from what a stream selects.

    Args:
        trainer: The trainer.
        stream: Selects.
        columns: Further columns of the rows that the loss needs.
    """
    return type(trainer.__name__, (Selecting, trainer), {"stream": stream, "row_columns": tuple(columns)})


class Selecting(TrlSft):  # type: ignore[misc, unused-ignore]
    """Looks at each micro-batch, and learns from what was selected once there is as much of it as the step has rows.

    Attributes:
        stream: Selects.
        row_columns: Further columns of the rows.
    """

    stream: Stream
    row_columns: tuple[str, ...]
    data_collator: Any

    def __init__(self, *arguments: Any, **named: Any) -> None:
        self._waiting: list[dict[str, Any]] = []
        self._sizes: list[int] = []
        self._counts = dict.fromkeys(COUNTS, 0)
        self._mean = 0.0
        super().__init__(*arguments, **named)

    @property
    def selected(self) -> dict[str, float]:
        """Figures: rows and tokens that were seen, looked at and learned from, and the stream's own."""
        return {**{name: float(count) for name, count in self._counts.items()}, **self.stream.figures()}

    def training_step(self, model: Any, inputs: Any, num_items_in_batch: Any = None) -> Any:
        """Look at a micro-batch, and at the last one of a step learn from the rows that wait.

        Returns:
            The mean loss of the rows that were looked at, which the log shows.
        """
        import torch

        rows = list(self._rows(inputs))
        self._sizes.append(len(rows))
        self._select(model, rows)
        if self.accelerator.sync_gradients:
            for batch, count in self._batches():
                super().training_step(model, batch, num_items_in_batch=count)
        return torch.tensor(self._mean / self.current_gradient_accumulation_steps, device=self.args.device)

    def _rows(self, inputs: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
        for number, mask in enumerate(inputs["attention_mask"].bool()):
            row = {name: inputs[name][number][mask].tolist() for name in ("input_ids", "labels")}
            yield row | {name: float(inputs[name][number]) for name in self.row_columns}

    def _select(self, model: Any, rows: Sequence[dict[str, Any]]) -> None:
        looks = self.stream.looks([row["input_ids"] for row in rows])
        looked_at = [row for row, look in zip(rows, looks, strict=True) if look]
        losses = self._losses(model, looked_at) if looked_at else []
        learns = self.stream.learns([row["input_ids"] for row in looked_at], losses)
        learned = [row for row, learn in zip(looked_at, learns, strict=True) if learn]
        self._waiting += learned
        self._mean = sum(losses) / len(losses) if losses else self._mean
        self._count(rows_seen=len(rows), rows_looked_at=len(looked_at), tokens_looked_at=_tokens(looked_at))

    def _count(self, **more: int) -> None:
        for name, count in more.items():
            self._counts[name] += count

    def _losses(self, model: Any, rows: Sequence[dict[str, Any]]) -> list[float]:
        """The mean negative log-probability of each row's tokens that carry loss."""
        import torch

        inputs = self._prepare_inputs(self.data_collator([dict(row) for row in rows]))
        labels = inputs["labels"][:, 1:]
        mask = (labels != IGNORED).to(torch.float32)
        with torch.no_grad(), self.compute_loss_context_manager():
            outputs = model(input_ids=inputs["input_ids"], attention_mask=inputs["attention_mask"], use_cache=False)
            logps = label_log_probabilities(outputs.logits[:, :-1], labels, mask)
        losses: list[float] = (-logps.sum(1) / mask.sum(1).clamp(min=1)).tolist()
        return losses

    def _batches(self) -> Iterator[tuple[Any, Any]]:
        """The micro-batches of a step's learning, and how many tokens or rows they have in all: none where too few rows wait."""
        sizes, self._sizes = self._sizes, []
        last = self.state.global_step + 1 >= self.state.max_steps
        rows = self._waiting if last else self._waiting[: sum(sizes)]
        if not rows or (len(rows) < sum(sizes) and not last):
            return
        self._waiting = self._waiting[len(rows) :]
        self._count(rows_learned=len(rows), tokens_learned=_tokens(rows))
        parts = []
        while rows:
            size = sizes.pop(0) if len(sizes) > 1 else sizes[0]
            part, rows = rows[:size], rows[size:]
            parts.append(self._prepare_inputs(self.data_collator([dict(row) for row in part])))
        count = self._get_num_items_in_batch(parts, self.args.device)
        for part in parts:
            yield part, count

    def _save_checkpoint(self, model: Any, trial: Any) -> None:
        super()._save_checkpoint(model, trial)
        folder = Path(self.args.output_dir) / f"checkpoint-{self.state.global_step}"
        state = {"waiting": self._waiting, "counts": self._counts, "mean": self._mean, "stream": self.stream.state()}
        (folder / STATE).write_text(json.dumps(state), encoding="utf-8")

    def _load_optimizer_and_scheduler(self, checkpoint: Any) -> None:
        super()._load_optimizer_and_scheduler(checkpoint)
        if checkpoint is not None:
            state = json.loads((Path(checkpoint) / STATE).read_text(encoding="utf-8"))
            self._waiting, self._counts, self._mean = state["waiting"], state["counts"], state["mean"]
            self.stream.restore(state["stream"])


def _tokens(rows: Sequence[Mapping[str, Any]]) -> int:
    return sum(len(row["input_ids"]) for row in rows)
