"""Types of columns, each with a comment and, where it holds strings, who wrote them."""

from dataclasses import dataclass
from typing import Literal

import pyarrow as pa

Writer = Literal["ours", "person", "model"]
"""Who wrote the strings of a column. `ours`: ids, digests, names, stable words. `person`: what whoever runs the nights wrote (a
recipe, a reason), which stays when rows are taken down. `model`: the text of problems and models, or what quotes it, which goes."""


@dataclass(frozen=True, slots=True)
class Text:
    """Type of a column that holds strings, and who wrote them."""

    type: pa.DataType
    writer: Writer


def column(name: str, type_: pa.DataType | Text, comment: str) -> pa.Field:
    """Return a column with its comment and, where it holds strings, who wrote them."""
    if isinstance(type_, Text):
        return pa.field(name, type_.type, metadata={"comment": comment, "writer": type_.writer})
    return pa.field(name, type_, metadata={"comment": comment})


WORD, WORDS = Text(pa.string(), "ours"), Text(pa.list_(pa.string()), "ours")
NOTE = Text(pa.string(), "person")
TEXT, TEXTS = Text(pa.string(), "model"), Text(pa.list_(pa.string()), "model")
_CALL = pa.struct(
    [
        ("id", pa.string()),
        ("type", pa.string()),
        ("function", pa.struct([("name", pa.string()), ("arguments", pa.string())])),
    ]
)
MESSAGE = pa.struct(
    [
        ("role", pa.string()),
        ("content", pa.string()),
        ("tool_calls", pa.list_(_CALL)),
        ("tool_call_id", pa.string()),
    ]
)
"""A message of a chat (`storage.messages`); the last two are null where no tool is used."""
CHAT = Text(pa.list_(MESSAGE), "model")
INT, FLOAT, BOOL = pa.int64(), pa.float64(), pa.bool_()
TIME = pa.timestamp("us", tz="UTC")
COMMIT_ID = column("commit_id", WORD, "commit this row came with")
