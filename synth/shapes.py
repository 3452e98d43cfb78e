"""Rows in the shapes that trainers read (TRL's data set formats), without a conversion script on the other side.

sft         messages                          {"messages": [...]}
sft         prompt_completion                 {"prompt": [...], "completion": [...]}
preference  preference                        {"prompt": [...], "chosen": [...], "rejected": [...]}
prompt      prompt                            {"prompt": [...], "gold": ...}
stepwise    stepwise                          {"prompt": "...", "completions": [...], "labels": [...]}
text, sft   text                              {"text": "..."}
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Literal, get_args

from storage.errors import RecipeError
from storage.names import unknown

Shape = Literal["messages", "prompt_completion", "preference", "prompt", "stepwise", "text"]

SHAPES: tuple[Shape, ...] = get_args(Shape)

Row = Mapping[str, Any]


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
