import random

import numpy as np
import pytest

from filters import compiled
from filters.duplicates.banding import band_keys
from filters.duplicates.first_wins import first_wins, keep_first
from filters.duplicates.sketch import jaccard
from filters.duplicates.sketches import sketch_parts, sketch_texts


def documents(count, seed=5):
    """Texts with one to four relatives each, a few words apart."""
    rng = random.Random(seed)
    vocabulary = [f"{a}{b}{c}" for a in "bcdfg" for b in "aeiou" for c in "lmnrst"]
    texts = []
    while len(texts) < count:
        words = rng.choices(vocabulary, k=rng.randrange(20, 120))
        for _ in range(rng.randrange(1, 5)):
            texts.append(" ".join(words))
            for _ in range(rng.randrange(1, 4)):
                words[rng.randrange(len(words))] = rng.choice(vocabulary)
    rng.shuffle(texts)
    return texts[:count]


def greedy(sketches, threshold):
    """Every pair, exactly."""
    sets = [sketches.of(index) for index in range(len(sketches.slots))]
    kept, keep = [], []
    for shingles in sets:
        good = all(jaccard(shingles, sets[other]) < threshold for other in kept)
        if good:
            kept.append(len(keep))
        keep.append(good)
    return keep


@pytest.fixture(params=["compiled", "python"])
def path(request, monkeypatch):
    if request.param == "python":
        monkeypatch.setenv("NIGHTSCHOOL_NUMBA", "0")
    elif not compiled.enabled():
        pytest.skip("numba is not installed")


@pytest.mark.slow
@pytest.mark.parametrize("threshold", [0.7, 0.8, 0.9])
def test_against_every_pair(path, threshold):
    sketches = sketch_texts(documents(600))
    expected = greedy(sketches, threshold)
    assert 20 < expected.count(False) < 550
    assert keep_first(sketches, threshold=threshold).tolist() == expected


@pytest.mark.slow
def test_both_paths_say_the_same(monkeypatch):
    pytest.importorskip("numba")
    texts = documents(400)
    parts = [[("", part)] for text in texts for part in (text[: len(text) // 3], text)]
    sketches = sketch_parts(parts, [0, 1] * len(texts))
    keys = band_keys(sketches.whole, ["a", "b"] * 200)
    rng = np.random.default_rng(0)
    may, skip = (rng.random(400) < 0.9).astype(np.uint8), (rng.random(400) < 0.1).astype(np.uint8)
    for cap in (256, 2):
        fast = first_wins(sketches, keys, may, skip, threshold=0.7, cap=cap)
        with monkeypatch.context() as patch:
            patch.setenv("NIGHTSCHOOL_NUMBA", "0")
            slow = first_wins(sketches, keys, may, skip, threshold=0.7, cap=cap)
        assert np.array_equal(fast.kept, slow.kept)
        assert np.array_equal(fast.similarity[fast.kept >= 0], slow.similarity[slow.kept >= 0])
        if cap == 256:
            assert fast.full == slow.full == 0 and (fast.kept >= 0).any()


def test_nothing():
    assert keep_first(sketch_texts([])).tolist() == []
