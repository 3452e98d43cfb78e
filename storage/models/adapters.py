"""Checkpoints that are adapters: small matrices, and the checkpoint that they belong to.

The folder of one holds `adapter_model.safetensors` and `adapter_config.json` (PEFT's), the tokenizer, the configuration of
the model, and `base.json`, which names the checkpoint beneath by digest and by a path relative to the folder. Whoever needs
whole weights asks `whole`, which merges the two once and keeps the result beside the folder.
"""

import json
import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from filelock import FileLock

from storage.atomic import atomic_folder, write_text
from storage.errors import CheckpointError
from storage.models.checkpoints import checkpoint_digest
from storage.models.precision import keep_precision

BASE = "base.json"
WEIGHTS = "adapter_model.safetensors"
CONFIG = "adapter_config.json"
_OF_THE_BASE = ("config.json", "generation_config.json")


def is_adapter(folder: Path) -> bool:
    """Whether a checkpoint is an adapter."""
    return (folder / BASE).is_file()


def base_of(folder: Path) -> Path:
    """Return the folder of the checkpoint beneath an adapter.

    Raises:
        CheckpointError: It is gone, or `base.json` is damaged.
    """
    try:
        path = Path(str(json.loads((folder / BASE).read_text(encoding="utf-8"))["path"]))
    except (OSError, ValueError, KeyError) as error:
        raise CheckpointError(f"{folder / BASE} cannot be read: {error}") from None
    base = Path(os.path.normpath(folder / path))
    if not base.is_dir():
        raise CheckpointError(f"{folder.name} is an adapter of {base}, which is gone; restore it")
    return base


def finish_adapter(folder: Path, base: Path, out: Path) -> None:
    """Make a checkpoint of what PEFT saved: name what is beneath it, and write everything alike on every machine.

    Args:
        folder: Where PEFT saved adapter and tokenizer.
        base: The checkpoint that was trained from, which may itself be an adapter.
        out: Where the folder will be in the end.
    """
    path = os.path.relpath(base.absolute(), out.absolute())
    config = json.loads((folder / CONFIG).read_text(encoding="utf-8"))
    config["base_model_name_or_path"] = path
    ordered = {key: sorted(value) if _names(value) else value for key, value in config.items()}
    _write(folder / CONFIG, ordered)
    _write(folder / BASE, {"checkpoint_id": checkpoint_digest(base), "path": path})
    (folder / "README.md").unlink(missing_ok=True)
    for name in _OF_THE_BASE:
        if (base / name).exists():
            shutil.copyfile(base / name, folder / name)


def _names(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(item, str) for item in value)


def whole(folder: Path) -> Path:
    """Return a folder with whole weights: the checkpoint itself, or base and adapter merged where it is an adapter.

    The merged weights have the precision of the base's. They are made once, in the memory of one model in float32, and kept
    in `.NAME.whole` beside the folder; they can be removed at any time.

    Raises:
        CheckpointError: What is beneath an adapter is gone, is not what it was trained from, or cannot be loaded.
    """
    if not is_adapter(folder):
        return folder
    merged = merged_folder(folder)
    if not merged.is_dir():
        merge_into(folder, merged)
    return merged


def merged_folder(folder: Path) -> Path:
    """Return where the whole weights of an adapter are kept once they were needed."""
    return folder.absolute().with_name(f".{folder.name}.whole")


def merge_into(folder: Path, out: Path) -> None:
    """Write base and adapter, merged, into a new folder, all or nothing.

    Raises:
        CheckpointError: What is beneath the adapter is gone, is not what it was trained from, or cannot be loaded.
    """
    from transformers.utils import logging

    base = base_of(folder)
    wanted = json.loads((folder / BASE).read_text(encoding="utf-8"))["checkpoint_id"]
    if checkpoint_digest(base) != wanted:
        raise CheckpointError(f"{base} is not the checkpoint {wanted} that the adapter {folder.name} was trained from")
    logging.disable_progress_bar()
    weights = whole(base)
    with FileLock(out.with_name(f".{out.name.removeprefix('.')}.lock")):
        if not out.is_dir():  # another process may just have made it
            with atomic_folder(out) as making:
                _merge(folder, weights, making)


def export(folder: Path, target: Path, *, adapter: bool = False) -> None:
    """Copy a checkpoint to a folder of its own: whole weights, or an adapter as PEFT and vLLM read it.

    Args:
        folder: The checkpoint.
        target: The folder; it must not exist.
        adapter: Leave what is beneath the adapter out; `adapter_config.json` then names no base, whoever loads it does.

    Raises:
        CheckpointError: The target exists, the checkpoint is no adapter, or what is beneath it is gone.
    """
    if target.exists():
        raise CheckpointError(f"{target} exists; name a folder that does not")
    if adapter and not is_adapter(folder):
        raise CheckpointError(f"{folder.name} is no adapter; leave --adapter out")
    source = folder if adapter else whole(folder)
    with atomic_folder(target) as making:
        for path in source.iterdir():
            if (
                path.is_file()
                and not path.name.startswith(".")
                and not (adapter and path.name in (BASE, *_OF_THE_BASE))
            ):
                shutil.copyfile(path, making / path.name)
            elif path.is_dir() and not path.name.startswith("."):  # a verifier of two models has the other one in it
                shutil.copytree(path, making / path.name)
        if adapter:
            config = json.loads((folder / CONFIG).read_text(encoding="utf-8"))
            _write(making / CONFIG, {**config, "base_model_name_or_path": None})


def _write(path: Path, content: Mapping[str, Any]) -> None:
    write_text(path, json.dumps(content, indent=2, sort_keys=True) + "\n")


def _merge(folder: Path, base: Path, out: Path) -> None:
    import torch
    from peft import PeftModel
    from transformers import AutoModelForCausalLM

    try:
        model = AutoModelForCausalLM.from_pretrained(str(base), dtype=torch.float32, local_files_only=True)
        merged: Any = PeftModel.from_pretrained(model, str(folder)).merge_and_unload()
    except (OSError, ValueError, RuntimeError) as error:
        raise CheckpointError(f"{folder} cannot be merged into {base}: {error}") from error
    merged.save_pretrained(out)
    for path in folder.iterdir():  # the tokenizer and its template
        beside = path.suffix in (".json", ".jinja", ".model", ".txt") and path.name not in (
            CONFIG,
            BASE,
            "training.json",
        )
        if beside and not (out / path.name).exists():
            shutil.copyfile(path, out / path.name)
    keep_precision(out, base)
