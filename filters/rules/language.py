"""Whether what is learned stays in one script: models slip into another language in the middle of a thought."""

import re
from collections.abc import Mapping

from pydantic import Field

from filters.base import PASS, Context, Finding, Options, fail, row_filter
from filters.rows import Row

# Letters that are neither Latin nor Greek nor mathematical signs.
_FOREIGN = re.compile(
    r"[^\W\d_\u0000-\u024f\u02b0-\u03ff\u1d00-\u1eff\u1f00-\u1fff\u2070-\u2188\uff21-\uff5a\U0001d400-\U0001d7ff]"
)


class LanguageOptions(Options):
    """Options of `language`."""

    share: float = Field(
        default=0.01,
        ge=0,
        le=1,
        description="Share of characters of other scripts above which a text fails. The project's own trace rule.",
    )
    latin: Mapping[str, bool] = Field(
        default_factory=dict, description="By task, whether it is written in Latin letters at all; true when not said."
    )


@row_filter("language", version="1", options=LanguageOptions)
def language(row: Row, context: Context, options: LanguageOptions) -> Finding:
    """What is learned is written in Latin letters, up to a few names. Greek and mathematical letters count as such."""
    if not options.latin.get(row.task, True):
        return PASS
    parts = {
        "learned": row.learned,
        "rejected": row.rejected,
        "text": row.text,
        "steps": "\n".join(s or "" for s in row.steps or ()),
    }
    for where, text in parts.items():
        if not text or text.isascii():
            continue
        share = len(_FOREIGN.findall(text)) / len(text)
        if share > options.share:
            return fail("other_script", part=where, share=round(share, 4))
    return PASS
