"""Which problems and plain texts hold a benchmark item: decontamination for what no method has written about."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import pyarrow as pa

from filters import get_filter
from filters.benchmarks import BenchmarkManifest
from filters.night.evaluation_sets import evaluation_context
from storage.lake.lake import Lake
from synth.problems.base import Problem

_BATCH = 20_000


class Screening:
    """Looks for the benchmarks and our own held-out problems in problems and in plain texts.

    Args:
        lake: The lake, which has the held-out problems.
        manifest: The benchmarks.
        options: Options of the filter `decontamination`, as the recipe gives them.
    """

    def __init__(self, lake: Lake, manifest: BenchmarkManifest, options: Mapping[str, Any] | None = None) -> None:
        self._judge = get_filter("decontamination", options)
        self._evaluation_context = evaluation_context(lake, manifest)

    def clean_problems(self, problems: Sequence[Problem]) -> list[Problem]:
        """Return the problems that hold no item, in their order."""
        by_id = {problem.id: problem for problem in problems}
        rows = [
            {
                "sample_id": problem.id,
                "problem_id": problem.id,
                "kind": "prompt",
                "task": problem.task,
                "messages": [{"role": "user", "content": problem.prompt}],
            }
            for problem in by_id.values()
        ]
        hits = self._hits(rows, by_id)
        return [problem for problem in problems if problem.id not in hits]

    def clean_texts(self, texts: Sequence[str]) -> list[str]:
        """Return the texts that hold no item, in their order."""
        rows = [{"sample_id": str(number), "kind": "text", "text": text} for number, text in enumerate(texts)]
        hits = self._hits(rows, {})
        return [text for number, text in enumerate(texts) if str(number) not in hits]

    def _hits(self, rows: Sequence[Mapping[str, Any]], problems: Mapping[str, Problem]) -> set[str]:
        context = replace(self._evaluation_context, problems=problems)
        hits: set[str] = set()
        for start in range(0, len(rows), _BATCH):
            verdicts = self._judge(pa.Table.from_pylist([dict(row) for row in rows[start : start + _BATCH]]), context)
            hits |= {row["sample_id"] for row in verdicts.to_pylist() if row["outcome"] == "fail"}
        return hits
