"""Whether a text runs in circles: the usual way in which a model's answer goes wrong when it does not stop."""

import zlib
from collections import Counter
from collections.abc import Mapping

from pydantic import Field

from filters.base import PASS, Context, Finding, Options, fail, row_filter
from filters.rows import Row
from filters.text import clean, fold, ngrams


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


@row_filter("repetition", version="1", options=RepetitionOptions)
def repetition(row: Row, context: Context, options: RepetitionOptions) -> Finding:
    """What is learned does not run in circles."""
    limits = options.limits.get(row.task, options.default)
    parts = {"learned": row.learned, "rejected": row.rejected or "", "text": row.text or ""}
    for where, text in parts.items():
        finding = _judge(text, limits, where) if text else PASS
        if finding is not PASS:
            return finding
    return PASS


def _judge(text: str, limits: Circles, where: str) -> Finding:
    lines = [folded for line in text.splitlines() if (folded := fold(line))]
    if (stuck := _longest_run(lines)) >= limits.lines_in_a_row:
        return fail("repeated_line", part=where, times=stuck)
    frequent = Counter(line for line in lines if line.count(" ") >= 2)
    if frequent and (times := max(frequent.values())) >= limits.lines:
        return fail("repeated_line", part=where, times=times)
    words = fold(text).split(" ")
    runs = Counter(ngrams(words, limits.ngram))
    if runs and (times := max(runs.values())) >= limits.times:
        return fail("repeated_ngram", part=where, times=times)
    data = clean(text).encode()
    if len(data) >= limits.ratio_from and (ratio := len(data) / len(zlib.compress(data))) > limits.ratio:
        return fail("compressible", part=where, ratio=round(ratio, 2))
    return PASS


def _longest_run(lines: list[str]) -> int:
    longest = run = 0
    for before, line in zip([None, *lines], lines, strict=False):
        run = run + 1 if line == before else 1
        longest = max(longest, run)
    return longest
