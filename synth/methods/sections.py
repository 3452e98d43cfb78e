"""Cut a model's reply at its headings: `Solution 1:`, `**Statement:** ...`, `### Check 2`, as real models write them."""

import re
from collections.abc import Sequence
from itertools import zip_longest

from synth.problems.steps import thoughts_end


def sections(text: str, names: Sequence[str]) -> dict[str, str]:
    """Return the text below each heading, by heading in lower case with its number (`solution 2`).

    A heading is one of `names` at the start of a line, maybe with a number, alone or before a colon, under any markup. What
    a model thought first does not count. Of two equal headings the first holds.
    """
    text = text[thoughts_end(text) :].replace("\r\n", "\n")
    alternatives = "|".join(re.escape(name).replace(r"\ ", r"\s+") for name in names)
    heading = re.compile(
        rf"^[ \t>#*_`\-•]*(?P<name>{alternatives})(?:[ \t]+|(?=[#(]))?(?:[#(]?(?P<number>\d{{1,2}})\)?)?"
        r"[*_` \t]*(?::[*_` \t]*|[*_`\-–—]*[ \t]*$)",
        re.IGNORECASE | re.MULTILINE,
    )
    by_heading: dict[str, str] = {}
    matches = list(heading.finditer(text))
    for match, following in zip_longest(matches, matches[1:]):
        name = " ".join(match["name"].lower().split())
        key = f"{name} {int(match['number'])}" if match["number"] else name
        body = text[match.end() : following.start() if following else len(text)]
        by_heading.setdefault(key, re.sub(r"\n+\s*(?:-{3,}|\*{3,}|={3,})\s*\Z", "", body).strip())
    return by_heading


def accepts(text: str) -> bool | None:
    """Read a verdict tag at the start of a text: accept or refuse; None when it is neither."""
    match = re.match(
        r"[\s*_`\[<(\"'✅❌]*(accept|yes|refuse|reject|no)(?:ed|s|d)?\b(?![\s*_`]*(?:/|\bor\b))", text, re.IGNORECASE
    )
    return None if match is None else match[1].lower() in ("accept", "yes")
