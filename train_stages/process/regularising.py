"""Bind regularisers to a trainer: what is trained, and what is done around each step of its optimiser."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from storage.errors import TrainingError
from train_stages.regularisers.base import Regulariser

IMPORTANCE = "fisher.npz"
"""What the stage `fisher` writes beside the weights. No safetensors file: servers load every one of a folder as weights."""


class Bound:
    """Regularisers of one training, bound to its model while the weights are still the parent's.

    Args:
        regularisers: One after the other.
        model: The model that is trained.
        importance: The file of the stage `fisher`; None where the parent has none.

    Raises:
        TrainingError: A regulariser needs what is not there, or its settings fit no parameter.
    """

    def __init__(self, regularisers: Sequence[Regulariser], model: Any, importance: Path | None) -> None:
        self._regularisers = regularisers
        self._freeze(model)
        self._weights = {name: weight for name, weight in model.named_parameters() if weight.requires_grad}
        self._parent = self._copy() if any(part.keeps_parent for part in regularisers) else {}
        self._before: dict[str, Any] = {}
        self._importance: dict[str, Any] = {}
        if any(part.needs_importance for part in regularisers):
            self._importance = self._measured(importance)

    def _freeze(self, model: Any) -> None:
        names = [name for name, weight in model.named_parameters() if weight.requires_grad]
        for part in self._regularisers:
            try:
                names = list(part.trained(names))
            except ValueError as error:
                raise TrainingError(str(error)) from error
        if not names:
            raise TrainingError("regularisers: nothing is left that is trained")
        kept = frozenset(names)
        for name, weight in model.named_parameters():
            weight.requires_grad_(name in kept)

    def _copy(self) -> dict[str, Any]:
        return {name: weight.detach().clone() for name, weight in self._weights.items()}

    def _measured(self, file: Path | None) -> dict[str, Any]:
        import numpy as np
        import torch

        if file is None or not file.exists():
            raise TrainingError(
                "regularisers: ewc needs to know which weights matter: put a stage fisher before this one, with the rows "
                "that must not be forgotten"
            )
        with np.load(file, allow_pickle=False) as measured:
            missing = sorted(set(self._weights) - set(measured.files))
            if missing:
                raise TrainingError(
                    f"regularisers: ewc: {file.name} has nothing of {missing[0]}, it was measured on whole weights: leave the "
                    "adapter out, or take l2_to_parent"
                )
            return {
                name: torch.from_numpy(measured[name]).to(weight.device, weight.dtype)
                for name, weight in self._weights.items()
            }

    def attach(self, optimiser: Any) -> None:
        """Let the optimiser's steps be regularised."""
        optimiser.register_step_pre_hook(self._before_step)
        optimiser.register_step_post_hook(self._after_step)

    def _before_step(self, *_: Any) -> None:
        if any(part.keeps_last for part in self._regularisers):
            self._before = self._copy()
        for part in self._regularisers:
            for name, weight in self._weights.items():
                part.on_gradient(name, weight, self._parent.get(name), self._importance.get(name))

    def _after_step(self, *_: Any) -> None:
        for part in self._regularisers:
            if part.keeps_last:
                for name, weight in self._weights.items():
                    part.on_step(name, weight, self._before[name])


def bound(regularisers: Sequence[Regulariser], model: Any) -> Bound | None:
    """Bind regularisers to a model that was loaded from its parent's folder; None where there are none."""
    if not regularisers:
        return None
    folder = Path(str(getattr(model, "name_or_path", "")))
    return Bound(regularisers, model, folder / IMPORTANCE if folder.is_dir() else None)
