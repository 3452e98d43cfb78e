"""Wrong answers beside a right one, to find out what a scorer takes."""

import re
from collections.abc import Callable

NOTHING = ("0", "None", "?")
"""Answers that say nothing; right nowhere but where they are the gold answer itself."""
_NUMBER = re.compile(r"\d+")


def _next_number(gold: str) -> str:
    return _NUMBER.sub(lambda match: str(int(match[0]) + 1), gold, count=1)


PROBES: dict[str, Callable[[str], str]] = {
    "more behind it": lambda gold: f"{gold} 1",
    "the answer twice": lambda gold: f"{gold}{gold}",
    "a letter before it": lambda gold: f"x{gold}",
    "a number one higher": _next_number,
    "a number a little higher": lambda gold: _NUMBER.sub(lambda match: f"{match[0]}.004", gold, count=1)
    if "." not in gold else gold,
    "a last digit less": lambda gold: gold[:-1] if re.search(r"\.\d+\d$", gold) and gold[-1] != "0" else gold,
}  # fmt: skip
"""What may be done to a gold answer so that it is none any more, by what it is called in the table."""


def plainly_zero(gold: str) -> bool:
    """Whether a gold answer is the number zero, in whatever form."""
    try:
        return float(gold) == 0
    except ValueError:
        return False
