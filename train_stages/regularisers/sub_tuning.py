"""SubTuning: only chosen layers are trained."""

import re
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import numpy as np
from pydantic import Field, model_validator

from train_stages.regularisers.base import Regulariser

_LAYER = re.compile(r"\.(?:layers|h|blocks)\.(\d+)\.")
Trial = Callable[[tuple[int, ...]], float]
"""Trains layers for a while and returns the loss on held-out rows; without a layer, that of the model as it is."""


@dataclass(frozen=True)
class LayerChoice:
    """What a search found.

    Attributes:
        layers: The chosen layers, in the order in which they were added.
        losses: After each of them, the untrained model first.
        profile: Of each layer trained alone: the paper's fine-tuning profile.
    """

    layers: tuple[int, ...]
    losses: tuple[float, ...]
    profile: tuple[float, ...]


def greedy(count: int, trial: Trial, *, most: int, least_gain: float) -> LayerChoice:
    """Add the layer that lowers the loss most, again and again; ties go to the lower layer.

    Args:
        count: Layers of the model.
        trial: Says what a set of layers, sorted, gives.
        most: Layers at most.
        least_gain: Share of the loss by which another layer must lower it; the first is taken whatever it gives.
    """
    chosen: list[int] = []
    losses, profile = [trial(())], list[float]()
    while len(chosen) < min(most, count):
        rest = [layer for layer in range(count) if layer not in chosen]
        tried = [trial(tuple(sorted([*chosen, layer]))) for layer in rest]
        profile = profile or tried
        best = int(np.argmin(tried))
        if chosen and tried[best] > losses[-1] * (1 - least_gain):
            break
        chosen.append(rest[best])
        losses.append(tried[best])
    return LayerChoice(tuple(chosen), tuple(losses), tuple(profile))


class SubTuning(Regulariser):
    """Train only some of the model's layers; with an adapter, only theirs.

    `layers: greedy` is the paper's search, in `sft` and `cpt`: each layer is trained alone for some steps, the one with the least
    loss on held-out rows is kept, and others are added one by one while that lowers the loss. What was found stands in
    `sub_tuning.json` beside the weights. `layers: random` takes `most` of them by lot, its control. Freezing the lowest layers is
    `layers: [4, 5, ...]`.
    """

    name: ClassVar[str] = "sub_tuning"
    paper: ClassVar[str] = "arXiv:2302.06354"

    layers: tuple[int, ...] | Literal["greedy", "random"] = Field(
        description="Numbers of the layers, from 0; negative ones count from the end. Or who chooses them: greedy, random."
    )
    others: bool = Field(
        default=False, description="Train what belongs to no layer too: embeddings, the last norm, the head."
    )
    most: int = Field(default=3, ge=1, description="greedy, random: layers at most; ours.")
    least_gain: float = Field(
        default=0.01, ge=0, lt=1, description="greedy: share of the loss by which a further layer must lower it; ours."
    )
    trial_steps: int = Field(
        default=20, ge=1, description="greedy: steps of a trial, of which there are up to `most` for each layer; ours."
    )
    heldout: float = Field(
        default=0.1,
        gt=0,
        lt=1,
        description="greedy: share of the rows that trials are measured on; they are learned afterwards; ours.",
    )
    seed: int = Field(default=0, ge=0, description="random: of the draw.")

    @model_validator(mode="after")
    def _used(self) -> "SubTuning":
        if self.layers == ():
            raise ValueError("layers: name at least one")
        of_search = {"greedy": ("most", "least_gain", "trial_steps", "heldout"), "random": ("most", "seed")}
        used = of_search[self.layers] if isinstance(self.layers, str) else ()
        ignored = sorted(self.model_fields_set - {"layers", "others", *used})
        if ignored:
            raise ValueError(f"{ignored[0]} does nothing beside layers: {self.layers}; leave it out")
        return self

    def trained(self, names: Sequence[str]) -> Collection[str]:
        """Return the parameters of the layers.

        Raises:
            ValueError: The model has no layer of one of the numbers, or they were not searched for.
        """
        if self.layers == "greedy":
            raise ValueError(
                "regularisers: sub_tuning: layers: greedy searches in sft and cpt alone: name the layers here"
            )
        numbers = layer_numbers(names)
        count = max(numbers.values(), default=-1) + 1
        by_lot = np.random.default_rng([self.seed, 0x1A7E]).permutation(count)[: self.most].tolist()
        wanted: Sequence[int] = by_lot if isinstance(self.layers, str) else self.layers
        wrong = [layer for layer in wanted if not -count <= layer < count]
        if wrong:
            raise ValueError(f"regularisers: sub_tuning: layers = {wrong[0]}: the model has layers 0 to {count - 1}")
        chosen = {layer % count for layer in wanted}
        return [name for name in names if (numbers[name] in chosen if name in numbers else self.others)]

    def with_layers(self, layers: Sequence[int]) -> "SubTuning":
        """Return the same with chosen layers."""
        return SubTuning(layers=tuple(layers), others=self.others)


def layer_numbers(names: Sequence[str]) -> dict[str, int]:
    """Return the layer of each parameter that belongs to one."""
    return {name: int(match[1]) for name in names if (match := _LAYER.search(name))}


def searched(parts: Sequence[Any]) -> SubTuning | None:
    """Return the regulariser whose layers are to be searched; None where there is none."""
    return next((part for part in parts if isinstance(part, SubTuning) and part.layers == "greedy"), None)
