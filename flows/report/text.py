"""Text of models and data sets, made fit to be looked at: escaped, bounded, with nothing in it that hides or reorders."""

import unicodedata

from markupsafe import Markup, escape

from flows.report.unseen import UNSEEN


def shown(text: str | None, limit: int = 2_000) -> Markup:
    """Return text as HTML: escaped, at most `limit` characters, each unseen character named in its place."""
    text = text or ""
    cut = text[:limit]
    parts = []
    end = 0
    for unseen in UNSEEN.finditer(cut):
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
    line = UNSEEN.sub("\ufffd", " ".join(str(text).split()))
    return line if len(line) <= limit else f"{line[: limit - 1]}…"
