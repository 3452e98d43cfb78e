"""Sums of checkpoints, tensor by tensor: a task vector is what a training changed, `model - base` (arXiv:2212.04089)."""

import shutil
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from storage.errors import CheckpointError
from storage.models.adapters import whole

_BESIDE = (".json", ".jinja", ".model", ".txt")
_NOT_OURS = {"training.json", "trainer_state.json"}


@dataclass(frozen=True, slots=True)
class Vector:
    """A task vector and how much of it is added.

    Attributes:
        model: The checkpoint that learned the task.
        base: What it learned from.
        weight: Its share; a negative one takes the task away.
    """

    model: Path
    base: Path
    weight: float


def combine(start: Path, vectors: Sequence[Vector], folder: Path) -> float:
    """Write `start + sum of weight * (model - base)` into a folder, with tokenizer and configuration of the start.

    It is computed in float64 and written in the start's precision, one tensor in memory at a time for each checkpoint, so that
    a start with its own task vector of weight 1 is that model to the bit. Adapters are merged first.

    Args:
        start: The checkpoint to start from.
        vectors: Task vectors; none writes the start itself, whole.
        folder: An existing folder.

    Returns:
        How far the weights moved: the norm of the change by that of the start.

    Raises:
        CheckpointError: A checkpoint is no safetensors, is of another architecture, or cannot be merged.
    """
    from safetensors import safe_open
    from safetensors.torch import save_file

    origin = whole(start)
    files = sorted(origin.glob("*.safetensors"))
    moved = norm = 0.0
    with ExitStack() as stack:
        opened = _Tensors(origin, stack)
        others = [
            (vector.weight, _Tensors(whole(vector.model), stack), _Tensors(whole(vector.base), stack))
            for vector in vectors
        ]
        for _, model, base in others:
            _check_alike(opened, model)
            _check_alike(opened, base)
        for path in files:
            with safe_open(path, framework="pt") as file:  # type: ignore[no-untyped-call, unused-ignore]
                metadata = file.metadata()
                tensors = {}
                for name in file.keys():  # noqa: SIM118 - it is no dictionary
                    before = file.get_tensor(name)
                    tensors[name] = _sum(name, before, others)
                    if before.is_floating_point():
                        moved += float((tensors[name].double() - before.double()).square().sum())
                        norm += float(before.double().square().sum())
            save_file(tensors, folder / path.name, metadata=metadata)
    for path in origin.iterdir():
        if path.suffix in _BESIDE and path.name not in _NOT_OURS and not path.name.startswith("."):
            shutil.copyfile(path, folder / path.name)
    return (moved / norm) ** 0.5 if norm else 0.0


class _Tensors:
    """The tensors of a checkpoint by name, read when they are asked for.

    Raises:
        CheckpointError: The folder holds no safetensors.
    """

    def __init__(self, folder: Path, stack: ExitStack) -> None:
        from safetensors import safe_open

        self.folder = folder
        self._file_of: dict[str, Any] = {}
        for path in sorted(folder.glob("*.safetensors")):
            file = stack.enter_context(safe_open(path, framework="pt"))  # type: ignore[no-untyped-call, unused-ignore]
            self._file_of |= dict.fromkeys(file.keys(), file)
        if not self._file_of:
            raise CheckpointError(f"{folder} holds no *.safetensors; save it anew with transformers")

    def shapes(self) -> Iterator[tuple[str, list[int]]]:
        """Name and shape of each tensor, without reading it."""
        for name, file in self._file_of.items():
            yield name, list(file.get_slice(name).get_shape())

    def get(self, name: str) -> Any:
        """Return a tensor in float64."""
        return self._file_of[name].get_tensor(name).double()


def _check_alike(start: _Tensors, other: _Tensors) -> None:
    expected, given = dict(start.shapes()), dict(other.shapes())
    for name in sorted(expected.keys() | given.keys()):
        if expected.get(name) != given.get(name):
            raise CheckpointError(
                f"task vectors are for checkpoints of one shape: {name} is {given.get(name, 'missing')} in "
                f"{other.folder.name}, {expected.get(name, 'missing')} in {start.folder.name}"
            )


def _sum(name: str, before: Any, others: Sequence[tuple[float, _Tensors, _Tensors]]) -> Any:
    """One tensor of the sum, in the precision that it had; what is no floating-point number stays."""
    if not others or not before.is_floating_point():
        return before
    total = before.double()
    for weight, model, base in others:
        total = total + weight * (model.get(name) - base.get(name))
    return total.to(before.dtype)
