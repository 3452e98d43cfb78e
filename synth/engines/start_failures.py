"""Why vLLM did not start, read from its log, as one sentence that names what to change.

The patterns are vLLM 0.32's own words (each was seen in a log or stands in its source); a log in which none is found speaks for
itself. Settings are named as in `models.<role>` of a recipe.
"""

import re
from collections.abc import Sequence

_Remedy = tuple[str, str]

CAUSES: Sequence[_Remedy] = (
    (
        r"unrecognized arguments: (?P<flag>.+)",
        "it does not know {flag}: correct or remove it under serve.flags",
    ),
    (
        r"error: argument (?P<flag>--[\w-]+)(?:/\S+)*: (?P<why>.+)",
        "it cannot use the value of {flag} ({why}): correct it under serve.flags, or the setting that stands for it",
    ),
    (
        r"max seq len \((?P<asked>\d+)\), \((?P<needed>[\d.]+) GiB KV cache is needed, which is larger than the available KV "
        r"cache memory \((?P<there>[\d.]+) GiB\)\.(?:.*?estimated maximum model length is (?P<fits>\d+))?",
        "a context of {asked} tokens needs {needed} GiB for keys and values and {there} GiB are there: set max_model_len to "
        "{fits|less} or auto, or serve.cache_gib (on a GPU serve.memory_share) to more",
    ),
    (
        r"Cannot auto-fit max_model_len",
        "the memory for keys and values does not hold one token beside the weights: set serve.cache_gib (on a GPU "
        "serve.memory_share) to more, spread the model with serve.flags tensor-parallel-size, or quantise it",
    ),
    (
        r"User-specified max_model_len \((?P<asked>\d+)\) is greater than the derived max_model_len \(\w+=(?P<own>\d+)",
        "a context of {asked} tokens is longer than the model's own of {own}: set max_model_len to {own} at most, or auto",
    ),
    (
        r"No available memory for the cache blocks",
        "the weights leave no memory for keys and values: set serve.memory_share to more, spread the model with serve.flags "
        "tensor-parallel-size, or quantise it",
    ),
    (
        r"Free memory on device \S+ \((?P<free>[\d.]+)/(?P<total>[\d.]+) GiB\)",
        "only {free} of {total} GiB of the GPU are free: end what uses it, or set serve.memory_share to less",
    ),
    (
        r"Available memory on node \S+ \((?P<free>[\d.]+)/[\d.]+ GiB\) on kv cache",
        "only {free} GiB of memory are free: set serve.cache_gib to less, or end what uses the memory",
    ),
    (
        r"out of memory|OutOfMemoryError|DefaultCPUAllocator: can't allocate",
        "the memory did not suffice: set serve.cache_gib or max_model_len (on a GPU also serve.memory_share) to less, spread the "
        "model with serve.flags tensor-parallel-size, or quantise it",
    ),
    (
        r"Cannot find any model weights",
        "the checkpoint's folder holds no weights (*.safetensors): download it whole, or correct `checkpoint`",
    ),
    (
        r"SafetensorError|Error while deserializing header|incomplete metadata",
        "a file of weights is damaged or not whole: download the checkpoint again",
    ),
    (
        r"architectures? \[?'?(?P<name>\w+)'?\]? (?:are|is) not supported|(?:model type|model of type) `(?P<type>\w+)`|"
        r"does not recognize this architecture",
        "this vLLM does not know the model's architecture {name|}{type|}: take another model, the engine transformers, or a newer "
        "vLLM behind an `endpoint`",
    ),
    (
        r"Unknown quantization method: (?P<name>\S+?)\.? Must|quantization[\s\S]{0,80}input_value='(?P<value>\w+)'",
        "it does not know the quantisation {name|}{value|}: correct quantization under serve.flags",
    ),
    (
        r"(?:Cannot find the config file for|does not match the quantization|quantization config.*not found) ?(?P<name>\w*)",
        "the checkpoint is not quantised in the way that serve.flags say ({name|another one}): remove quantization there, or name "
        "a checkpoint that is",
    ),
    (
        r"attention heads \((?P<heads>\d+)\) must be divisible by tensor parallel size \((?P<size>\d+)\)",
        "{heads} attention heads cannot be spread over {size} devices: set tensor-parallel-size under serve.flags to a divisor "
        "of {heads}",
    ),
    (
        r"World size \((?P<size>\d+)\) is larger than the number of available GPUs \((?P<there>\d+)\)",
        "it shall use {size} GPUs and {there} are there: lower tensor-parallel-size (or the other sizes) under serve.flags",
    ),
    (
        r"invalid reasoning parser: (?P<name>\S+)|[Rr]easoning parser '?(?P<other>[\w-]+)'? (?:is )?not (?:found|registered)",
        "it does not know the reasoning parser {name|}{other|}: correct reasoning-parser under serve.flags",
    ),
    (
        r"validation errors? for SpeculativeConfig\n(?P<key>\w+)\n? *(?P<why>[^\n\[]+)",
        "it cannot use {key} of speculative-config ({why}): correct or remove it under serve.flags",
    ),
    (
        r"LoRA rank (?P<rank>\d+) is greater than max_lora_rank",
        "an adapter has rank {rank}: set max-lora-rank under serve.flags to so much",
    ),
    (
        r"(?:option|argument) `trust_remote_code=True`|requires you to execute the (?:configuration|modeling) file",
        "the model brings programs of its own, which the flow does not run: start a server with --trust-remote-code yourself and "
        "name its `endpoint`",
    ),
    (
        r"Failed to infer device type|No CUDA GPUs are available|libcuda\.so",
        "it finds no GPU: check nvidia-smi, or make the environment for a CPU (`make vllm` where there is no GPU)",
    ),
    (
        r"Timed out waiting for engine core processes to start",
        "it was not ready in time, for large weights or a busy machine: set serve.start_limit_s to more",
    ),
    (
        r"[Aa]ddress already in use",
        "another program took its port meanwhile: start again",
    ),
    (
        r"ended with status -9",
        "it was killed, as the kernel does when the machine's memory is used up: set serve.cache_gib to less, or take a smaller "
        "or quantised model",
    ),
)
"""What stands in a log, and the sentence for it; `{name}` is what the pattern named, `{name|word}` has a word for none."""

_FIELD = re.compile(r"\{(\w+)(?:\|([^}]*))?\}")
_MOST = 120


def cause(log: str) -> str | None:
    """Return why a server did not start and what to change, as one sentence; None where the log is not understood.

    Args:
        log: Its log, or the end of it.
    """
    for pattern, sentence in CAUSES:
        match = re.search(pattern, log)
        if match is not None:
            values = match.groupdict()
            return _FIELD.sub(lambda field: _shown(values.get(field[1]) or field[2] or ""), sentence).replace("  ", " ")  # noqa: B023
    return None


def _shown(text: str) -> str:
    return text.strip()[:_MOST]
