"""How much memory a training takes at its peak, part by part, from the shapes of the model and what TRL 1.16 does.

Held to measured peaks by `benchmarks/memory.py`. On a GPU nothing of it has been measured.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from train_stages.config import TrainConfig

Head = Literal["chunked", "whole", "scores"]
"""How log-probabilities are computed: TRL's fused head works tile by tile; a formula of ours, and ORPO, hold all logits; a verifier
has none."""

TILE_TOKENS, TILE_VOCABULARY = 4096, 32_768
"""Largest tile of TRL's fused head (`trl.kernels.chunked_logprob`)."""
TILES = {"cpu": 9, "cuda": 1}
"""Tiles in memory at once: torch's operations hold nine, the Triton kernel works in place."""
WHOLE = 4
"""Copies of all logits where they are held: as they come, in float32, their logarithms, and the gradient."""
LIBRARIES = {"cpu": 32 << 20, "cuda": 0}
"""Bytes that libraries take when a training begins: 15 to 58 MiB were measured with a model of 26,000 weights on a CPU."""
SMALL = 0.05
"""Share that is added for what is not counted: buffers of the allocator, the batch, attention's statistics."""


@dataclass(frozen=True, slots=True)
class Estimate:
    """Bytes at the peak.

    Attributes:
        weights: Of the model and its reference.
        gradients: Of what is trained.
        moments: What the optimiser keeps.
        activations: What the forward pass keeps for the backward pass.
        logits: What the loss keeps.
        libraries: What the libraries load when training begins.
    """

    weights: float
    gradients: float
    moments: float
    activations: float
    logits: float
    libraries: float = 0.0

    @property
    def fixed(self) -> float:
        """What does not depend on the tokens at once."""
        return (self.weights + self.gradients + self.moments) * (1 + SMALL) + self.libraries

    @property
    def moving(self) -> float:
        """What grows with the tokens at once."""
        return (self.activations + self.logits) * (1 + SMALL)


def estimate(
    shape: Any,
    parameters: int,
    trained: int,
    config: TrainConfig,
    *,
    tokens: int,
    copies: int,
    head: Head,
    gpu: bool,
    others: int = 0,
) -> Estimate:
    """Estimate the peak of a training on one device.

    Args:
        shape: transformers' configuration of the text model.
        parameters: Of the model.
        trained: Those that are trained.
        config: Settings.
        tokens: That go through the model at once.
        copies: Models in memory, the reference counted.
        head: How log-probabilities are computed.
        gpu: Whether it runs on a GPU, where computation is in bfloat16.
        others: Parameters of further models in memory, which are frozen.
    """
    width = 2 if gpu and config.weights == "bfloat16" else 4
    adapter = config.adapter
    frozen = adapter.bytes_a_weight or width if adapter else width
    weights = parameters * frozen * copies + others * width + (trained * 4 if adapter else 0)
    if gpu and width == 4 and not adapter:
        weights += parameters * 2  # autocast keeps a copy of each matrix in bfloat16 during a pass
    each = 4 if adapter else width
    computed = 2 if gpu else 4
    kept = computed * tokens * _kept_by_a_layer(shape)
    if config.gradient_checkpointing and gpu:  # on a CPU it is left off, since it costs time alone
        kept += computed * tokens * shape.hidden_size * shape.num_hidden_layers
    else:
        kept *= shape.num_hidden_layers
    return Estimate(
        weights,
        trained * each,
        trained * ((config.optimiser.bytes_a_weight or each * config.optimiser.moments) + each * config.kept_copies),
        kept,
        _logits(shape, tokens, head, gpu),
        LIBRARIES["cuda" if gpu else "cpu"],
    )


def _kept_by_a_layer(shape: Any) -> float:
    """Numbers that a layer keeps for each token: the inputs of norms and matrices, of attention, and of the gate.

    Norms keep two, and hand on one that the matrices behind them keep; attention keeps queries, keys and values (repeated for
    each head), its output and that in the order of the next matrix; a gated feed-forward keeps four times its width.
    """
    heads = shape.num_attention_heads * (
        getattr(shape, "head_dim", None) or shape.hidden_size // shape.num_attention_heads
    )
    inner = getattr(shape, "intermediate_size", None) or 4 * shape.hidden_size
    return float(6 * shape.hidden_size + 5 * heads + 4 * inner)


def _logits(shape: Any, tokens: int, head: Head, gpu: bool) -> float:
    if head == "scores":
        return 0.0
    if head == "whole":
        return float(WHOLE * 4 * tokens * shape.vocab_size)
    tile = min(tokens, TILE_TOKENS) * min(shape.vocab_size, TILE_VOCABULARY)
    return float(TILES["cuda" if gpu else "cpu"] * tile * (2 if gpu else 4))


def shown(made: Estimate) -> Mapping[str, float]:
    """Return the parts in GiB, for people."""
    names = ("weights", "gradients", "moments", "activations", "logits", "libraries")
    return {name: round(getattr(made, name) / 2**30, 3) for name in names}
