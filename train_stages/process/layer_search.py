"""The search of SubTuning: trials on a model in memory, whose weights are then the parent's again."""

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from storage.errors import TrainingError
from train_stages.config import SupervisedConfig
from train_stages.process.stage import world_size
from train_stages.process.states import write_json
from train_stages.process.trainer import IGNORED, label_log_probabilities
from train_stages.regularisers.sub_tuning import LayerChoice, SubTuning, greedy, layer_numbers, searched

FILE = "sub_tuning.json"


def with_searched_layers(
    config: SupervisedConfig, model: Any, rows: pa.Table, file: Path, seed: int
) -> SupervisedConfig:
    """Return the settings with the layers that a search found, or as they are where none is asked for.

    Args:
        config: Settings of the stage.
        model: The model, with the parent's weights, which it has afterwards too.
        rows: Columns `input_ids` and `labels`.
        file: Where what was found is kept; what stands there is taken as it is.
        seed: Seed of the stage.

    Raises:
        TrainingError: The search cannot be made beside these settings, or on so few rows.
    """
    part = searched(config.regularisers)
    if part is None:
        return config
    if config.adapter is not None or world_size() > 1:
        way = "adapter" if config.adapter is not None else "accelerate"
        raise TrainingError(
            f"sub_tuning: layers: greedy searches whole weights in one process: leave {way} out, or name the layers"
        )
    if not file.exists():
        file.parent.mkdir(exist_ok=True)
        write_json(file, asdict(search(part, config, model, rows, seed)))
    layers = json.loads(file.read_text(encoding="utf-8"))["layers"]
    others = [part.with_layers(layers) if other is part else other for other in config.regularisers]
    return config.model_copy(update={"regularisers": tuple(others)})


def search(part: SubTuning, config: SupervisedConfig, model: Any, rows: pa.Table, seed: int) -> LayerChoice:
    """Search the layers of a model by trials: cross-entropy, the stage's optimiser and rate, the same batches in each.

    Raises:
        TrainingError: There are too few rows to hold some out, or the model has no layers that are numbered.
    """
    encoded = list(zip(rows["input_ids"].to_pylist(), rows["labels"].to_pylist(), strict=True))
    order = np.random.default_rng([seed, 0x5A8]).permutation(len(encoded))
    measured = max(1, round(part.heldout * len(order)))
    held, learned = ([encoded[number] for number in numbers] for numbers in (order[:measured], order[measured:]))
    names = [name for name, _ in model.named_parameters()]
    count = max(layer_numbers(names).values(), default=-1) + 1
    if not learned or not count:
        raise TrainingError("sub_tuning: layers: greedy needs two rows, and a model whose layers are numbered")
    batches = list(_batches(learned, config.batch_tokens, part.trial_steps))

    def trial(layers: tuple[int, ...]) -> float:
        with _restored(model):
            if layers:
                _train(model, set(part.with_layers(layers).trained(names)), batches, config)
            return _loss(model, held, config.tokens_at_once)

    return greedy(count, trial, most=part.most, least_gain=part.least_gain)


Row = tuple[list[int], list[int]]


def _batches(rows: Sequence[Row], tokens: int, steps: int) -> Iterator[list[Row]]:
    """So many batches of about so many tokens, one row after the other, again and again."""
    at = 0
    for _ in range(steps):
        batch: list[Row] = []
        while not batch or (sum(len(ids) for ids, _ in batch) < tokens and len(batch) < len(rows)):
            batch.append(rows[at % len(rows)])
            at += 1
        yield batch


@contextmanager
def _restored(model: Any) -> Iterator[None]:
    """Give back the weights, and what is trained of them, at the end."""
    before = {name: (weight.detach().clone(), weight.requires_grad) for name, weight in model.named_parameters()}
    try:
        yield
    finally:
        for name, weight in model.named_parameters():
            weight.data.copy_(before[name][0])
            weight.requires_grad_(before[name][1])
            weight.grad = None


def _train(model: Any, trained: set[str], batches: Sequence[Sequence[Row]], config: SupervisedConfig) -> None:
    import torch

    model.train()
    for name, weight in model.named_parameters():
        weight.requires_grad_(name in trained)
    optimiser = config.optimiser.build(model, learning_rate=config.learning_rate, weight_decay=config.weight_decay)
    for batch in batches:
        optimiser.zero_grad(set_to_none=True)
        count = sum(label != IGNORED for _, labels in batch for label in labels[1:])
        for part in _parts(batch, config.tokens_at_once):
            (_total(model, part) / max(1, count)).backward()
        if config.max_grad_norm:
            torch.nn.utils.clip_grad_norm_(model.parameters(), config.max_grad_norm)
        optimiser.step()


def _loss(model: Any, rows: Sequence[Row], tokens: int) -> float:
    """The mean loss of the tokens that carry loss."""
    import torch

    model.eval()
    with torch.no_grad():
        total = sum(float(_total(model, part)) for part in _parts(rows, tokens))
    return total / max(1, sum(label != IGNORED for _, labels in rows for label in labels[1:]))


def _parts(rows: Sequence[Row], tokens: int) -> Iterator[list[Row]]:
    """Rows in parts that go through the model at once, padding counted."""
    part: list[Row] = []
    longest = 0
    for row in sorted(rows, key=lambda row: len(row[0])):
        longest = max(longest, len(row[0]))
        if part and longest * (len(part) + 1) > tokens:
            yield part
            part, longest = [], len(row[0])
        part.append(row)
    yield part


def _total(model: Any, rows: Sequence[Row]) -> Any:
    """The loss of a part, summed over its tokens."""
    import torch

    longest = max(len(ids) for ids, _ in rows)

    def padded(values: Sequence[Sequence[int]], fill: int) -> Any:
        return torch.tensor([[*row, *[fill] * (longest - len(row))] for row in values], device=model.device)

    ids, labels = padded([ids for ids, _ in rows], 0), padded([labels for _, labels in rows], IGNORED)[:, 1:]
    attention = padded([[1] * len(ids) for ids, _ in rows], 0)
    mask = (labels != IGNORED).to(torch.float32)
    logits = model(input_ids=ids, attention_mask=attention, use_cache=False).logits[:, :-1]
    return -label_log_probabilities(logits, labels, mask).sum()
