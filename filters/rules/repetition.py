"""Whether a text repeats itself: the usual way in which a model's answer goes wrong when it does not stop."""

import zlib
from collections.abc import Mapping, Sequence

from pydantic import Field

from filters.base import PASS, Context, Finding, Options, batch_filter, fail
from filters.duplicates.loops import Loops, measure
from filters.rows import Row
from filters.text import clean

VARIED = 0.5
"""A text of which more than this share of the four-byte pieces are different is not compressed at all: to become five
times smaller, each symbol of it would have to cost less than a letter drawn at random does."""


class Circles(Options):
    """From where on a text counts as running in circles."""

    ngram: int = Field(default=20, ge=2, description="Words of a run that may not come back too often. Our own choice.")
    times: int = Field(default=8, ge=2, description="A run of `ngram` words this often is a loop. Our own choice.")
    ratio: float = Field(
        default=5.0, gt=1, description="Bytes by zlib-compressed bytes above this is a loop. Our own choice."
    )
    ratio_from: int = Field(default=1_000, ge=0, description="Bytes from which on the ratio is looked at.")
    lines: int = Field(default=8, ge=2, description="The same line (of three words or more) this often is a loop.")
    lines_in_a_row: int = Field(
        default=4, ge=2, description="The same line this often in a row, of any length, is a loop."
    )


class RepetitionOptions(Options):
    """Options of `repetition`. The thresholds are those of the project's own trace rules, not of a paper."""

    limits: Mapping[str, Circles] = Field(
        default_factory=lambda: {
            # A puzzle's search says "Assume Ann is a knight" and the same contradiction in many branches: going
            # through all 128 cases of seven people compresses 33 times and repeats a run of 20 words 16 times.
            "knights_knaves": Circles(times=64, ratio=100.0, lines=40),
        },
        description="Limits by task; those of a recipe replace all of these.",
    )
    default: Circles = Field(default=Circles(), description="Limits of every other task.")


@batch_filter("repetition", version="2", options=RepetitionOptions)
def repetition(rows: Sequence[Row], context: Context, options: RepetitionOptions) -> Mapping[str, Finding]:
    """What is learned does not run in circles."""
    parts: list[tuple[int, str, str, Circles]] = []
    for index, row in enumerate(rows):
        limits = options.limits.get(row.task, options.default)
        for where, text in (("learned", row.learned), ("rejected", row.rejected), ("text", row.text)):
            if text:
                parts.append((index, where, text, limits))
    findings = [PASS] * len(rows)
    measured = measure([text for _, _, text, _ in parts], [limits.ngram for *_, limits in parts])
    for (index, where, text, limits), loops in zip(parts, measured, strict=True):
        if findings[index] is PASS:
            findings[index] = _finding(text, loops, limits, where)
    return {row.sample_id: finding for row, finding in zip(rows, findings, strict=True)}


def _finding(text: str, loops: Loops, limits: Circles, where: str) -> Finding:
    if loops.lines_in_a_row >= limits.lines_in_a_row:
        return fail("repeated_line", part=where, times=loops.lines_in_a_row)
    if loops.line >= limits.lines:
        return fail("repeated_line", part=where, times=loops.line)
    if loops.run >= limits.times:
        return fail("repeated_ngram", part=where, times=loops.run)
    if loops.size >= limits.ratio_from and loops.different <= VARIED * loops.size:
        data = clean(text).encode()
        if (ratio := len(data) / len(zlib.compress(data))) > limits.ratio:
            return fail("compressible", part=where, ratio=round(ratio, 2))
    return PASS
