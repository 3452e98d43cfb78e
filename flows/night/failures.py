"""The failure budget: some attempts may fail and the night goes on; when too many do, it stops early and says why."""

from collections import Counter

import pyarrow as pa

from storage.errors import BudgetError

LEAST = 50
"""Attempts (or all, when a night has fewer) that must have ended before their share of failures is looked at."""

_EXAMPLE = 160


class Failures:
    """Counts the attempts that ended since this start of the night.

    Attempts that a budget of calls, tokens, money or time stopped are no failures: the recipe asked for that.

    Args:
        share: Share of the attempts that may fail; None means all of them.
        planned: Attempts that were open at the start.
    """

    def __init__(self, share: float | None, planned: int) -> None:
        self._share = share
        self._planned = planned
        self._ended = 0
        self._reasons: Counter[tuple[str, str]] = Counter()
        self._examples: dict[tuple[str, str], str] = {}

    def count(self, attempts: pa.Table) -> None:
        """Count attempts that ended (`method`, `status`, `reason`, `detail`)."""
        for row in attempts.select(["method", "status", "reason", "detail"]).to_pylist():
            if row["reason"] == "budget":
                continue
            self._ended += 1
            if row["status"] == "failed":
                kind = (row["method"], row["reason"])
                self._reasons[kind] += 1
                self._examples.setdefault(kind, row["detail"] or "")

    @property
    def failed(self) -> int:
        """How many failed."""
        return self._reasons.total()

    def sentence(self) -> str | None:
        """Say what failed; None when nothing did."""
        if not self.failed:
            return None
        bound = "" if self._share is None else f", within budget.failures of {self._share:.0%}"
        return f"{self._figures()} failed{bound}: {self._causes()}"

    def check(self) -> None:
        """Return while the budget holds.

        Raises:
            BudgetError: Too many failed; the message names the cause and what to do next.
        """
        if self._share is None or self._ended < min(LEAST, self._planned) or self.failed <= self._share * self._ended:
            return
        (kind, _), *_ = self._reasons.most_common(1)
        example = " ".join(self._examples[kind].split())[:_EXAMPLE]
        raise BudgetError(
            f"the night stopped early: {self._figures()} failed, more than budget.failures of {self._share:.0%}. "
            f"Causes: {self._causes()}; for example {example!r}. What was made is kept, and the failed attempts stay failed. "
            f"Mend the cause and run the same command again: it goes on with what is still open. "
            f"To go on regardless: --set budget.failures=1 --repin"
        )

    def _figures(self) -> str:
        return f"{self.failed:,} of {self._ended:,} attempts ({self.failed / self._ended:.1%})"

    def _causes(self) -> str:
        return ", ".join(f"{method} {reason} {count:,}" for (method, reason), count in self._reasons.most_common(3))
