"""SubTuning: only chosen layers are trained."""

import re
from collections.abc import Collection, Sequence
from typing import ClassVar

from pydantic import Field

from train_stages.regularisers.base import Regulariser

_LAYER = re.compile(r"\.(?:layers|h|blocks)\.(\d+)\.")


class SubTuning(Regulariser):
    """Train only some of the model's layers; with an adapter, only theirs.

    The paper finds the layers by training each alone for a while and adding the best one by one; `nightschool compare` over arms
    with one layer each is that comparison. Freezing the lowest layers is `layers: [4, 5, ...]`. Not here: the greedy search itself.
    """

    name: ClassVar[str] = "sub_tuning"
    paper: ClassVar[str] = "arXiv:2302.06354"

    layers: tuple[int, ...] = Field(
        min_length=1, description="Numbers of the layers, from 0; negative ones count from the end."
    )
    others: bool = Field(
        default=False, description="Train what belongs to no layer too: embeddings, the last norm, the head."
    )

    def trained(self, names: Sequence[str]) -> Collection[str]:
        """Return the parameters of the layers.

        Raises:
            ValueError: The model has no layer of one of the numbers.
        """
        numbers = {name: int(match[1]) for name in names if (match := _LAYER.search(name))}
        count = max(numbers.values(), default=-1) + 1
        wrong = [layer for layer in self.layers if not -count <= layer < count]
        if wrong:
            raise ValueError(f"regularisers: sub_tuning: layers = {wrong[0]}: the model has layers 0 to {count - 1}")
        chosen = {layer % count for layer in self.layers}
        return [name for name in names if (numbers[name] in chosen if name in numbers else self.others)]
