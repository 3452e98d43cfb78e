"""The untrained base: what the first night's student is, and the incumbent of the first promotion."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Literal

from pydantic import ValidationError

from storage.atomic import atomic_folder
from storage.errors import CheckpointError, RecipeError
from storage.ids import digest
from storage.lake.lake import Lake
from storage.models.checkpoints import Checkpoint, checkpoint_digest, register_checkpoint

PLAIN = (
    "{%- for message in messages -%}"
    "{%- if message['role'] == 'assistant' -%}"
    "{%- generation -%}{{- message['content'] + eos_token -}}{%- endgeneration -%}"
    "{%- elif message['role'] == 'system' -%}{{- message['content'] + '\\n\\n' -}}"
    "{%- else -%}{{- 'Question:\\n' + message['content'] + '\\nAnswer:\\n' -}}{%- endif -%}"
    "{%- endfor -%}"
)
"""A prompt that a model understands which was never taught to chat, as in SimpleRL-Zoo (arXiv:2503.18892), for weak bases."""


def make_base(
    lake: Lake,
    *,
    checkpoint: str | None,
    texts: Iterable[str],
    options: Mapping[str, Any],
    night: str,
    code_version: str,
    template: Literal["plain"] | None = None,
) -> Checkpoint:
    """Bring the base into the workspace and register it: a tiny model from scratch, or a copy of a given checkpoint.

    Args:
        lake: The lake.
        checkpoint: A Hugging Face folder, or the name of a model on the Hub; None makes a tiny model.
        texts: What a tiny model's vocabulary is built from.
        options: Sizes of a tiny model, and `seed`.
        night: Night that needs it.
        code_version: Version of Nightschool.
        template: `plain` gives the copy a chat template that is a plain prompt; None leaves the checkpoint's own.

    Raises:
        CheckpointError: The checkpoint cannot be loaded.
        RecipeError: An option is unknown or out of range.
    """
    folder = lake.workspace.folder("checkpoints")
    if checkpoint is None:
        from train_stages.models.tiny import TinyConfig, create_base

        sizes = {name: value for name, value in options.items() if name != "seed"}
        try:
            config = TinyConfig.model_validate(sizes)
        except ValidationError as error:
            first = error.errors()[0]
            raise RecipeError(f"base.tiny.{'.'.join(map(str, first['loc']))}: {first['msg']}") from None
        path = folder / f"base-{digest(config.model_dump(), options.get('seed', 0), night, length=12)}"
        if not path.exists():
            create_base(path, texts, seed=int(options.get("seed", 0)), config=config)
    else:
        path = folder / f"base-{digest(checkpoint, *([template] if template else []), length=12)}"
        if not path.exists():
            _copy(checkpoint, path, template)
    checkpoint_digest(path)
    settings = {"checkpoint": checkpoint, **options, **({"template": template} if template else {})}
    return register_checkpoint(lake, path, stage="base", night=night, config=settings, code_version=code_version)


def _copy(checkpoint: str, path: Path, template: str | None = None) -> None:
    """Save a local or Hub checkpoint as a folder of the workspace, all or nothing."""
    from transformers import AutoModelForCausalLM, AutoTokenizer

    try:
        model = AutoModelForCausalLM.from_pretrained(checkpoint, dtype="auto")
        tokenizer = AutoTokenizer.from_pretrained(checkpoint)
    except (OSError, ValueError) as error:
        raise CheckpointError(f"base.checkpoint {checkpoint!r} cannot be loaded: {error}") from error
    if template == "plain":
        tokenizer.chat_template = PLAIN
    with atomic_folder(path) as making:
        model.save_pretrained(making)
        tokenizer.save_pretrained(making)
