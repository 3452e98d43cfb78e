"""Rows in the shapes that trainers read (TRL's data set formats, verl's), without a conversion script on the other side.

sft         messages                          {"messages": [...]}, and {"tools"} where a chat calls some
sft         prompt_completion                 {"prompt": [...], "completion": [...]}
preference  preference                        {"prompt": [...], "chosen": [...], "rejected": [...]}
prompt      prompt                            {"prompt": [...], "gold": ...}
stepwise    stepwise                          {"prompt": "...", "completions": [...], "labels": [...]}
text, sft   text                              {"text": "..."}
any         verl                              {"data_source", "prompt": [...], "ability", "reward_model", "extra_info"}

verl's RL data are the last one, one per problem (its SFT reads `messages`); `reward_model.ground_truth` is the gold
answer, judged by rule.
"""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Literal, get_args

import pyarrow as pa
import pyarrow.parquet as pq

from storage.atomic import atomic_file
from storage.errors import LakeError, RecipeError
from storage.messages import Message, chat_of, said_in
from storage.releases.reading import Release
from storage.tables.columns import MESSAGE
from storage.unknown_names import unknown

Shape = Literal["messages", "prompt_completion", "preference", "prompt", "stepwise", "text", "verl"]

SHAPES: tuple[Shape, ...] = get_args(Shape)

Row = Mapping[str, Any]


def known_shape(name: str) -> Shape:
    """Return the shape of that name.

    Raises:
        RecipeError: There is none; the message has the nearest.
    """
    for shape in SHAPES:
        if shape == name:
            return shape
    raise RecipeError(unknown("shape", name, SHAPES))


def shaped(rows: Iterable[Row], shape: Shape) -> Iterator[dict[str, Any]]:
    """Turn the rows that fit a shape into it, in their order; the others are left out.

    Args:
        rows: Rows of `samples`, or of a release.
        shape: Name of the shape.

    Raises:
        RecipeError: There is no such shape.
    """
    if shape not in _MAKE:
        raise RecipeError(unknown("shape", shape, SHAPES))
    for row in rows:
        row_made = _MAKE[shape](row)
        if row_made is not None:
            yield row_made


def export(release: Release, shape: Shape, target: Path) -> int:
    """Write the rows of a release that fit a shape to one file (`.parquet` or `.jsonl`), all or nothing.

    Returns:
        How many rows were written.

    Raises:
        RecipeError: The shape or the file's ending is unknown, or the file is there already.
        LakeError: No row fits, or a file of the release is damaged.
    """
    if target.suffix not in (".parquet", ".jsonl"):
        raise RecipeError(f"{target}: end the name in .parquet or .jsonl")
    if target.exists():
        raise RecipeError(f"{target} exists already; name another file")
    target.parent.mkdir(parents=True, exist_ok=True)
    write = _write_parquet if target.suffix == ".parquet" else _write_lines
    with atomic_file(target) as making:
        count = write(shaped_batches(release, shape), schema_of(release, shape), making)
        if not count:
            raise LakeError(f"release {release.id} has no row in the shape {shape}")
    return count


def schema_of(release: Release, shape: Shape) -> pa.Schema:
    """Return the columns of a shape; with those of tools where rows of the release use some.

    Raises:
        LakeError: A file of the release is damaged.
    """
    schema = SCHEMAS[shape]
    files = release.files()
    if not any("tools" in pq.read_schema(file).names for file in files):
        return schema
    fields = [pa.field(field.name, pa.list_(MESSAGE)) if field.type == _CHAT else field for field in schema]
    return pa.schema([*fields, *([pa.field("tools", _S)] if shape in ("messages", "prompt_completion") else [])])


def shaped_batches(release: Release, shape: Shape) -> Iterator[list[dict[str, Any]]]:
    """Return the rows of a release in a shape, some thousands at a time; for verl, one per problem."""
    seen: set[str] = set()
    for batch in release.batches():
        rows = batch.to_pylist()
        yield [shaped_row for row in rows for shaped_row in shaped([row], shape) if first(row, shape, seen)]


def first(row: Row, shape: Shape, seen: set[str]) -> bool:
    """Say whether a row is wanted in a shape beside those before it: for verl, the first of each problem."""
    if shape != "verl":
        return True
    new = row["problem_id"] not in seen
    seen.add(row["problem_id"])
    return new


def _write_parquet(batches: Iterable[list[dict[str, Any]]], schema: pa.Schema, path: Path) -> int:
    count = 0
    with pq.ParquetWriter(path, schema, compression="zstd") as writer:
        for rows in batches:
            writer.write_table(pa.Table.from_pylist(rows, schema=schema))
            count += len(rows)
    return count


def _write_lines(batches: Iterable[list[dict[str, Any]]], schema: pa.Schema, path: Path) -> int:
    count = 0
    with path.open("w", encoding="utf-8") as file:
        for rows in batches:
            file.writelines(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
            count += len(rows)
    return count


def _messages(row: Row) -> dict[str, Any] | None:
    if row["kind"] not in ("sft", "stepwise") or not row["response"]:
        return None
    return {"messages": [*_chat(row), _assistant(row["response"])], **_tools(row)}


def _prompt_completion(row: Row) -> dict[str, Any] | None:
    if _messages(row) is None:
        return None
    return {"prompt": _chat(row), "completion": [_assistant(row["response"])], **_tools(row)}


def _preference(row: Row) -> dict[str, Any] | None:
    if row["kind"] != "preference" or not row["response"] or not row["rejected"]:
        return None
    return {
        "prompt": _chat(row),
        "chosen": [_assistant(row["response"])],
        "rejected": [_assistant(row["rejected"])],
    }


def _prompt(row: Row) -> dict[str, Any] | None:
    if row["kind"] == "text" or not row["messages"]:
        return None
    extra = {name: row[name] for name in ("problem_id", "task", "gold") if row.get(name) is not None}
    return {"prompt": _chat(row), **extra}


def _stepwise(row: Row) -> dict[str, Any] | None:
    """A process reward model learns to label the solution itself, so the question is what the chat begins with."""
    if row["kind"] != "stepwise" or not row["steps"]:
        return None
    asked = "\n\n".join(map(said_in, row["messages"]))
    return {"prompt": row.get("prompt") or asked, "completions": list(row["steps"]), "labels": list(row["labels"])}


def _text(row: Row) -> dict[str, Any] | None:
    if row["text"]:
        return {"text": row["text"]}
    chat = _messages(row)
    return chat and {"text": "\n".join(map(said_in, chat["messages"]))}


def _verl(row: Row) -> dict[str, Any] | None:
    if row["kind"] == "text" or not row["messages"] or row.get("gold") is None:
        return None
    return {
        "data_source": row["source"],
        "prompt": _chat(row),
        "ability": row["task"],
        "reward_model": {"style": "rule", "ground_truth": row["gold"]},
        "extra_info": {"problem_id": row["problem_id"], "tier": row["tier"]},
    }


def _chat(row: Row) -> list[Message]:
    return chat_of(row["messages"])


def _tools(row: Row) -> dict[str, Any]:
    """The schemas of the tools that a chat may call; nothing where there are none."""
    return {"tools": row["tools"]} if row.get("tools") else {}


def _assistant(text: str) -> dict[str, str]:
    return {"role": "assistant", "content": text}


_MAKE: dict[str, Callable[[Row], dict[str, Any] | None]] = {
    "messages": _messages,
    "prompt_completion": _prompt_completion,
    "preference": _preference,
    "prompt": _prompt,
    "stepwise": _stepwise,
    "text": _text,
    "verl": _verl,
}

_S = pa.string()
_CHAT = pa.list_(pa.struct([("role", _S), ("content", _S)]))
SCHEMAS: dict[Shape, pa.Schema] = {
    "messages": pa.schema({"messages": _CHAT}),
    "prompt_completion": pa.schema({"prompt": _CHAT, "completion": _CHAT}),
    "preference": pa.schema({"prompt": _CHAT, "chosen": _CHAT, "rejected": _CHAT}),
    "prompt": pa.schema({"prompt": _CHAT, "problem_id": _S, "task": _S, "gold": _S}),
    "stepwise": pa.schema({"prompt": _S, "completions": pa.list_(_S), "labels": pa.list_(pa.bool_())}),
    "text": pa.schema({"text": _S}),
    "verl": pa.schema({
        "data_source": _S, "prompt": _CHAT, "ability": _S,
        "reward_model": pa.struct([("style", _S), ("ground_truth", _S)]),
        "extra_info": pa.struct([("problem_id", _S), ("tier", pa.int64())]),
    }),
}  # fmt: skip
"""Columns of each shape."""
