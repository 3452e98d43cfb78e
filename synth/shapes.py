"""Rows in the shapes that trainers read (TRL's data set formats), without a conversion script on the other side.

sft         messages                          {"messages": [...]}
sft         prompt_completion                 {"prompt": [...], "completion": [...]}
preference  preference                        {"prompt": [...], "chosen": [...], "rejected": [...]}
prompt      prompt                            {"prompt": [...], "gold": ...}
stepwise    stepwise                          {"prompt": "...", "completions": [...], "labels": [...]}
text, sft   text                              {"text": "..."}
"""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Literal, get_args

import pyarrow as pa
import pyarrow.parquet as pq

from storage.errors import LakeError, RecipeError
from storage.names import unknown
from storage.releases import Release

Shape = Literal["messages", "prompt_completion", "preference", "prompt", "stepwise", "text"]

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
        made = _MAKE[shape](row)
        if made is not None:
            yield made


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
    rows = list(shaped(release.table().to_pylist(), shape))
    if not rows:
        raise LakeError(f"release {release.id} has no row in the shape {shape}")
    target.parent.mkdir(parents=True, exist_ok=True)
    making = target.with_name(f".{target.name}.making")
    if target.suffix == ".parquet":
        pq.write_table(pa.Table.from_pylist(rows), making, compression="zstd")
    else:
        making.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")
    making.rename(target)
    return len(rows)


def _messages(row: Row) -> dict[str, Any] | None:
    if row["kind"] not in ("sft", "stepwise") or not row["response"]:
        return None
    return {"messages": [*_chat(row), _assistant(row["response"])]}


def _prompt_completion(row: Row) -> dict[str, Any] | None:
    if _messages(row) is None:
        return None
    return {"prompt": _chat(row), "completion": [_assistant(row["response"])]}


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
    asked = "\n\n".join(message["content"] for message in row["messages"])
    return {"prompt": row.get("prompt") or asked, "completions": list(row["steps"]), "labels": list(row["labels"])}


def _text(row: Row) -> dict[str, Any] | None:
    if row["text"]:
        return {"text": row["text"]}
    made = _messages(row)
    return made and {"text": "\n".join(message["content"] for message in made["messages"])}


def _chat(row: Row) -> list[dict[str, str]]:
    return [{"role": message["role"], "content": message["content"]} for message in row["messages"]]


def _assistant(text: str) -> dict[str, str]:
    return {"role": "assistant", "content": text}


_MAKE: dict[str, Callable[[Row], dict[str, Any] | None]] = {
    "messages": _messages,
    "prompt_completion": _prompt_completion,
    "preference": _preference,
    "prompt": _prompt,
    "stepwise": _stepwise,
    "text": _text,
}
