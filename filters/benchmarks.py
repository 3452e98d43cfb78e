"""The pinned manifest of benchmarks: which sets, at which revision, with which content, may never be trained on."""

import hashlib
import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from filters.text import clean
from storage.ids import canonical_json, digest
from synth.problems.base import Problem


@dataclass(frozen=True, slots=True)
class Item:
    """One benchmark item, as the index wants it.

    Attributes:
        benchmark: Name of the benchmark.
        item: Id of the problem.
        task: Kind of problem.
        prompt: The question.
        solution: The worked solution; None when there is none.
        structure_id: Canonical structure; None when only the prompt is known.
    """

    benchmark: str
    item: str
    task: str
    prompt: str
    solution: str | None = None
    structure_id: str | None = None


@dataclass(frozen=True)
class Benchmark:
    """One set at one revision.

    Attributes:
        name: Its name, for example `gsm8k`.
        revision: Revision it was fetched at, or a release.
        split: Its split, for example `test`.
        problems: Its items.
    """

    name: str
    revision: str
    split: str
    problems: Sequence[Problem]

    @property
    def sha256(self) -> str:
        """SHA-256 of the content: task, prompt, gold answer and solution of each item, sorted."""
        lines = sorted(
            canonical_json([p.task, clean(p.prompt), clean(p.gold), clean(p.solution or "")]) for p in self.problems
        )
        return hashlib.sha256("\n".join(lines).encode()).hexdigest()

    def entry(self) -> dict[str, Any]:
        """Return what the pin says about it: name, revision, split, rows, sha256."""
        return {
            "name": self.name,
            "revision": self.revision,
            "split": self.split,
            "rows": len(self.problems),
            "sha256": self.sha256,
        }


class BenchmarkManifest:
    """Every benchmark that is looked for. It never changes; a grown manifest is a new one.

    Args:
        benchmarks: The sets. Their files are opened by the caller (through `synth.problems`).

    Raises:
        ValueError: Two sets have the same name and split.
    """

    def __init__(self, benchmarks: Iterable[Benchmark]) -> None:
        self.benchmarks = tuple(sorted(benchmarks, key=lambda item: (item.name, item.split)))
        names = [f"{item.name}/{item.split}" for item in self.benchmarks]
        if repeated := next((name for name in names if names.count(name) > 1), None):
            raise ValueError(f"benchmark {repeated} is in the manifest twice; give each set a name of its own")
        self._entries = [item.entry() for item in self.benchmarks]

    @property
    def digest(self) -> str:
        """Identity of the manifest: changes when any set, revision or content does."""
        return digest("benchmarks", self._entries)

    def to_json(self) -> str:
        """Return the pin: the entries with their content hashes, without the items."""
        return json.dumps({"benchmarks": self._entries, "digest": self.digest}, sort_keys=True)

    def items(self) -> Iterator[Item]:
        """Return the items of every set, in a stable order."""
        for benchmark in self.benchmarks:
            name = f"{benchmark.name}/{benchmark.split}"
            for problem in benchmark.problems:
                yield Item(name, problem.id, problem.task, problem.prompt, problem.solution, problem.structure_id)


def heldout_items(prompts: Iterable[str]) -> list[Item]:
    """Return the problems of our own evaluation sets as items, in a stable order."""
    return [Item("heldout", f"heldout-{number}", "", prompt) for number, prompt in enumerate(sorted(prompts))]
