"""Why vLLM did not start: its own words (0.32, most as it wrote them on a machine without a GPU), and what is made of them."""

import pytest

from synth.engines.start_failures import cause

DUMP = (
    "(EngineCore pid=7) INFO [core.py:133] Initializing a V1 LLM engine with config: model='m', speculative_config=None, "
    "trust_remote_code=False, quantization=None, max_seq_len=32768\n"
)
CASES = [
    ("vllm: error: unrecognized arguments: --no-such-flag 3", "it does not know --no-such-flag 3: correct or remove"),
    (
        "vllm serve: error: argument --max-model-len: invalid human_readable_int_or_auto value: 'abc'",
        "cannot use the value of --max-model-len",
    ),
    (
        "ValueError: To serve at least one request with the model's max seq len (32768), (0.38 GiB KV cache is needed, which is "
        "larger than the available KV cache memory (0.1 GiB). Based on the available memory, the estimated maximum model length "
        "is 8576. Try increasing `gpu_memory_utilization`",
        "set max_model_len to 8576 or auto, or serve.cache_gib",
    ),
    (
        "Value error, User-specified max_model_len (999999) is greater than the derived max_model_len "
        "(max_position_embeddings=32768.0 or model_max_length=None in model's config.json).",
        "longer than the model's own of 32768: set max_model_len",
    ),
    (
        "ValueError: Available memory on node 0 (8.95/18.46 GiB) on kv cache allocation is less than requested memory for kv "
        "(200.0 GiB). Decrease --kv-cache-memory-bytes",
        "only 8.95 GiB of memory are free: set serve.cache_gib to less",
    ),
    (
        "ValueError: Free memory on device cuda:0 (3.1/79.2 GiB) on startup is less than desired GPU memory utilization (0.9, "
        "71.28 GiB).",
        "only 3.1 of 79.2 GiB of the GPU are free",
    ),
    ("torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 2.00 GiB.", "set serve.cache_gib or max_model_len"),
    ("ValueError: No available memory for the cache blocks. Try increasing", "serve.memory_share to more"),
    ("ValueError: Cannot auto-fit max_model_len: not enough GPU memory available", "does not hold one token"),
    ("RuntimeError: Cannot find any model weights with `noweights`", "holds no weights"),
    (
        "safetensors._safetensors_rust.SafetensorError: Error while deserializing header: incomplete metadata, file not fully "
        "covered",
        "damaged or not whole: download",
    ),
    (
        "Value error, The checkpoint you are trying to load has model type `nosuch` but Transformers does not recognize this "
        "architecture.",
        "does not know the model's architecture nosuch: take another model",
    ),
    (
        "Value error, Unknown quantization method: nosuch. Must be one of ['awq', 'auto_awq', 'fp8']",
        "does not know the quantisation nosuch: correct quantization",
    ),
    ("ValueError: Cannot find the config file for awq", "is not quantised in the way that serve.flags say (awq)"),
    (
        "Value error, Total number of attention heads (14) must be divisible by tensor parallel size (3).",
        "14 attention heads cannot be spread over 3 devices: set tensor-parallel-size",
    ),
    (
        "ValueError: World size (4) is larger than the number of available GPUs (2) in this node.",
        "use 4 GPUs and 2 are there: lower tensor-parallel-size",
    ),
    (
        "KeyError: \"Reasoning parser 'nosuch' not found. Available parsers: deepseek_r1, qwen3\"",
        "reasoning parser nosuch: correct reasoning-parser",
    ),
    (
        "pydantic_core._pydantic_core.ValidationError: 1 validation error for SpeculativeConfig\nmethod\n  Input should be "
        "'ngram', 'medusa' [type=literal_error]",
        "cannot use method of speculative-config (Input should be 'ngram', 'medusa')",
    ),
    ("ValueError: LoRA rank 64 is greater than max_lora_rank 16.", "rank 64: set max-lora-rank"),
    ("Please pass the argument `trust_remote_code=True` to allow custom code to be run.", "name its `endpoint`"),
    ("RuntimeError: Failed to infer device type, please set", "finds no GPU"),
    (
        "TimeoutError: Timed out waiting for engine core processes to start. This is often caused by slow weight loading",
        "set serve.start_limit_s to more",
    ),
    ("OSError: [Errno 98] Address already in use", "start again"),
    ("keeper: the server ended with status -9", "killed, as the kernel does"),
]


@pytest.mark.parametrize(("words", "sentence"), CASES, ids=[sentence[:40] for _, sentence in CASES])
def test_a_failed_start_says_what_to_change(words: str, sentence: str) -> None:
    log = f"{DUMP}Traceback (most recent call last):\n  File ...\n{words}\nkeeper: the server ended with status 1\n"
    reason = cause(log if "status -9" not in words else DUMP + words)
    assert reason is not None and sentence in reason
    assert "{" not in reason and "\n" not in reason


def test_a_log_that_is_not_understood_speaks_for_itself() -> None:
    assert cause(DUMP + "RuntimeError: something else\nkeeper: the server ended with status 3") is None
    assert cause("") is None
