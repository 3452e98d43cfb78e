"""Multistage filtering: rows of low loss are not learned from, and later those that will have one are not even looked at."""

import math
from collections import deque
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from train_stages.selectors.base import Selector, Stream


class Multistage(Selector):
    """Learn from the rows whose loss is at least a threshold, found while the first rows are all learned from.

    1. At first every row is learned from; the threshold is the mean loss of the last `window` rows of this part.
    2. Then every row is looked at, and a naive Bayes classifier learns to tell by its tokens whether it has more than that.
    3. Once the classifier's loss is small, only what it takes for hard is looked at; the classifier goes on learning from that.

    Noise has a high loss too: filter it out before. The steps are those of the released code; rows wait in a queue until a whole
    batch is there, in the third part too, where the code takes a step for each.
    """

    name: ClassVar[str] = "multistage"
    paper: ClassVar[str] = "arXiv:2207.14386"
    neutral: ClassVar[Mapping[str, Any] | None] = {"first": 1.0}

    first: float = Field(
        default=0.1,
        gt=0,
        le=1,
        description="Share of the stream that is learned from whole; an argument of the code, ours.",
    )
    window: int = Field(
        default=128, ge=1, description="Rows whose mean loss is the threshold; the code's, 16 batches of 8."
    )
    confident: float = Field(
        default=0.55,
        gt=0,
        description="Mean loss of the classifier, in nats, from which on it decides; an argument of the code, ours.",
    )
    watched: int = Field(
        default=50, ge=1, description="Rows over which that mean is taken; an argument of the code, ours."
    )
    words: int = Field(
        default=4096,
        ge=2,
        description="Features that the tokens of a row are mapped to, by remainder; the code has one for each token.",
    )

    def begin(self, rows: int, seed: int) -> Stream:
        """Begin a stream in its first part."""
        return Stages(self, math.ceil(self.first * rows))


class Stages(Stream):
    """The state of a stream: threshold, classifier, and which part it is in.

    Args:
        settings: Those of the selector.
        first: Rows of the first part.
    """

    def __init__(self, settings: Multistage, first: int) -> None:
        self._settings, self._first = settings, first
        self._losses: deque[float] = deque(maxlen=settings.window)
        self._doubts: deque[float] = deque(maxlen=settings.watched)
        self._classifier = NaiveBayes(settings.words)
        self.seen = 0
        self.threshold: float | None = None
        self.decides = False

    def looks(self, rows: Sequence[Sequence[int]]) -> list[bool]:
        """Look at all, but in the third part only at what the classifier takes for hard."""
        if not self.decides:
            return [True] * len(rows)
        self.seen += len(rows)
        return [self._classifier.chance(self._features(row)) >= 0.5 for row in rows]

    def learns(self, rows: Sequence[Sequence[int]], losses: Sequence[float]) -> list[bool]:
        """Learn from all in the first part, then from what has at least the threshold's loss."""
        learned = []
        for row, loss in zip(rows, losses, strict=True):
            if not self.decides:
                self.seen += 1
            learned.append(self._learns(row, loss))
        return learned

    def _learns(self, row: Sequence[int], loss: float) -> bool:
        if self.threshold is None and self.seen <= self._first:
            self._losses.append(loss)
            return True
        if self.threshold is None:
            self.threshold = sum(self._losses) / len(self._losses)
        hard, features = loss > self.threshold, self._features(row)
        self._doubts.append(
            self._classifier.doubt(features, hard)
        )  # the code: after it has learned the row, when noise looks known
        self._classifier.learn(features, hard)
        whole = len(self._doubts) == self._settings.watched
        if whole and sum(self._doubts) / len(self._doubts) <= self._settings.confident:
            self.decides = True
        return loss >= self.threshold

    def _features(self, row: Sequence[int]) -> NDArray[np.int64]:
        """Numbers of the features that a row has."""
        return np.unique(np.asarray(row, np.int64) % self._settings.words)

    def state(self) -> dict[str, Any]:
        """Return all of it."""
        return {
            "seen": self.seen,
            "threshold": self.threshold,
            "decides": self.decides,
            "losses": list(self._losses),
            "doubts": list(self._doubts),
            "classifier": self._classifier.state(),
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on from a state."""
        self.seen, self.threshold, self.decides = state["seen"], state["threshold"], state["decides"]
        self._losses.extend(state["losses"])
        self._doubts.extend(state["doubts"])
        self._classifier.restore(state["classifier"])

    def figures(self) -> dict[str, float]:
        """Return the threshold, and the classifier's mean loss over the rows that are watched."""
        doubts = {"classifier_loss": sum(self._doubts) / len(self._doubts)} if self._doubts else {}
        return {**doubts, **({} if self.threshold is None else {"threshold": self.threshold})}


class NaiveBayes:
    """Bernoulli naive Bayes of two classes, learned row by row, with one added to every count.

    Features that no row had yet say nothing. (The code counts that they are absent too: with thousands of them the larger class
    then wins, whatever a row has.)

    Args:
        features: How many there are.
    """

    def __init__(self, features: int) -> None:
        self._with = np.zeros((2, features))
        self._rows = np.zeros(2)

    def learn(self, features: NDArray[np.int64], hard: bool) -> None:
        """Count a row, given by the numbers of the features that it has."""
        self._with[int(hard), features] += 1
        self._rows[int(hard)] += 1

    def chance(self, features: NDArray[np.int64]) -> float:
        """Return the probability that a row is hard; a half before anything was learned."""
        return float(np.exp(self._log_chances(features)[1]))

    def doubt(self, features: NDArray[np.int64], hard: bool) -> float:
        """Return the negative log-probability of what a row is."""
        return -float(self._log_chances(features)[int(hard)])

    def _log_chances(self, features: NDArray[np.int64]) -> NDArray[np.float64]:
        prior = np.log((self._rows + 1) / (self._rows.sum() + 2))
        share = (self._with + 1) / (self._rows[:, None] + 2)
        seen: NDArray[np.bool_] = self._with.sum(0) > 0
        features = features[seen[features]]
        absent = np.log1p(-share[:, seen]).sum(1)
        joint = prior + absent + (np.log(share[:, features]) - np.log1p(-share[:, features])).sum(1)
        made: NDArray[np.float64] = joint - np.logaddexp(*joint)
        return made

    def state(self) -> dict[str, Any]:
        """Return the counts, those that are not zero."""
        return {
            "rows": self._rows.tolist(),
            "with": [{str(n): float(row[n]) for n in np.flatnonzero(row)} for row in self._with],
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Take over counts."""
        self._rows = np.array(state["rows"], float)
        for number, counts in enumerate(state["with"]):
            for feature, count in counts.items():
                self._with[number, int(feature)] = count
