"""Every question that was asked before: the problems of earlier nights, and the questions that methods wrote for accepted rows.

It stands in an index beside the lake like the history of rows (`filters.duplicates.history`), and grows with each night's commits
alone. An entry is a problem (its id) or a row (its sample id).
"""

from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from filters.duplicates.banding import Keys, band_keys
from filters.duplicates.first_wins import SLACK
from filters.duplicates.sketch import SCHEME, SLOTS, jaccard
from filters.duplicates.sketches import Sketches, sketch_texts
from storage.history.index import HistoryIndex
from storage.history.run import Entries, Run
from storage.lake.lake import Lake

CAP = 256
"""Most questions of one bucket that are looked at."""
_GROUP = "question"


class QuestionIndex(HistoryIndex):
    """The index of questions."""

    kinds = ("plan", "curate")

    def __init__(self, lake: Lake) -> None:
        super().__init__(lake, f"questions-{SCHEME}")

    def _entries(self, commits: Sequence[dict[str, Any]]) -> Entries | None:
        ids = [[commit["commit_id"] for commit in commits]]
        rows = self._lake.rows(
            "select problem_id as id, night, prompt as question from problems "
            "where commit_id in (select unnest(?::varchar[])) order by 1",
            ids,
        ) + self._lake.rows(
            "select s.sample_id as id, s.night, s.notes->>'$.question.text' as question "
            "from signatures g join samples s using (sample_id) "
            "where g.commit_id in (select unnest(?::varchar[])) and (s.notes->>'$.question.text') is not null order by 1",
            ids,
        )
        first = {row["id"]: row for row in reversed(rows)}
        return entries_of(list(first.values())) if first else None


def open_questions(lake: Lake) -> QuestionIndex:
    """Open the index of questions, with everything in it that has been committed."""
    index = QuestionIndex(lake)
    index.refresh()
    return index


def entries_of(rows: Sequence[Mapping[str, Any]]) -> Entries:
    """Turn questions (`id`, `night`, `question`) into entries: both halves of each are the question."""
    sketches = sketch_texts([row["question"] for row in rows])
    sets = [sketches.of(part) for part in range(len(rows))]
    doubled = [hashes for one in sets for hashes in (one, one)]
    return Entries(
        [row["id"] for row in rows],
        [row["night"] or "" for row in rows],
        np.zeros((len(rows), 2), np.uint64),
        keys_of(sketches),
        np.hstack([sketches.slots, sketches.slots]),
        [np.zeros(0, np.uint32), *doubled],
        np.cumsum([len(hashes) for hashes in doubled], dtype=np.uint64),
    )


def keys_of(sketches: Sketches) -> Keys:
    """Return the band keys of questions."""
    return band_keys(sketches.slots, [_GROUP] * len(sketches.slots))


@dataclass(frozen=True, slots=True)
class Neighbour:
    """A question that was asked before.

    Attributes:
        id: Id of the problem, or of the row that asked it.
        night: The night that asked it first.
        similarity: Jaccard similarity of the sets of five words in a row.
    """

    id: str
    night: str | None
    similarity: float


def nearest_question(
    runs: Sequence[Run], questions: Sequence[str], own: Sequence[str], tonight: Container[str], *, threshold: float
) -> list[Neighbour | None]:
    """Return the most similar question of history for each question, None where none reaches the threshold.

    Args:
        runs: History.
        questions: What is asked tonight.
        own: Of each the problem that it was made from, which it may resemble.
        tonight: Ids of the rows that ask them, which count for nothing.
        threshold: Similarity from which on a question is not new.
    """
    best: list[Neighbour | None] = [None] * len(questions)
    if not questions:
        return best
    sketches = sketch_texts(list(questions))
    keys = keys_of(sketches)
    for run in runs:
        queries, rows, _ = run.candidates(keys, CAP)
        alike = np.zeros(len(rows))
        for part, old in run.slots(rows):
            alike[part] = (old[:, :SLOTS] == sketches.slots[queries[part]]).mean(axis=1)
        kept = np.flatnonzero(alike >= threshold - SLACK)
        for index, sets in zip(kept.tolist(), run.sets(rows[kept].tolist()), strict=True):
            query, identity = int(queries[index]), run.id(int(rows[index]))
            similarity = round(float(alike[index]) if sets is None else jaccard(sketches.of(query), sets[0]), 4)
            before = best[query]
            if similarity < threshold or identity == own[query] or identity in tonight:
                continue
            if before is None or (-similarity, identity) < (-before.similarity, before.id):
                best[query] = Neighbour(identity, run.night(int(rows[index])), similarity)
    return best
