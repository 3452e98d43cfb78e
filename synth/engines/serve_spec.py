"""How a vLLM server that a flow starts is started: what a recipe may say beyond the model itself."""

import json
import re
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator

from synth.engines.vllm_command import ServerOptions

Context = int | Literal["auto"]
"""Longest prompt and completion together, in tokens; `auto`: the model's own, or as much of it as the memory holds."""

SAID_ELSEWHERE = {
    "model": "`checkpoint` of the role",
    "served-model-name": "nothing: the flow names the server itself",
    "host": "nothing: the flow chooses the address itself",
    "port": "nothing: the flow chooses the address itself",
    "uds": "nothing: the flow chooses the address itself",
    "api-key": "nothing: the server is on this machine alone",
    "max-model-len": "`max_model_len`",
    "max-num-seqs": "`concurrency` of the role",
    "gpu-memory-utilization": "`serve.memory_share`",
    "kv-cache-memory-bytes": "`serve.cache_gib`",
    "generation-config": "`sampling` of the role",
    "override-generation-config": "`sampling` of the role",
    "logprobs-mode": "nothing: who reads log-probabilities chooses it",
}
"""Flags of vLLM that have a setting of their own, and what it is."""

RUNS_CODE = frozenset(
    {
        "config", "trust-remote-code", "middleware", "tool-parser-plugin", "reasoning-parser-plugin", "logits-processors",
        "io-processor-plugin", "worker-cls", "worker-extension-cls", "scheduler-cls", "kv-transfer-config",
        "ec-transfer-config", "kv-events-config", "weight-transfer-config", "model-loader-extra-config",
        "additional-config", "profiler-config", "collect-detailed-traces", "otlp-traces-endpoint", "ec-manager-config", "hf-token",
        "tool-server", "grpc", "grpc-port", "allowed-origins", "allow-credentials", "allowed-methods", "allowed-headers",
        "allowed-local-media-path", "enable-scale-out", "nnodes", "node-rank", "master-addr", "master-port",
        "data-parallel-address", "data-parallel-rpc-port", "data-parallel-supervisor-port", "auto-map", "inductor-passes",
    }
)  # fmt: skip
"""Flags, and settings in one, that load programs, send what is asked to another place or let others in: not a recipe's to say."""
WHOLE_NAMES = frozenset({*SAID_ELSEWHERE, *RUNS_CODE, "reasoning-parser"})
"""Flags that are not short for a longer one of these: vLLM takes the beginning of a flag for the flag."""
_LOADS = re.compile(r".*-(plugin|cls|class|module)")
_BACKENDS = frozenset({"distributed-executor-backend", "backend"})
"""Take a word of vLLM's, or the dotted name of what is then imported."""

SAME_ANSWERS = frozenset(
    {
        "tensor-parallel-size", "pipeline-parallel-size", "data-parallel-size", "data-parallel-size-local",
        "data-parallel-backend", "enable-expert-parallel", "distributed-executor-backend", "max-num-batched-tokens",
        "enable-chunked-prefill", "enable-prefix-caching", "block-size", "enforce-eager", "compilation-config",
        "cudagraph-capture-sizes", "async-scheduling", "scheduling-policy", "speculative-config", "cpu-offload-gb",
        "kv-offloading-size", "load-format", "safetensors-load-strategy", "max-parallel-loading-workers",
        "enable-lora", "max-loras", "max-lora-rank", "max-cpu-loras", "uvicorn-log-level", "enable-log-requests",
        "disable-log-stats", "seed", "numa-bind",
    }
)  # fmt: skip
"""Flags that say how fast an answer comes, not which: they are no part of a model's identity. (Speculative decoding keeps the
target model's distribution: arXiv:2211.17192, section 2.) Every other flag is."""

_FLAG = re.compile(r"[a-z][a-z0-9-]*(\.[a-z0-9_.-]+)?")


class ServeSpec(BaseModel):
    """How vLLM is started by the flow."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    cache_gib: float | None = Field(
        None,
        gt=0,
        description="Memory for keys and values, GiB; None: 1 on a CPU, what `memory_share` leaves on a GPU.",
    )
    memory_share: float | None = Field(None, gt=0, le=1, description="Share of a GPU's memory; None: 0.9.")
    start_limit_s: float = Field(600, gt=0, description="Seconds until the server must be healthy.")
    flags: dict[str, Any] = Field(
        default_factory=dict,
        description="Any flag of `vllm serve`, without dashes in front: {tensor-parallel-size: 2, quantization: fp8}. true and "
        "false switch, a list gives several values, a mapping is JSON.",
    )

    @field_validator("flags")
    @classmethod
    def _usable(cls, flags: dict[str, Any]) -> dict[str, Any]:
        named = {str(name).strip().lstrip("-").replace("_", "-"): value for name, value in flags.items()}
        for name in named:
            base = name.partition(".")[0].removeprefix("no-")
            if not _FLAG.fullmatch(name):
                raise ValueError(f"{name!r} is no flag of vLLM; right would be tensor-parallel-size: 2")
            if base in SAID_ELSEWHERE:
                raise ValueError(f"{name} is said elsewhere: {SAID_ELSEWHERE[base]}")
            if base not in WHOLE_NAMES and any(word.startswith(base) for word in WHOLE_NAMES):
                raise ValueError(f"{name} is short for another flag of vLLM; write the flag's whole name")
            if loads_programs(name, named[name]):
                raise ValueError(
                    f"{name} may load programs or send data away, which a recipe may not; start the server yourself with "
                    "it and name its `endpoint`"
                )
            if named[name] is None:
                raise ValueError(f"{name} has no value; a switch is true or false")
            for value in named[name] if isinstance(named[name], list | tuple) else [named[name]]:
                if isinstance(value, str) and re.match(r"\s*-(?![\d.])", value):
                    raise ValueError(
                        f"{name} = {value!r} would be read as another flag of vLLM; give each flag its own entry"
                    )
        return named

    def options(self, **ours: Any) -> ServerOptions:
        """Return how the server is started; `ours` are further fields of `ServerOptions`."""
        own = {"cache_gib": self.cache_gib, "start_limit_s": self.start_limit_s}
        if self.memory_share is not None:
            own["gpu_memory_share"] = self.memory_share
        extra = (*ours.pop("extra", ()), *arguments(self.flags))
        return ServerOptions(**{**own, **ours}, extra=extra)

    def identity(self, model: str) -> str:
        """Return the identity of a model that is served so: its own, and each flag that may change an answer."""
        said = {name: value for name, value in self.flags.items() if name.partition(".")[0] not in SAME_ANSWERS}
        marks = [f"{name}={json.dumps(value, sort_keys=True)}" for name, value in sorted(said.items())]
        return "+".join([model, *marks])


def loads_programs(name: str, value: Any) -> bool:
    """Whether a flag, or a setting anywhere within its value (also where that is JSON text), is not a recipe's to say."""
    parts = [part.replace("_", "-").removeprefix("no-") for part in name.split(".")]
    if any(part in RUNS_CODE or _LOADS.fullmatch(part) for part in parts):
        return True
    if isinstance(value, str) and value.lstrip()[:1] in ("{", "["):
        try:
            value = json.loads(value)
        except (ValueError, RecursionError):
            return True  # vLLM may read in it what is not read here
    if isinstance(value, dict):
        return any(loads_programs(str(key), inner) for key, inner in value.items())
    if isinstance(value, list | tuple):
        return any(loads_programs(name, inner) for inner in value)
    return parts[-1] in _BACKENDS and isinstance(value, str) and "." in value


def arguments(flags: dict[str, Any]) -> tuple[str, ...]:
    """Turn flags into arguments of `vllm serve`."""
    words: list[str] = []
    for name, value in flags.items():
        if isinstance(value, bool):
            words.append(f"--{name}" if value else f"--no-{name}")
        elif isinstance(value, list | tuple):
            words += [f"--{name}", *(_text(each) for each in value)]
        else:
            words += [f"--{name}", _text(value)]
    return tuple(words)


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)
