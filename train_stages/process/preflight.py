"""What every stage's check asks before anything is trained, on a CPU and in seconds: tokenizer, rows and memory.

Weights are not read: the number of parameters comes from the model's configuration, on torch's meta device.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from storage.errors import CheckpointError, TrainingError
from train_stages.config import TrainConfig
from train_stages.process.memory import Head, estimate, shown
from train_stages.process.stage import on_gpu, quantisation, trackers

LOOKED_AT = 200
"""Rows that are encoded to look at."""
SAFE = 0.9
"""Share of the free memory that an estimate may take."""


def load_tokenizer(parent: Path) -> Any:
    """Load a checkpoint's tokenizer.

    Raises:
        CheckpointError: There is none.
    """
    from transformers import AutoTokenizer

    try:
        return AutoTokenizer.from_pretrained(str(parent), local_files_only=True)
    except (OSError, ValueError) as error:
        raise CheckpointError(f"{parent} cannot be loaded as a model: {error}") from error


def memory(
    parent: Path,
    config: TrainConfig,
    *,
    copies: int = 1,
    tokens: int | None = None,
    share: float = 1.0,
    head: Head = "chunked",
    beside: Sequence[Path] = (),
) -> dict[str, Any]:
    """Estimate what a stage needs on one device (`train_stages.process.memory`), and compare it with what is free.

    Args:
        parent: The checkpoint.
        config: Settings.
        copies: Models in memory, the reference counted.
        tokens: Tokens that go through the model at once; None takes them from the settings.
        share: Share of the device that training may have.
        head: How log-probabilities are computed.
        beside: Further checkpoints in memory, frozen and not quantised.

    Raises:
        CheckpointError: The parent's configuration cannot be loaded.
        TrainingError: It is more than is free, or the adapter fits no module; the message says which setting to change.
    """
    import psutil
    import torch

    parameters, trained, shape = _shape(parent, config)
    config.optimiser.check()  # the three refuse what this machine cannot
    quantisation(config)
    trackers(parent, config)
    gpu = on_gpu(config)
    tokens = max(tokens or config.tokens_at_once, config.max_length)
    others = sum(_shape(path, None)[0] for path in beside)
    made = estimate(shape, parameters, trained, config, tokens=tokens, copies=copies, head=head, gpu=gpu, others=others)
    fixed, moving = made.fixed, made.moving
    free = share * (torch.cuda.mem_get_info()[0] if gpu else psutil.virtual_memory().available)
    if config.accelerate is None and fixed + moving > SAFE * free:
        smaller = max(1, int(tokens * max(0.0, SAFE * free - fixed) / moving))
        way = (
            f"set micro_batch_tokens to at most {smaller:,}"
            if smaller >= config.max_length
            else "set adapter: {}, weights: bfloat16 or gradient_checkpointing: true, or spread the model: accelerate: fsdp"
            if gpu
            else "set adapter: {}, which trains a small part of the weights, or a smaller max_length"
        )
        raise TrainingError(
            f"about {(fixed + moving) / 2**30:.1f} GiB are needed and {free / 2**30:.1f} GiB are free "
            f"({fixed / 2**30:.1f} for weights and optimiser, {moving / 2**30:.1f} for {tokens:,} tokens at once): {way}"
        )
    return {
        "parameters": parameters,
        "trained_parameters": trained,
        "needs_gib": round((fixed + moving) / 2**30, 3),
        "needs_by_part_gib": shown(made),
        "free_gib": round(free / 2**30, 1),
        "device": "cuda" if gpu else "cpu",
    }


def _shape(parent: Path, config: TrainConfig | None) -> tuple[int, int, Any]:
    """Number of parameters, how many of them are trained, and the configuration of the text model."""
    import torch
    from transformers import AutoConfig, AutoModelForCausalLM

    try:
        shape = AutoConfig.from_pretrained(str(parent), local_files_only=True)
        with torch.device("meta"):
            model = AutoModelForCausalLM.from_config(shape)
    except (OSError, ValueError) as error:
        raise CheckpointError(f"{parent} cannot be loaded as a model: {error}") from error
    parameters = sum(parameter.numel() for parameter in model.parameters())
    if config is None or config.adapter is None:
        return parameters, parameters, shape.get_text_config()
    from peft import get_peft_model

    try:
        with torch.device("meta"):
            adapted: Any = get_peft_model(model, config.adapter.peft())
    except ValueError as error:
        raise TrainingError(f"adapter.targets = {list(config.adapter.targets)}: {error}") from None
    trained = sum(parameter.numel() for parameter in adapted.parameters() if parameter.requires_grad)
    return parameters, trained, shape.get_text_config()


def counts(rows: int, encoded: Any) -> dict[str, Any]:
    """What became of the rows that were looked at."""
    looked = encoded.table.num_rows + encoded.too_long + encoded.without_loss
    return {
        "rows": rows,
        "looked_at": looked,
        "too_long": encoded.too_long,
        "without_loss": encoded.without_loss,
        "mean_tokens": round(encoded.tokens / encoded.table.num_rows, 1),
    }
