"""Rollouts by a vLLM server that reads new weights from a folder: the server lives in an environment of its own.

TRL's own server mode wants vLLM in the trainer's environment and NCCL between the two. Here the weights go through a
file (one write and one read per step; a fraction of a second for a small model), which works on a CPU and on a GPU, with
the server as it is installed. The trainer corrects for the difference between the server's probabilities and its own by
truncated importance sampling (TRL's default for vLLM).

A server that is given must see the same files and be started in development mode, which lets it load weights:

    VLLM_SERVER_DEV_MODE=1 vllm serve CHECKPOINT --logprobs-mode processed_logprobs

Whoever reaches such a server can make it load any model: keep it on 127.0.0.1 or a closed network. What vLLM samples is not
reproducible, so a training that is killed and goes on ends with other weights than an uninterrupted one.
"""

import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from storage.errors import ModelServerError, TrainingError
from train_stages.config import RlConfig
from train_stages.process.stage import on_gpu, world_size
from train_stages.rl.vllm_http import call, root_of, served_name

DEVELOPMENT = "start it with VLLM_SERVER_DEV_MODE=1"
Answer = tuple[list[int], list[float]]
"""Tokens of a response, its end token included, and the log-probability of each."""


class VllmRollouts:
    """Asks a server for responses, and gives it the weights to answer with.

    Args:
        endpoint: Address of the server.
        weights: Folder for the weights; the server must be able to read it.
        temperature: Sampling temperature.
        max_tokens: Longest response.

    Raises:
        ModelServerError: The server cannot be reached.
    """

    def __init__(self, endpoint: str, weights: Path, *, temperature: float, max_tokens: int) -> None:
        self._endpoint = root_of(endpoint)
        self._weights = weights.absolute()
        self._sampling = {"temperature": temperature, "max_tokens": max_tokens}
        self._model = served_name(endpoint)

    def update(self, save: Callable[[str], None], *, first: bool) -> None:
        """Give the server new weights.

        Args:
            save: Writes a checkpoint into a folder; every process that trains calls it.
            first: Whether this is the process that talks to the server.

        Raises:
            ModelServerError: The server cannot be reached, or is not in development mode.
        """
        save(str(self._weights))
        if not first:
            return
        load = {"method": "reload_weights", "kwargs": {"weights_path": str(self._weights)}}
        call(f"{self._endpoint}/collective_rpc", load, missing=DEVELOPMENT)
        call(f"{self._endpoint}/reset_prefix_cache", {}, missing=DEVELOPMENT)

    def generate(self, prompts: Sequence[Sequence[int]], samples: int) -> list[Answer]:
        """Answer each prompt `samples` times; the answers to one prompt stand together.

        Raises:
            ModelServerError: The server cannot be reached, or refuses.
        """
        body = {
            "model": self._model,
            "prompt": [list(prompt) for prompt in prompts],
            "n": samples,
            "logprobs": 0,
            "return_token_ids": True,
            **self._sampling,
        }
        answered = call(f"{self._endpoint}/v1/completions", body)
        choices = sorted(answered["choices"], key=lambda choice: int(choice["index"]))
        if len(choices) != len(prompts) * samples:
            raise ModelServerError(f"{self._endpoint} gave {len(choices)} answers for {len(prompts)} x {samples}")
        return [(list(choice["token_ids"]), list(choice["logprobs"]["token_logprobs"])) for choice in choices]


def uses_vllm(config: RlConfig) -> bool:
    """Whether a vLLM server writes the responses: one that is named, or one of our own on a GPU where vLLM is installed.

    Raises:
        TrainingError: A GPU is asked for and there is none.
    """
    if config.rollouts != "auto":
        return config.rollouts == "vllm"
    if config.rollout_endpoint is not None:
        return True
    return config.adapter is None and on_gpu(config) and world_size() == 1 and _installed()


def _installed() -> bool:
    from synth.engines.vllm_command import vllm_python

    try:
        vllm_python()
    except ModelServerError:
        return False
    return True


def check_rollouts(config: RlConfig, parent: Path) -> str:
    """Check before a training that the server can be had, and return who writes the responses.

    Raises:
        TrainingError: Several processes train and none is named; or it could not load this model's new weights.
        ModelServerError: The named server cannot be reached or is not in development mode; or vLLM is not installed.
    """
    if not uses_vllm(config):
        if config.hand_over_every > 1:
            raise TrainingError("rl: hand_over_every is for responses by vLLM, which is not used here: leave it out")
        return "in process"
    if config.rollout_endpoint is None:
        from synth.engines.vllm_command import vllm_python

        _own_server(config, parent)
        return f"vLLM of {vllm_python()}"
    root = root_of(config.rollout_endpoint)
    served_name(root)
    call(f"{root}/reset_prefix_cache", {}, missing=DEVELOPMENT)  # is there in development mode only
    return f"vLLM at {root}"


def _own_server(config: RlConfig, parent: Path) -> None:
    """Refuse what our own server cannot do."""
    from transformers import AutoConfig

    from synth.engines.vllm_command import serves_on_cpu, vllm_python

    if config.accelerate is not None or world_size() > 1:
        raise TrainingError(
            "rl: with accelerate, a vLLM server needs a GPU of its own: start one and name it, rollout_endpoint: "
            "http://127.0.0.1:8000, or set rollouts: transformers"
        )
    if serves_on_cpu(vllm_python()) and AutoConfig.from_pretrained(str(parent)).tie_word_embeddings:
        raise TrainingError(
            "rl: vLLM 0.32 on a CPU keeps a packed copy of the output embedding, which it does not renew when that is tied "
            "to the input embedding, as in this model: set rollouts: transformers"
        )


@contextmanager
def rollout_server(config: RlConfig, parent: Path, out: Path) -> Iterator[VllmRollouts | None]:
    """Give who writes the responses: a server that is named, one that is started and ended here, or None: this process.

    Args:
        config: Settings.
        parent: The checkpoint that is served at first.
        out: The stage's output; weights and the server's log lie beside it until the stage ends well.

    Raises:
        ModelServerError: The server cannot be started or reached.
    """
    from synth.engines.vllm_server import VllmServer

    if not uses_vllm(config):
        yield None
        return
    folder = out.with_name(f".{out.name}.server")
    weights = folder / "weights"
    sampling: dict[str, Any] = {"temperature": config.temperature, "max_tokens": config.max_tokens}
    if config.rollout_endpoint is not None:
        yield VllmRollouts(config.rollout_endpoint, weights, **sampling)
    else:
        _own_server(config, parent)
        options = config.serve.options(
            max_model_len=config.max_length,
            max_num_seqs=config.prompts_per_step * config.samples,
            dtype=None if on_gpu(config) else "float32",
            gpu_memory_share=config.rollout_memory,
            development=True,
            extra=("--logprobs-mode", "processed_logprobs"),
        )
        with VllmServer(parent, "policy", folder, options) as server:
            yield VllmRollouts(server.endpoint, weights, **sampling)
    shutil.rmtree(folder, ignore_errors=True)
