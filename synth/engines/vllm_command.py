"""How `vllm serve` is called on this device: its environment, its flags, its variables.

Used by the server that a flow manages (`vllm_server.py`) and by `nightschool serve-model`, which becomes the server.
"""

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from storage.errors import CheckpointError, ModelServerError

PYTHON_VARIABLE = "NIGHTSCHOOL_VLLM_PYTHON"
CHECKOUT = Path(__file__).resolve().parent.parent.parent
REMEDY = f"run `make vllm` in the checkout, or let {PYTHON_VARIABLE} name the Python of an environment that has vLLM"
NEUTRAL = {"repetition_penalty": 1.0, "top_k": 0, "min_p": 0.0}
"""Overrides what a checkpoint's generation_config.json would add: only what is in a call's content key may count."""
CPU_CACHE_GIB = 1
"""Memory for keys and values on a CPU where nobody says how much."""
FEW_CORES = 4
"""Up to here a server on a CPU shares its cores with its client, and with itself."""


@dataclass(frozen=True, slots=True)
class ServerOptions:
    """How a server is started; the defaults suit a small model.

    Attributes:
        max_model_len: Longest prompt and completion together, in tokens; `auto` takes the checkpoint's own, or as much of it
            as the memory for keys and values holds.
        max_num_seqs: Requests it works on at once; None leaves it to vLLM.
        dtype: None is bfloat16 on a CPU and the checkpoint's own on a GPU.
        cache_gib: Memory for keys and values; None is 1 on a CPU, and on a GPU what `gpu_memory_share` leaves.
        gpu_memory_share: Share of a GPU's memory that vLLM takes.
        start_limit_s: Seconds until it must be healthy: 35 on two quiet cores, up to 170 on busy ones.
        stop_limit_s: Seconds it may take to stop before it is killed.
        development: Open the routes that load other weights into a running server. Whoever reaches it may use them.
        extra: Further arguments of `vllm serve`.
    """

    max_model_len: int | Literal["auto"] = "auto"
    max_num_seqs: int | None = None
    dtype: str | None = None
    cache_gib: float | None = None
    gpu_memory_share: float = 0.9
    start_limit_s: float = 240.0
    stop_limit_s: float = 15.0
    development: bool = False
    extra: tuple[str, ...] = ()


def check_checkpoint(checkpoint: Path) -> None:
    """Return when the folder holds what vLLM could serve.

    Raises:
        CheckpointError: It holds no config.json.
    """
    if not (checkpoint / "config.json").is_file():
        raise CheckpointError(f"{checkpoint} holds no config.json: it is no checkpoint that vLLM could serve")


def serve_command(python: Path, checkpoint: Path, name: str, options: ServerOptions, host: str, port: int) -> list[str]:
    """The command line of `vllm serve` with the right flags for the device.

    Args:
        python: Python of vLLM's environment, see `vllm_python`.
        checkpoint: Folder of the checkpoint.
        name: The name to serve it under.
        options: How it is started.
        host: Address to listen on.
        port: Port to listen on.
    """
    command = [str(python), str(python.with_name("vllm")), "serve", str(checkpoint)]
    command += ["--host", host, "--port", str(port), "--served-model-name", name]
    command += ["--disable-uvicorn-access-log", "--override-generation-config", json.dumps(NEUTRAL)]
    command += ["--max-model-len", str(options.max_model_len)]
    cache_gib = CPU_CACHE_GIB if options.cache_gib is None and serves_on_cpu(python) else options.cache_gib
    if cache_gib is not None:
        command += ["--kv-cache-memory-bytes", str(round(cache_gib * 2**30))]
    if options.max_num_seqs is not None:
        command += ["--max-num-seqs", str(options.max_num_seqs)]
    if serves_on_cpu(python):
        # A seed beside chunked prefill kills the CPU server; compiling a small model costs over a minute.
        command += ["--dtype", options.dtype or "bfloat16", "--enforce-eager", "--no-enable-chunked-prefill"]
    else:
        command += ["--dtype", options.dtype or "auto", "--gpu-memory-utilization", str(options.gpu_memory_share)]
    return [*command, *options.extra]


def serve_environment(python: Path, options: ServerOptions) -> dict[str, str]:
    """Our variables, less what would reach into another environment or close the server to our client."""
    unwanted = {
        "PYTHONPATH",
        "PYTHONHOME",
        "VIRTUAL_ENV",
        "VLLM_API_KEY",
        "VLLM_CPU_KVCACHE_SPACE",
    }  # `cache_gib` says it
    environment = {name: value for name, value in os.environ.items() if name not in unwanted}
    environment["PATH"] = f"{python.parent}{os.pathsep}{environment.get('PATH', os.defpath)}"
    environment |= {"VLLM_NO_USAGE_STATS": "1", "DO_NOT_TRACK": "1", "HF_HUB_OFFLINE": "1", "PYTHONUNBUFFERED": "1"}
    # Its 5 s close connections with requests that nobody has read yet, whenever its event loop comes too late to them.
    environment.setdefault("VLLM_HTTP_TIMEOUT_KEEP_ALIVE", "120")
    environment.setdefault("VLLM_ENGINE_READY_TIMEOUT_S", str(max(600, round(options.start_limit_s))))  # vLLM's own 600
    if options.development:
        environment["VLLM_SERVER_DEV_MODE"] = "1"
    if serves_on_cpu(python):
        environment.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # threads that spin starve each other on shared cores
        cores = len(os.sched_getaffinity(0))
        if cores <= FEW_CORES:
            # The model computes inside the engine's process. In one of its own, the two wait for each other by yielding
            # in a loop, and on few cores the scheduler then leaves every other process, our client too, unserved for
            # seconds. vLLM sets the threads itself only for a process of their own: all cores but one, as it would.
            environment.setdefault("VLLM_ENABLE_V1_MULTIPROCESSING", "0")
            environment.setdefault("OMP_NUM_THREADS", str(max(1, cores - 1)))
    return environment


def vllm_python() -> Path:
    """The Python of vLLM's environment: what NIGHTSCHOOL_VLLM_PYTHON names, or `.venv-vllm` in the checkout.

    Raises:
        ModelServerError: There is none, or vLLM is not installed in it.
    """
    named = os.environ.get(PYTHON_VARIABLE)
    python = Path(named).expanduser().absolute() if named else CHECKOUT / ".venv-vllm" / "bin" / "python"
    if not python.exists():
        origin = f"{PYTHON_VARIABLE} names {python}, which does not exist" if named else f"there is no {python}"
        raise ModelServerError(f"vLLM is not installed: {origin}. Right would be: {REMEDY}.")
    if not python.with_name("vllm").exists():
        raise ModelServerError(f"the environment of {python} holds no vLLM. Right would be: {REMEDY}.")
    return python


def serves_on_cpu(python: Path) -> bool:
    """Whether an environment holds vLLM's CPU build."""
    return any(python.parent.parent.glob("lib/python3*/site-packages/vllm_cpu-*.dist-info"))
