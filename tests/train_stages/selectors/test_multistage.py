"""Multistage filtering: threshold and classifier by hand, what is skipped, and what is found where nothing is planted."""

import math

import numpy as np
import pyarrow as pa
import pytest

from train_stages.config import SftConfig
from train_stages.selectors.multistage import Multistage, NaiveBayes
from train_stages.stages.sft import sft


def test_the_threshold_is_the_mean_loss_of_the_last_rows_of_the_first_part():
    stream = Multistage(first=0.5, window=3).begin(10, 0)
    rows, losses = [[1]] * 5, [9.0, 9.0, 1.0, 2.0, 6.0]
    assert stream.looks(rows) == [True] * 5 and stream.learns(rows, losses) == [True] * 5
    assert stream.learns([[1], [2], [3]], [2.9, 3.0, 3.1]) == [False, True, True]
    assert stream.threshold == (1.0 + 2.0 + 6.0) / 3
    assert stream.learns([[4]], [100.0]) == [True] and stream.threshold == 3.0, "frozen"


def bayes(rows, labels, row):
    """The probability that a row is hard, term by term: one is added to each count."""
    joint = []
    for label in (False, True):
        same = [other for other, known in zip(rows, labels, strict=True) if known == label]
        value = (len(same) + 1) / (len(rows) + 2)
        for feature, here in enumerate(row):
            share = (sum(other[feature] for other in same) + 1) / (len(same) + 2)
            value *= share if here else 1 - share
        joint.append(value)
    return joint[1] / sum(joint)


def test_the_classifier_is_bernoulli_naive_bayes():
    rng = np.random.default_rng(1)
    rows, hard = (rng.random((80, 12)) < 0.4).astype(int), (rng.random(80) < 0.3).tolist()
    ours = NaiveBayes(12)
    assert ours.chance(np.array([1, 2])) == 0.5
    for row, label in zip(rows, hard, strict=True):
        ours.learn(np.flatnonzero(row), label)
    for row in rows[:20]:
        expected, features = bayes(rows.tolist(), hard, row), np.flatnonzero(row)
        assert ours.chance(features) == pytest.approx(expected, abs=1e-12)
        assert ours.doubt(features, False) == pytest.approx(-math.log(1 - expected), abs=1e-9)


def selected(stream, rows, losses):
    """Numbers of the rows that are looked at, and of those learned from, one at a time."""
    looked_at, learned = [], []
    for number, (row, loss) in enumerate(zip(rows, losses, strict=True)):
        if stream.looks([row]) == [True]:
            looked_at.append(number)
            learned += [number] if stream.learns([row], [loss]) == [True] else []
    return looked_at, learned


def stream_of(planted):
    """Half of the rows have a high loss; `planted` lets their tokens tell which."""
    rng = np.random.default_rng(2)
    hard = rng.random(600) < 0.5
    told = hard if planted else rng.random(600) < 0.5
    rows = [[100 + int(tells), *rng.integers(0, 50, size=4).tolist()] for tells in told]
    return hard, rows, [2.0 if high else 0.1 for high in hard]


def test_what_tokens_tell_is_not_looked_at_and_what_they_do_not_tell_is():
    settings = Multistage(first=0.1, window=32, watched=30, confident=0.3)
    hard, rows, losses = stream_of(planted=True)
    looked_at, learned = selected(settings.begin(600, 0), rows, losses)
    late = [number for number in looked_at if number > 300]
    assert set(learned) >= set(np.flatnonzero(hard)) and all(hard[number] for number in learned if number >= 60)
    assert late and all(hard[number] for number in late), "once it decides, easy rows are not even looked at"
    hard, rows, losses = stream_of(planted=False)
    stream = settings.begin(600, 0)
    looked_at, learned = selected(stream, rows, losses)
    assert looked_at == list(range(600)) and not stream.decides, "nothing to go by: all are looked at"
    assert {number for number in learned if number >= 60} == {n for n in range(60, 600) if hard[n]}


@pytest.mark.slow
def test_rows_that_were_learned_are_skipped_in_training(base, rows, tmp_path):
    """One row again and again among different ones: once it is known, it is not learned from any more."""
    easy, hard = rows["messages"].to_pylist()[0], rows["messages"].to_pylist()[1:41]
    chats = [chat for other in hard for chat in (easy, other)]
    config = SftConfig(
        select={"kind": "multistage", "first": 0.3, "window": 16}, order="random", batch_tokens=200, learning_rate=0.01,
        device="cpu", max_length=128, epochs=2,
    )  # fmt: skip
    result = sft(base, pa.table({"messages": chats}), tmp_path / "out", config)
    figures = result.metrics
    assert figures["rows_seen"] == 160 and figures["rows_learned"] < figures["rows_seen"] * 0.8
    assert figures["rows_learned"] <= figures["rows_looked_at"] <= figures["rows_seen"]
    assert result.tokens == figures["tokens_learned"] < figures["tokens_looked_at"] and figures["threshold"] > 0
