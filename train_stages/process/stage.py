"""What the training stages have in common: loading, settings for the trainers, progress, and clear ends.

Where a stage writes, and how a killed one goes on, is in `train_stages.process.states`.
"""

import ctypes
import math
import os
import shutil
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from storage.errors import CheckpointError, TrainingError
from storage.ids import digest
from storage.models.adapters import finish_adapter, whole
from storage.models.checkpoints import checkpoint_digest
from storage.models.precision import keep_precision
from train_stages.config import WATCHING, TrainConfig
from train_stages.process.states import STATES, last_state, sealing_callback, write_json

Progress = Callable[[str, int, int], None]
"""Called with the stage's name, the steps done and the steps planned."""

MANIFEST = "training.json"
M_MMAP_THRESHOLD = -3
"""Number of glibc's setting, malloc.h."""
LARGE = 1 << 20
"""Bytes of a block that is taken from the system, and given back, by itself."""


@dataclass(frozen=True, slots=True)
class StageResult:
    """What a stage made.

    Attributes:
        path: The checkpoint, an ordinary Hugging Face folder with `training.json` beside the weights.
        metrics: Final figures (`loss`, `steps`, `rows`, ...).
        tokens: Tokens that went through training, prompts included, padding not.
        cpu_seconds: CPU time of this process during the stage.
        history: The trainer's log, one entry every `log_every` steps.
    """

    path: Path
    metrics: dict[str, float]
    tokens: int
    cpu_seconds: float
    history: list[dict[str, float]] = field(default_factory=list)


def quiet() -> None:
    """Stop transformers and datasets from drawing progress bars: the stages report progress themselves."""
    import datasets
    from transformers.utils import logging

    logging.disable_progress_bar()
    datasets.disable_progress_bars()


def on_gpu(config: TrainConfig) -> bool:
    """Whether the stage will run on a GPU.

    Raises:
        TrainingError: The configuration asks for one and there is none.
    """
    import torch

    available: bool = torch.cuda.is_available()
    if config.device == "cuda" and not available:
        raise TrainingError(
            "device = 'cuda', but PyTorch sees no GPU: install a CUDA build of torch and a driver, or set device: auto"
        )
    return config.device != "cpu" and available


def world_size() -> int:
    """Processes that train together, as the launcher says."""
    return int(os.environ.get("WORLD_SIZE", "1"))


def stage_identity(stage: str, parent: Path, rows: str, config: TrainConfig, seed: int) -> str:
    """Digest of everything that determines what a stage makes; only a state of the same identity is gone on from."""
    names = ("torch", "transformers", "trl") if config.adapter is None else ("torch", "transformers", "trl", "peft")
    libraries = {name: version(name) for name in names}
    unused = {name for name in ("regularisers", "select") if not getattr(config, name, None)}
    settings = config.model_dump(mode="json", exclude={*WATCHING, *unused})
    return digest("stage", stage, checkpoint_digest(parent), rows, settings, seed, libraries)


def load(
    parent: Path, config: TrainConfig, *, packed: bool = False, kind: str = "AutoModelForCausalLM", **options: Any
) -> tuple[Any, Any]:
    """Load model and tokenizer of a checkpoint for training; one that is an adapter is merged into what is beneath it.

    Args:
        parent: The checkpoint.
        config: Settings.
        packed: Several rows share a sequence; FlashAttention is taken where it is installed, which only speeds it up.
        kind: Which of transformers' model classes.
        options: Further options of its `from_pretrained`.

    Raises:
        CheckpointError: The folder holds no loadable model.
        TrainingError: The weights are to be quantised, and this machine cannot.
    """
    import torch
    import transformers
    from transformers.utils import is_flash_attn_2_available

    quiet()
    gpu = on_gpu(config)
    attention = "flash_attention_2" if gpu and packed and is_flash_attn_2_available() else "sdpa"
    if not gpu:
        torch.set_num_threads(config.threads)
        if config.adapter is not None:
            give_back_memory()
    dtype = getattr(torch, config.weights) if gpu else torch.float32
    if config.adapter and config.adapter.quantise:
        options["quantization_config"] = quantisation(config)
    try:
        tokenizer = transformers.AutoTokenizer.from_pretrained(str(parent), local_files_only=True)
        model = getattr(transformers, kind).from_pretrained(
            str(whole(parent)), dtype=dtype, attn_implementation=attention, local_files_only=True, **options
        )
    except (OSError, ValueError) as error:
        raise CheckpointError(f"{parent} cannot be loaded as a model: {error}") from error
    return model, tokenizer


def give_back_memory() -> None:
    """Let glibc return large blocks to the system as soon as they are free.

    By itself it keeps ever larger ones for later, and between tensors of many sizes the pieces do not fit: an adapter on 97M
    weights took 1,549 MiB instead of 1,312. Only for adapters, whose models are large: small tensors would pay for it in time.
    """
    allocator = ctypes.CDLL(None)
    if hasattr(allocator, "mallopt") and sys.platform == "linux":
        allocator.mallopt(M_MMAP_THRESHOLD, LARGE)


def quantisation(config: TrainConfig) -> Any:
    """Return how the frozen weights beneath an adapter are quantised; None when they are not.

    Raises:
        TrainingError: They are to be, and this machine cannot.
    """
    if config.adapter is None or config.adapter.quantise is None:
        return None
    if not on_gpu(config) or find_spec("bitsandbytes") is None:
        raise TrainingError(
            f"adapter.quantise = {config.adapter.quantise!r} needs a GPU and bitsandbytes (pip install bitsandbytes); leave it out"
        )
    return config.adapter.quantisation()


def adapter_arguments(config: TrainConfig) -> dict[str, Any]:
    """Return what a trainer of TRL is told of the adapter; nothing when whole weights are trained."""
    return {} if config.adapter is None else {"peft_config": config.adapter.peft()}


def trackers(folder: Path, config: TrainConfig) -> list[str]:
    """Return the trackers that are told of the curves.

    TensorBoard writes into `tensorboard/NAME` beside the checkpoint, unless TENSORBOARD_LOGGING_DIR says otherwise.

    Raises:
        TrainingError: The package of one is not installed.
    """
    for name in config.report_to:
        packages = ("tensorboard", "tensorboardX") if name == "tensorboard" else (name,)
        if not any(find_spec(package) for package in packages):
            raise TrainingError(f"report_to: {name} is not installed: pip install {name}, or leave it out")
    if "tensorboard" in config.report_to:
        os.environ.setdefault("TENSORBOARD_LOGGING_DIR", str(folder.parent / "tensorboard" / run_name(folder)))
    return list(config.report_to)


def run_name(folder: Path) -> str:
    """Return the name of a stage's output, which its folder has while it works in it too: how trackers call the run."""
    return folder.name.removeprefix(".").removesuffix(".partial")


def common_arguments(folder: Path, config: TrainConfig, *, steps: int, seed: int) -> dict[str, Any]:
    """Trainer arguments that every stage passes, for the device at hand."""
    from transformers import TrainingArguments

    gpu = on_gpu(config)
    # transformers 5.2x renamed the setting; TRL turns it on unless told otherwise.
    renamed = "activation_checkpointing" in TrainingArguments.__dataclass_fields__
    checkpointing = "activation_checkpointing" if renamed else "gradient_checkpointing"
    return {
        "output_dir": str(folder / STATES),
        "max_steps": steps,
        "seed": seed,
        "data_seed": seed,
        "learning_rate": config.learning_rate,
        "weight_decay": config.weight_decay,
        "max_grad_norm": config.max_grad_norm,
        checkpointing: config.gradient_checkpointing and gpu,
        "bf16": gpu,
        "use_cpu": not gpu,
        "dataloader_pin_memory": gpu,
        "logging_steps": min(config.log_every, steps),  # a short training has a loss too
        "logging_nan_inf_filter": False,
        "report_to": trackers(folder, config) or "none",
        "run_name": run_name(folder),
        "disable_tqdm": True,
        "save_strategy": "steps",
        "save_steps": config.save_every or math.ceil(steps / 10),
        "save_total_limit": 2,  # the newest may be half written when a kill comes
    }


def callbacks(stage: str, progress: Progress | None) -> list[Any]:
    """Trainer callbacks: progress, sealed states, and a stop when the loss is no longer a number."""
    from transformers import TrainerCallback

    class Report(TrainerCallback):  # type: ignore[misc, unused-ignore]
        def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
            if progress is not None:
                progress(stage, state.global_step, state.max_steps)

        def on_log(self, args: Any, state: Any, control: Any, logs: dict[str, Any] | None = None, **_: Any) -> None:
            loss = (logs or {}).get("loss")
            if loss is not None and not math.isfinite(float(loss)):
                raise TrainingError(f"{stage}: the loss is {loss} at step {state.global_step}; lower learning_rate")

    return [Report(), sealing_callback()]


def run(
    trainer: Any,
    folder: Path,
    out: Path,
    *,
    stage: str,
    parent: Path,
    config: TrainConfig,
    tokens: int | Callable[[], int],
    facts: Mapping[str, float] | Callable[[], Mapping[str, float]],
    judge: Mapping[str, str] | None = None,
    merged: bool = False,
) -> StageResult:
    """Train, from the last sealed state in `folder` if there is one, and write checkpoint and manifest into `folder`.

    Args:
        trainer: A trainer that is ready to train.
        folder: The folder to write into.
        out: Where it will be in the end.
        stage: Name of the stage.
        parent: The checkpoint it started from.
        config: Settings, written into the manifest.
        tokens: Tokens that will be trained on, or what counts them once the model is trained; 0 takes the trainer's own count.
        facts: Further figures for the metrics, or what measures them once the model is trained.
        judge: Version of what decided about answers, by task; None where the stage rewards none.
        merged: An adapter is merged into the weights at the end.

    Raises:
        TrainingError: Memory ran out, or the loss is no longer a number.
    """
    from transformers.trainer_callback import PrinterCallback

    started = time.process_time()
    trainer.remove_callback(PrinterCallback)  # it prints every log entry; the history keeps them already
    state = last_state(folder)
    with enough_memory(stage, config):
        trainer.train(resume_from_checkpoint=str(state) if state else None)
    cpu = time.process_time() - started
    if merged and config.adapter is not None:
        trainer.model = trainer.accelerator.unwrap_model(trainer.model).merge_and_unload()
    figures = facts() if callable(facts) else facts
    trainer.save_model(str(folder))
    trainer.accelerator.wait_for_everyone()
    history = [_numbers(entry) for entry in trainer.state.log_history]
    metrics = {
        "steps": float(trainer.state.global_step),
        "cpu_seconds": cpu,
        "processes": float(world_size()),
        **figures,
    }
    metrics |= _first_and_last(history)
    if state is not None:
        metrics["resumed_at_step"] = float(state.name.rpartition("-")[2])
    counted = tokens() if callable(tokens) else tokens
    trained_tokens = counted or round(max((entry.get("num_tokens", 0.0) for entry in history), default=0.0))
    if trainer.is_world_process_zero():
        _tidy(folder, out, parent, adapter=config.adapter is not None and not merged)
        manifest = {
            "stage": stage, "parent": parent.name, "config": config.model_dump(mode="json"), "metrics": metrics,
            "tokens": trained_tokens, "history": history, **({} if judge is None else {"judge": dict(judge)}),
        }  # fmt: skip
        write_json(folder / MANIFEST, manifest)
    return StageResult(out, metrics, trained_tokens, cpu, history)


def _tidy(folder: Path, out: Path, parent: Path, *, adapter: bool) -> None:
    """Make a checkpoint of what the trainer wrote: without its states, in the parent's precision, an adapter with its base."""
    shutil.rmtree(folder / STATES, ignore_errors=True)
    (folder / "training_args.bin").unlink(missing_ok=True)  # a pickle: nobody should have to trust it
    if adapter:
        finish_adapter(folder, parent, out)
    else:
        keep_precision(folder, whole(parent))


def _first_and_last(history: Sequence[Mapping[str, float]]) -> dict[str, float]:
    """The first and the last loss and reward that were logged."""
    figures: dict[str, float] = {}
    for name in ("loss", "reward"):
        logged = [entry[name] for entry in history if name in entry]
        if logged:
            figures |= {f"first_{name}": logged[0], name: logged[-1]}
    return figures


@contextmanager
def enough_memory(stage: str, config: TrainConfig) -> Iterator[None]:
    """Turn "out of memory" into an error that says what to change."""
    try:
        yield
    except (MemoryError, RuntimeError) as error:
        text = str(error).lower()
        if not (isinstance(error, MemoryError) or "out of memory" in text or "can't allocate memory" in text):
            raise
        now = config.tokens_at_once
        more = "" if config.gradient_checkpointing else ", or set gradient_checkpointing: true"
        raise TrainingError(
            f"{stage}: memory ran out with {now:,} tokens at once: set micro_batch_tokens to {max(1, now // 2):,}, which "
            f"changes no result{more}. What was trained so far is kept"
        ) from error


def _numbers(entry: Mapping[str, Any]) -> dict[str, float]:
    return {key: float(value) for key, value in entry.items() if isinstance(value, int | float)}
