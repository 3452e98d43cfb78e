"""Text of models and data sets, made fit to be looked at: escaped, bounded, with nothing in it that hides or reorders."""

import re
import unicodedata

from markupsafe import Markup, escape

_UNSEEN = re.compile(
    "["
    "\x00-\x08\x0b-\x1f\x7f-\x9f"  # control characters but tab and newline
    "\u061c\u200b\u202a-\u202e\u2060-\u206f\ufeff"  # what reorders a line, and what has no width
    "\ufff9-\ufffb\U000e0000-\U000e007f"  # annotations, and tags that smuggle text
    "\ud800-\udfff"  # halves of characters: no UTF-8 file can hold them
    "]"
)


def shown(text: str | None, limit: int = 2_000) -> Markup:
    """Return text as HTML: escaped, at most `limit` characters, each unseen character named in its place."""
    text = text or ""
    cut = text[:limit]
    parts = []
    end = 0
    for unseen in _UNSEEN.finditer(cut):
        parts += [escape(cut[end : unseen.start()]), _named(unseen.group())]
        end = unseen.end()
    parts.append(escape(cut[end:]))
    if len(text) > limit:
        more = f"{len(text) - limit:,} more characters"
        parts.append(Markup('<span class="more"> … {}</span>').format(more))
    return Markup("").join(parts)


def _named(character: str) -> Markup:
    code = ord(character)
    picture = chr(0x2400 + code) if code < 0x20 else "\u2421" if code == 0x7F else f"U+{code:04X}"
    name = unicodedata.name(character, f"U+{code:04X}")
    return Markup('<span class="unseen" title="{}">{}</span>').format(name.lower(), picture)


def plain(text: object, limit: int = 200) -> str:
    """Return one bounded line of text without unseen characters, for titles and labels."""
    line = _UNSEEN.sub("\ufffd", " ".join(str(text).split()))
    return line if len(line) <= limit else f"{line[: limit - 1]}…"
