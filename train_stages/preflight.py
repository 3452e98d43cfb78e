"""What can be known before anything is trained, on a CPU and in seconds, from the tokenizer and the configuration alone.

Weights are not read: the number of parameters comes from the model's configuration, on torch's meta device.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from storage.errors import CheckpointError, TrainingError
from synth.problems.base import Outcome, Problem
from train_stages.config import CptConfig, PreferenceConfig, RlConfig, SftConfig, TrainConfig, read_config
from train_stages.job import Job, read_rows

LOOKED_AT = 200
"""Rows that are encoded to look at."""
SAFE = 0.9
"""Share of the free memory that an estimate may take; the estimate is good to a factor of about 1.5."""


def check_sft(job: Job) -> dict[str, Any]:
    """Check supervised fine-tuning: the template renders, some token carries loss, memory suffices.

    Raises:
        CheckpointError: The parent's tokenizer or configuration cannot be loaded.
        TrainingError: One of the checks fails; the message says which setting to change.
    """
    from train_stages.encode import show_loss
    from train_stages.sft import encode

    config = read_config(SftConfig, job.options, job.name or "sft")
    tokenizer, rows = load_tokenizer(job.parent), read_rows(job.rows)
    encoded = encode(tokenizer, rows.slice(0, LOOKED_AT), config)
    told = sum(1 for labels in encoded.table["labels"].to_pylist() for label in labels if label >= 0)
    return {
        **_counts(rows.num_rows, encoded),
        "share_with_loss": round(told / encoded.tokens, 3),
        "one_row": show_loss(tokenizer, encoded),
        **memory(job.parent, config),
    }


def check_cpt(job: Job) -> dict[str, Any]:
    """Check continued pre-training: there is text, memory suffices.

    Raises:
        CheckpointError: The parent's tokenizer or configuration cannot be loaded.
        TrainingError: One of the checks fails; the message says which setting to change.
    """
    from train_stages.cpt import with_replay
    from train_stages.encode import encode_texts, show_loss
    from train_stages.mixture import blend

    config = read_config(CptConfig, job.options, job.name or "cpt")
    tokenizer, rows = load_tokenizer(job.parent), with_replay(read_rows(job.rows), config)
    if config.mixture is not None:
        names = set(rows["source"].to_pylist()) if "source" in rows.column_names else {"rows"}
        blend(dict.fromkeys(names, 1), config.mixture, 1.0)  # refuses a name that is not there
    encoded = encode_texts(tokenizer, rows["text"].slice(0, LOOKED_AT).to_pylist(), config.max_length)
    counts = _counts(rows.num_rows, encoded)
    return {**counts, "one_row": show_loss(tokenizer, encoded), **memory(job.parent, config)}


def check_preference(job: Job) -> dict[str, Any]:
    """Check preference training: the template renders both answers, they differ, memory suffices for model and reference.

    Raises:
        CheckpointError: The parent's tokenizer or configuration cannot be loaded.
        TrainingError: One of the checks fails; the message says which setting to change.
    """
    from train_stages.preference import encode_pairs

    config = read_config(PreferenceConfig, job.options, job.name or "preference")
    rows = read_rows(job.rows)
    pairs, lengths, too_long = encode_pairs(load_tokenizer(job.parent), rows.slice(0, LOOKED_AT), config)
    alike = sum(pair["chosen"] == pair["rejected"] for pair in pairs)
    if alike:
        raise TrainingError(f"preference: in {alike} of {len(pairs)} pairs both answers are the same; leave them out")
    return {
        "pairs": rows.num_rows,
        "looked_at": len(pairs) + too_long,
        "too_long": too_long,
        "mean_tokens": round(sum(lengths) / len(lengths), 1),
        "one_pair": pairs[0],
        **memory(job.parent, config, copies=1 if config.loss_type == "orpo" else 2),
    }


def check_rl(job: Job) -> dict[str, Any]:
    """Check reinforcement learning: prompts render and fit, each kind of problem is rewarded rightly, memory suffices.

    Raises:
        CheckpointError: The parent's tokenizer or configuration cannot be loaded.
        TrainingError: One of the checks fails; the message says which setting to change.
    """
    from train_stages.rl import bare_prompt, read_problems

    config = read_config(RlConfig, job.options, job.name or "rl")
    problems, to_messages = read_problems(job.rows)
    if not problems:
        raise TrainingError("rl: there are no problems to train on")
    tokenizer = load_tokenizer(job.parent)
    if not tokenizer.chat_template:
        raise TrainingError("rl: this checkpoint has no chat template; take an instruct model, or add a template")
    prompts = [
        tokenizer.apply_chat_template((to_messages or bare_prompt)(problem), add_generation_prompt=True, tokenize=False)
        for problem in problems[:LOOKED_AT]
    ]
    longest = max(len(tokenizer(prompt, add_special_tokens=False)["input_ids"]) for prompt in prompts)
    if longest + config.max_tokens > config.max_length:
        raise TrainingError(
            f"rl: a prompt of {longest} tokens and max_tokens = {config.max_tokens} exceed max_length = "
            f"{config.max_length}; set max_length to {longest + config.max_tokens} or lower max_tokens"
        )
    at_once = config.prompts_per_step * config.samples * (longest + config.max_tokens)
    return {
        "problems": len(problems),
        "longest_prompt": longest,
        "one_prompt": prompts[0],
        "rewarded": check_rewards(problems),
        **memory(job.parent, config, copies=2 if config.beta else 1, tokens=config.micro_batch_tokens or at_once),
    }


def check_rewards(problems: Sequence[Problem]) -> dict[str, str]:
    """Let the checker of each task judge one problem's own gold answer, and an empty response.

    Raises:
        TrainingError: The gold answer earns nothing, or silence earns something.
    """
    from synth.problems import get_task

    rewarded = {}
    for task, problem in {problem.task: problem for problem in reversed(problems)}.items():
        checker = get_task(task)
        right = problem.solution or checker.solve(problem) or f"#### {problem.gold}"
        outcome = checker.check(problem, right).outcome
        if outcome is not Outcome.CORRECT:
            raise TrainingError(f"rl: the checker of {task} calls the gold answer of problem {problem.id} {outcome}")
        if checker.check(problem, "").outcome is Outcome.CORRECT:
            raise TrainingError(f"rl: the checker of {task} rewards an empty response to problem {problem.id}")
        rewarded[task] = problem.gold
    return rewarded


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


def memory(parent: Path, config: TrainConfig, *, copies: int = 1, tokens: int | None = None) -> dict[str, Any]:
    """Estimate what a stage needs on one device, and compare it with what is free.

    Weights, gradients and optimiser states by their number and precision; activations by the usual 34 bytes a token,
    width and layer (arXiv:2205.05198, without the attention matrix, which sdpa does not keep), and the logits twice.

    Args:
        parent: The checkpoint.
        config: Settings.
        copies: Models in memory, the reference counted.
        tokens: Tokens that go through the model at once; None takes them from the settings.

    Raises:
        CheckpointError: The parent's configuration cannot be loaded.
        TrainingError: It is more than is free; the message says which setting to change.
    """
    import psutil
    import torch

    from train_stages.stage import on_gpu

    parameters, shape = _shape(parent)
    gpu = on_gpu(config)
    width = 2 if gpu and config.weights == "bfloat16" else 4
    fixed = parameters * width * (4 if config.optimiser == "adamw" else 3)
    fixed += parameters * width * (copies - 1)
    tokens = max(tokens or config.micro_batch_tokens or config.batch_tokens, config.max_length)
    layers = 1 if config.gradient_checkpointing else shape.num_hidden_layers
    scale = 1.0 if gpu else 2.0  # half precision on a GPU
    moving = tokens * (34 * scale * shape.hidden_size * layers + 2 * 4 * shape.vocab_size)
    free = torch.cuda.mem_get_info()[0] if gpu else psutil.virtual_memory().available
    if config.accelerate is None and fixed + moving > SAFE * free:
        smaller = max(1, int(tokens * max(0.0, SAFE * free - fixed) / moving))
        way = (
            f"set micro_batch_tokens to at most {smaller:,}"
            if smaller >= config.max_length
            else "set weights: bfloat16 or gradient_checkpointing: true, or spread the model: accelerate: fsdp"
        )
        raise TrainingError(
            f"about {(fixed + moving) / 2**30:.1f} GiB are needed and {free / 2**30:.1f} GiB are free "
            f"({fixed / 2**30:.1f} for weights and optimiser, {moving / 2**30:.1f} for {tokens:,} tokens at once): {way}"
        )
    return {
        "parameters": parameters,
        "needs_gib": round((fixed + moving) / 2**30, 3),
        "free_gib": round(free / 2**30, 1),
        "device": "cuda" if gpu else "cpu",
    }


def _shape(parent: Path) -> tuple[int, Any]:
    """Number of parameters, and the configuration of the text model."""
    import torch
    from transformers import AutoConfig, AutoModelForCausalLM

    try:
        config = AutoConfig.from_pretrained(str(parent), local_files_only=True)
        with torch.device("meta"):
            model = AutoModelForCausalLM.from_config(config)
    except (OSError, ValueError) as error:
        raise CheckpointError(f"{parent} cannot be loaded as a model: {error}") from error
    return sum(parameter.numel() for parameter in model.parameters()), config.get_text_config()


def _counts(rows: int, encoded: Any) -> dict[str, Any]:
    looked = encoded.table.num_rows + encoded.too_long + encoded.without_loss
    return {
        "rows": rows,
        "looked_at": looked,
        "too_long": encoded.too_long,
        "without_loss": encoded.without_loss,
        "mean_tokens": round(encoded.tokens / encoded.table.num_rows, 1),
    }
