"""A result that several seeds make: kept seed by seed, so that a run that broke off goes on, and seeds may run side by side."""

import json
import statistics
import sys
from collections.abc import Callable, Sequence
from typing import Any

from benchmarks.shared.results import amend, circumstances, last

Figures = dict[str, Any]


def interval(values: Sequence[float]) -> list[float]:
    """The 95 % interval of their mean by Student's t; empty for a single value."""
    from scipy.stats import t

    if len(values) < 2:
        return []
    half = float(t.ppf(0.975, len(values) - 1)) * statistics.stdev(values) / len(values) ** 0.5
    return [round(statistics.fmean(values) - half, 4), round(statistics.fmean(values) + half, 4)]


def mean(values: Sequence[float]) -> list[float]:
    """Their mean, and its interval after it."""
    return [round(statistics.fmean(values), 4), *interval(values)]


class Seeds:
    """What a benchmark keeps: its settings, what its rates were chosen by, a summary, and each seed's figures.

    Args:
        name: The benchmark's.
        settings: What the figures stand on; figures of other settings are dropped.
        summary: Makes the summary from the figures of all seeds, at least one.
    """

    def __init__(self, name: str, settings: Figures, summary: Callable[[Sequence[Figures]], Figures]) -> None:
        self.name, self.settings, self.summary = name, settings, summary

    def tuned(self, tune: Callable[[], Figures]) -> dict[str, float]:
        """The rates that were chosen at these settings; `tune` returns them under `rates`, with what they were chosen by."""
        kept = last(self.name)
        if kept.get("settings") != self.settings or "tuning" not in kept:
            tuning = {**tune(), **circumstances()}
            kept = amend(self.name, lambda old: {"settings": self.settings, **self._same(old), "tuning": tuning})
        return dict(kept["tuning"]["rates"])

    def add(self, seed: int, figures: Figures) -> None:
        """Keep a seed's figures, and the summary with it."""
        print(json.dumps(figures), file=sys.stderr, flush=True)

        def changed(old: Figures) -> Figures:
            old = self._same(old)
            by_seed = {**old.get("by_seed", {}), str(seed): {**figures, **circumstances()}}
            by_seed = dict(sorted(by_seed.items(), key=lambda item: int(item[0])))
            tuning = {"tuning": old["tuning"]} if "tuning" in old else {}
            kept = {"toy": True, "seeds": len(by_seed), "settings": self.settings, **tuning, "by_seed": by_seed}
            return {**self.summary(list(by_seed.values())), **kept}

        amend(self.name, changed)

    def _same(self, old: Figures) -> Figures:
        return old if old.get("settings") == self.settings else {}
