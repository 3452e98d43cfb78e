"""Personal details taken out of a text before anything is stored: addresses, numbers of people, accounts and machines.

By `datafog`, with its patterns alone: no model, nothing downloaded, nothing sent (its telemetry is off unless asked for, and is
switched off here all the same). A detail becomes a word such as `[EMAIL_1]`, the same for the same detail within a text.
Patterns do not know names: what else a text must not hold is said by `also`, words or phrases that become `[REDACTED_1]`.
"""

import os
import re
from collections import Counter
from collections.abc import Sequence
from functools import cache
from typing import Any

KINDS = ("EMAIL", "PHONE", "SSN", "CREDIT_CARD", "IP_ADDRESS", "DE_IBAN", "DE_VAT_ID")
"""Of what `datafog` finds by pattern. Dates and postal codes are left: too many numbers of a problem look like them."""


def redact(text: str, also: Sequence[str] = ()) -> tuple[str, dict[str, int]]:
    """Return a text without personal details, and how many of each kind were taken out.

    Args:
        text: The text.
        also: Words and phrases that are taken out as well, in any case.
    """
    kept, counts = text, Counter[str]()
    for number, phrase in enumerate(
        sorted({phrase for phrase in also if phrase}, key=lambda phrase: (-len(phrase), phrase)), 1
    ):
        kept, times = re.subn(rf"(?<!\w){re.escape(phrase)}(?!\w)", f"[REDACTED_{number}]", kept, flags=re.IGNORECASE)
        counts["REDACTED"] += times
    entities = sorted(
        _scan()(kept, engine="regex", entity_types=list(KINDS), locales=["de"]).entities, key=lambda one: one.start
    )
    numbers: dict[tuple[str, str], int] = {}
    for entity in entities:
        of_kind = sum(kind == entity.type for kind, _ in numbers)
        numbers.setdefault((entity.type, entity.text), of_kind + 1)
    for entity in reversed(entities):
        word = f"[{entity.type}_{numbers[entity.type, entity.text]}]"
        kept = kept[: entity.start] + word + kept[entity.end :]
        counts[entity.type] += 1
    return kept, {kind: times for kind, times in sorted(counts.items()) if times}


@cache
def _scan() -> Any:
    os.environ.setdefault("DATAFOG_NO_TELEMETRY", "1")
    from datafog.engine import scan

    return scan
