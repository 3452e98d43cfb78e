"""Text of models, servers and data on a terminal: it is shown as it is, styles nothing and moves no cursor."""

from rich.text import Text

_CONTROLS = {code: f"\\x{code:02x}" for code in (*range(9), *range(11, 32), *range(127, 160))}


def visible(text: str) -> str:
    """Write control characters, with which a terminal is steered, as their codes; line breaks and tabs stay."""
    return text.translate(_CONTROLS)


def inert(text: str, style: str = "") -> Text:
    """Return text for rich to print, in which neither brackets nor control characters mean anything."""
    return Text(visible(text), style=style)
