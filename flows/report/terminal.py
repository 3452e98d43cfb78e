"""Text of models, servers and data on a terminal: it is shown as it is, styles nothing, moves no cursor and reorders no line."""

import re

from rich.text import Text

from flows.report.unseen import UNSEEN


def visible(text: str) -> str:
    """Write characters that steer a terminal, hide or reorder as their codes; line breaks and tabs stay."""
    return UNSEEN.sub(_code, text)


def _code(match: re.Match[str]) -> str:
    code = ord(match.group())
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def inert(text: str, style: str = "") -> Text:
    """Return text for rich to print, in which neither brackets nor control characters mean anything."""
    return Text(visible(text), style=style)


def cut(text: str, limit: int) -> str:
    """Return at most so many characters of a text, and say how many there are."""
    return text if len(text) <= limit else f"{text[:limit]} ... ({len(text):,} characters)"
