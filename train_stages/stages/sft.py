"""Supervised fine-tuning on conversations, with the loss on the assistant's turns only.

python -m train_stages.stages.sft --config job.json
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from storage.errors import TrainingError
from train_stages.config import SftConfig, read_config
from train_stages.process.job import Job, main, read_rows
from train_stages.process.preflight import LOOKED_AT, counts, load_tokenizer, memory
from train_stages.process.stage import Progress, StageResult
from train_stages.stages.base import Described, Material, Stage, described
from train_stages.transforms.base import transformed

if TYPE_CHECKING:
    from train_stages.data.encode import Encoded

__all__ = ["SftConfig", "sft"]


def sft(
    parent: Path,
    rows: pa.Table,
    out: Path,
    config: SftConfig | None = None,
    *,
    seed: int = 0,
    progress: Progress | None = None,
) -> StageResult:
    """Fine-tune a checkpoint.

    Args:
        parent: The checkpoint to start from.
        rows: Column `messages`, a list of `{role, content}`, of which the assistant's turns are learned; or `prompt` and
            `completion`, such lists or plain texts, of which the completion is; or ready `input_ids` and `labels` (-100
            carries no loss). Messages may have `tool_calls` and `tool_call_id`, as OpenAI writes them.
            Optional: `tools`, schemas of the tools that the chat may call, JSON text; `spans`, a list of `{start, end}`, the
            parts of the last turn that carry loss, null for all of it; `id`, `difficulty` and `subject`, for the order.
        out: Where the new checkpoint goes; it must not exist.
        config: Settings.
        seed: Seed of the order of the rows.
        progress: Told after each step.

    Raises:
        CheckpointError: `parent` cannot be loaded.
        TrainingError: There is nothing to train on, `out` exists, or the loss is no longer a number.
    """
    from train_stages.stages.supervised import Lesson, chosen_order, train_supervised

    config = config or SftConfig()

    def lesson(tokenizer: Any) -> Lesson:
        encoded, described = encode(tokenizer, rows, config, seed), Described.of(rows, config.loss.columns)
        return Lesson(encoded, chosen_order(encoded, described, config, seed), described)

    return train_supervised("sft", parent, lesson, out, config, seed=seed, progress=progress)


def encode(tokenizer: Any, rows: pa.Table, config: SftConfig, seed: int = 0) -> "Encoded":
    """Turn rows into tokens and labels.

    Args:
        tokenizer: The model's.
        rows: See `sft`.
        config: Settings.
        seed: Seed of the transforms.

    Raises:
        TrainingError: A column is missing, no row is left, or there are transforms and the rows are tokens already.
    """
    from train_stages.data.encode import encode_conversations, encode_labels

    names = set(rows.column_names)
    if {"input_ids", "labels"} <= names:
        if config.transforms:
            raise TrainingError("sft: transforms change texts, and these rows are tokens already: leave transforms out")
        pairs = zip(rows["input_ids"].to_pylist(), rows["labels"].to_pylist(), strict=True)
        return encode_labels(pairs, config.max_length)
    if {"prompt", "completion"} <= names:
        asked, answered = (_turns(rows[name].to_pylist(), role) for name, role in _ROLES)
        chats = [[*prompt, *completion] for prompt, completion in zip(asked, answered, strict=True)]
        chats = _transformed(chats, [None] * len(chats), rows, config, seed)
        given = [len(prompt) for prompt in asked]
        return encode_conversations(tokenizer, chats, config.max_length, given=given, template=config.chat_template)
    if "messages" not in names:
        raise TrainingError(
            f"sft: rows need a column messages, or prompt and completion, or input_ids and labels; there are {sorted(names)}"
        )
    spans = None
    if "spans" in names:
        spans = [
            None if row_spans is None else [(span["start"], span["end"]) for span in row_spans]
            for row_spans in rows["spans"].to_pylist()
        ]
    chats = rows["messages"].to_pylist()
    chats = _transformed(chats, spans or [None] * len(chats), rows, config, seed)
    tools = rows["tools"].to_pylist() if "tools" in names else None
    return encode_conversations(tokenizer, chats, config.max_length, spans, template=config.chat_template, tools=tools)


def _transformed(chats: list[Any], spans: Sequence[Any], rows: pa.Table, config: SftConfig, seed: int) -> list[Any]:
    """Apply the transforms to the chats whose spans do not name parts of the text."""
    if not config.transforms:
        return chats
    ids = Described.of(rows).ids
    return [
        transformed(chat, config.transforms, seed, row) if parts is None else chat
        for chat, parts, row in zip(chats, spans, ids, strict=True)
    ]


_ROLES = (("prompt", "user"), ("completion", "assistant"))


def _turns(values: list[Any], role: str) -> list[list[dict[str, str]]]:
    """Turns as they are, or a text as one turn of a role."""
    return [[{"role": role, "content": value}] if isinstance(value, str) else list(value) for value in values]


def check_sft(job: Job) -> dict[str, Any]:
    """Check supervised fine-tuning: the template renders, some token carries loss, memory suffices.

    Raises:
        CheckpointError: The parent's tokenizer or configuration cannot be loaded.
        TrainingError: One of the checks fails; the message says which setting to change.
    """
    from train_stages.data.encode import show_loss
    from train_stages.stages.supervised import head_of, second_model

    config = read_config(SftConfig, job.options, job.name or "sft")
    tokenizer, rows = load_tokenizer(job.parent), read_rows(job.rows)
    encoded = encode(tokenizer, rows.slice(0, LOOKED_AT), config, job.seed)
    with_loss = sum(1 for labels in encoded.table["labels"].to_pylist() for label in labels if label >= 0)
    return {
        **counts(rows.num_rows, encoded),
        "share_with_loss": round(with_loss / encoded.tokens, 3),
        "one_row": show_loss(tokenizer, encoded),
        **memory(job.parent, config, copies=2 if second_model(config) else 1, head=head_of(config)),
    }


_SPANS = pa.list_(pa.struct([("start", pa.int64()), ("end", pa.int64())]))


def chats(material: Material, config: SftConfig) -> pa.Table:
    """Return the rows of a release as chats: columns `id`, `difficulty`, `subject`, `source`, `messages` and `spans`.

    Raises:
        TrainingError: No row has an answer.
    """
    rows: list[tuple[Mapping[str, Any], Any, Any]] = []
    for row in material.samples.to_pylist():
        for chat in config.mask(row, material.messages):
            spans = None if chat.spans is None else [{"start": start, "end": end} for start, end in chat.spans]
            rows.append((row, chat.messages, spans))
    if not rows:
        raise TrainingError(f"sft: {material.origin} has no rows with an answer for it")
    table = described([row for row, _, _ in rows]).append_column("messages", pa.array([chat for _, chat, _ in rows]))
    tools = pa.array([row.get("tools") for row, _, _ in rows], pa.string())
    table = table if tools.null_count == len(tools) else table.append_column("tools", tools)
    return table.append_column("spans", pa.array([spans for _, _, spans in rows], _SPANS))


def run_sft(job: Job, progress: Progress) -> StageResult:
    """Do a job of supervised fine-tuning."""
    config = read_config(SftConfig, job.options, job.name or "sft")
    return sft(job.parent, read_rows(job.rows), job.out, config, seed=job.seed, progress=progress)


SFT = Stage(
    "sft",
    summary="supervised fine-tuning on chats, with the loss on the assistant's turns",
    config=SftConfig,
    rows=chats,
    check=check_sft,
    run=run_sft,
    visits=("order.parquet", "row"),
)

if __name__ == "__main__":
    main(SFT.name, SFT.run, SFT.check)
