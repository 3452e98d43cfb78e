"""A checkpoint is written in the precision of the one that it was trained from, whatever it was computed in."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

INDEX = "model.safetensors.index.json"


def precisions(folder: Path) -> dict[str, str]:
    """Return the precision of each tensor of a checkpoint, by its name, as safetensors writes it (`BF16`); no weights are read."""
    by_name: dict[str, str] = {}
    for _, header in _headers(folder):
        by_name |= {name: str(tensor["dtype"]) for name, tensor in header.items()}
    return by_name


def keep_precision(folder: Path, parent: Path) -> None:
    """Write each floating-point tensor of a checkpoint anew in the precision that it has in the parent, file by file.

    Tensors that the parent does not have, and parents that are no safetensors, change nothing.
    """
    wanted = precisions(parent)
    for path, header in list(_headers(folder)):
        if any(wanted.get(name, tensor["dtype"]) != tensor["dtype"] for name, tensor in header.items()):
            _rewrite(path, wanted)
    if (folder / INDEX).exists():
        index = json.loads((folder / INDEX).read_text(encoding="utf-8"))
        index["metadata"]["total_size"] = sum(
            _size(tensor) for _, header in _headers(folder) for tensor in header.values()
        )
        (folder / INDEX).write_text(json.dumps(index, indent=2), encoding="utf-8")
    _keep_configured(folder, parent)


def _size(tensor: Mapping[str, Any]) -> int:
    start, end = tensor["data_offsets"]
    return int(end) - int(start)


def _rewrite(path: Path, wanted: dict[str, str]) -> None:
    from safetensors import safe_open
    from safetensors.torch import save_file

    types = _torch_types()
    with safe_open(path, framework="pt") as file:  # type: ignore[no-untyped-call, unused-ignore]
        metadata = file.metadata()
        tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - it is no dictionary
    for name, tensor in tensors.items():
        dtype = types.get(wanted.get(name, ""))
        if dtype is not None and tensor.is_floating_point():
            tensors[name] = tensor.to(dtype)
    beside = path.with_name(f".{path.name}.making")
    save_file(tensors, beside, metadata=metadata)
    beside.replace(path)


def _torch_types() -> dict[str, Any]:
    import torch

    return {"BF16": torch.bfloat16, "F16": torch.float16, "F32": torch.float32, "F64": torch.float64}


def _keep_configured(folder: Path, parent: Path) -> None:
    """Let `config.json` say the precision that the parent's says."""
    config, before = (path / "config.json" for path in (folder, parent))
    if not (config.exists() and before.exists()):
        return
    content = json.loads(config.read_text(encoding="utf-8"))
    parents = json.loads(before.read_text(encoding="utf-8"))
    precision = parents.get("dtype", parents.get("torch_dtype"))
    changed = {
        name: precision for name in ("dtype", "torch_dtype") if precision and content.get(name, precision) != precision
    }
    if changed:
        config.write_text(json.dumps({**content, **changed}, indent=2, sort_keys=True) + "\n", encoding="utf-8")


def _headers(folder: Path) -> Iterator[tuple[Path, dict[str, dict[str, Any]]]]:
    """Each safetensors file of a folder with what its header says of its tensors."""
    for path in sorted(folder.glob("*.safetensors")):
        with path.open("rb") as file:
            header = json.loads(file.read(int.from_bytes(file.read(8), "little")))
        header.pop("__metadata__", None)
        yield path, header
