"""An index over the signatures of every row ever accepted, beside the lake: looked into without being loaded.

    index/<scheme>/run-<first>-<last>/   rows of the commits first..last, immutable (see `storage.history.run`)

It holds nothing that the lake does not: a lost or damaged one is made again.
"""

import json
import shutil
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any

import pyarrow as pa

from storage.atomic import atomic_folder
from storage.history.merging import merge_runs
from storage.history.run import Entries, Run, write_run
from storage.ids import digest
from storage.lake.lake import Lake

GROWTH = 2
"""A run has more than so many times the rows of the one after it; else the two become one. So a row is written again as often as
history has grown by half, and a look-up meets one or two large runs whatever there is."""

_BATCH = 50_000  # rows of one run while the index is made again; their texts are in memory meanwhile

Reader = Callable[[pa.Table, pa.Table, Sequence[dict[str, Any]]], Entries]
"""Turns rows of the lake's `signatures` (with a column `night`), their `samples` in the same order, and the `problems` that
these are about into entries."""


class HistoryIndex:
    """The runs of one scheme.

    Args:
        lake: The lake; the index stands in `index/` of its workspace.
        scheme: How signatures are made. Rows of another scheme are not indexed.
        read: Turns rows of the lake into entries.

    Attributes:
        kinds: Kinds of commits that bring rows.
        folder: Where the runs lie, a folder each.
        runs: The runs, oldest first.
        left_out: Rows of other schemes that the last refresh met.
    """

    kinds: tuple[str, ...] = ("curate",)

    def __init__(self, lake: Lake, scheme: str, read: Reader | None = None) -> None:
        self.runs: list[Run] = []
        self.left_out = 0
        self._lake = lake
        self._scheme = scheme
        self._read = read
        self.folder = lake.workspace.root / "index" / digest("history index 2", scheme, length=12)

    def refresh(self) -> None:
        """Index what was committed since, and merge small runs; make everything again when something is damaged."""
        with self._lake.workspace.lock("history-index"):
            self.folder.mkdir(parents=True, exist_ok=True)
            try:
                names = self._names()
                self._check(names)
                self.runs = [Run.open(self.folder / name) for _, _, name in names]
            except ValueError:
                shutil.rmtree(self.folder)
                self.folder.mkdir(parents=True)
                names, self.runs = [], []
            self.left_out = 0
            self._append(names[-1][1] if names else 0)
            self._merge()

    def _names(self) -> list[tuple[int, int, str]]:
        runs = []
        for folder in self.folder.iterdir():
            parts = folder.name.split("-")
            if parts[0] == "run" and (folder / "run.json").exists():
                runs.append((int(parts[1]), int(parts[2]), folder.name))
            else:
                shutil.rmtree(folder)  # of a process that died while it wrote
        runs.sort(key=lambda item: (item[0], -item[1]))
        kept: list[tuple[int, int, str]] = []
        for item in runs:  # a merged run makes those inside it superfluous
            if kept and item[1] <= kept[-1][1]:
                shutil.rmtree(self.folder / item[2])
            else:
                kept.append(item)
        return kept

    def _check(self, names: Sequence[tuple[int, int, str]]) -> None:
        """Raise ValueError unless the runs follow each other and end with a commit that the lake still has."""
        for (_, before, _), (first, _, name) in zip([(0, 0, ""), *names], names, strict=False):
            if first != before + 1:
                raise ValueError(f"commits before {name} are missing")
        if names:
            last = json.loads((self.folder / names[-1][2] / "run.json").read_text()).get("commit")
            if not self._lake.query(
                "select 1 from commits where seq = ? and commit_id = ?", [names[-1][1], last]
            ).num_rows:
                raise ValueError("the lake is another one")

    def _append(self, done: int) -> None:
        commits = self._lake.rows(
            "select commit_id, seq, night, kind, rows from commits where seq > ? order by seq", [done]
        )
        batch: list[dict[str, Any]] = []
        for index, commit in enumerate(commits):
            batch.append(commit)
            rows = sum(item["rows"] for item in batch if item["kind"] in self.kinds)
            if rows >= _BATCH or index == len(commits) - 1:
                self._add(batch, done + 1)
                done, batch = commit["seq"], []

    def _add(self, commits: Sequence[dict[str, Any]], first: int) -> None:
        entries = self._entries([commit for commit in commits if commit["kind"] in self.kinds])
        if entries is not None:
            last = commits[-1]
            self.runs.append(self._write(entries, first, last["seq"], last["commit_id"]))

    def _entries(self, commits: Sequence[dict[str, Any]]) -> Entries | None:
        """Read what commits of the index's kinds brought; None where they brought nothing."""
        nights = {commit["commit_id"]: commit["night"] or "" for commit in commits}
        if not nights or self._read is None:
            return None
        table = self._lake.query(
            "select * from signatures where commit_id in (select unnest(?::varchar[])) order by sample_id",
            [list(nights)],
        )
        same = [scheme == self._scheme for scheme in table["scheme"].to_pylist()]
        self.left_out += len(same) - sum(same)
        table = table.filter(pa.array(same, pa.bool_()))
        if not table.num_rows:
            return None
        table = table.append_column(
            "night", pa.array([nights[commit] for commit in table["commit_id"].to_pylist()], pa.string())
        )
        return self._read(*self._with_texts(table, sorted(set(nights.values()))))

    def _with_texts(
        self, table: pa.Table, nights: Sequence[str]
    ) -> tuple[pa.Table, pa.Table, Sequence[dict[str, Any]]]:
        """Fetch the texts behind signatures; a row that the lake has no longer is left out."""
        samples = self._lake.query(
            "select * from samples where night in (select unnest(?::varchar[])) and sample_id in (select unnest(?::varchar[])) "
            "qualify row_number() over (partition by sample_id) = 1 order by sample_id",
            [nights, table["sample_id"].to_pylist()],
        )
        problems = self._lake.rows(
            "select * from problems where problem_id in (select distinct unnest(?::varchar[]))",
            [[identity for identity in samples["problem_id"].to_pylist() if identity]],
        )
        there = set(samples["sample_id"].to_pylist())
        table = table.filter(pa.array([identity in there for identity in table["sample_id"].to_pylist()], pa.bool_()))
        return table, samples, problems

    def _merge(self) -> None:
        while (at := next_merge([run.rows for run in self.runs])) is not None:
            names = self._names()
            commit = json.loads((self.folder / names[at + 1][2] / "run.json").read_text())["commit"]
            folder = self.folder / f"run-{names[at][0]}-{names[at + 1][1]}"
            with atomic_folder(folder) as making:
                merge_runs(self.runs[at], self.runs[at + 1], making, commit=commit, scheme=self._scheme)
            self.runs[at : at + 2] = [Run.open(folder)]
            for _, _, name in names[at : at + 2]:
                shutil.rmtree(self.folder / name)

    def _write(self, entries: Entries, first: int, last: int, commit: str) -> Run:
        folder = self.folder / f"run-{first}-{last}"
        with atomic_folder(folder) as making:
            write_run(entries, making, commit=commit, scheme=self._scheme)
        return Run.open(folder)


def next_merge(rows: Sequence[int]) -> int | None:
    """Return the number of the run that is to become one with the one after it; None where each is large enough.

    Args:
        rows: Rows of the runs, the oldest first.
    """
    pairs = enumerate(pairwise(rows))
    return max((at for at, (older, newer) in pairs if older <= GROWTH * newer), default=None)
