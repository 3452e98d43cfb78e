import random
import sys

import numpy as np
import pyarrow as pa
import pytest
import xxhash
from datasketch import MinHash

from filters import compiled
from filters.duplicates.sketch import SLOTS, shingles
from filters.duplicates.sketches import sketch_parts, sketch_texts
from tests.filters.helpers import STAMPS, STAMPS_SOLUTION

TEXTS = [
    STAMPS,
    STAMPS_SOLUTION,
    STAMPS.upper(),
    "",
    " ",
    "!!!",
    "a b",
    "x" * 70,
    "½ of it",
    "漢字 is two",
    "\ud800 lone",
    "é" * 3,
]


@pytest.fixture(params=["compiled", "python"])
def path(request, monkeypatch):
    if request.param == "python":
        monkeypatch.setenv("NIGHTSCHOOL_NUMBA", "0")
    elif not compiled.enabled():
        pytest.skip("numba is not installed")


def test_signatures_are_those_of_datasketch(path):
    sketches = sketch_texts(TEXTS, 7)
    for index, text in enumerate(TEXTS):
        theirs = MinHash(
            num_perm=SLOTS, seed=1, scheme="affine32", hashfunc=lambda b: xxhash.xxh32_intdigest(b, seed=7)
        )
        theirs.update_batch([shingle.encode() for shingle in shingles(text)])
        assert np.array_equal(sketches.slots[index], theirs.hashvalues), text


def test_only_equal_texts_are_equal(path):
    slots = [tuple(row) for row in sketch_texts(TEXTS).slots.tolist()]
    assert len(set(slots)) == len(TEXTS) - 2  # "" and " " are equal, so are the two cases of one text
    assert slots[0] == slots[2] and slots[3] == slots[4]


def test_an_arrow_array_as_it_is(path):
    array = pa.chunked_array([TEXTS[:2], TEXTS[2:4]]).combine_chunks()
    assert np.array_equal(sketch_texts(array).slots, sketch_texts(TEXTS[:4]).slots)
    assert len(sketch_texts(array.slice(0, 0)).slots) == 0


def test_both_paths_say_the_same(monkeypatch):
    pytest.importorskip("numba")
    rng = random.Random(3)
    pieces = ["a", "b ", "!!!", "", "1,234.0", "é", "🎉", "12", "x y z w v u ", "don't", "3-4", "a-b"]
    parts = [
        [
            (rng.choice(["", "a", "r"]), "".join(rng.choices(pieces, k=rng.randrange(30))))
            for _ in range(rng.randrange(1, 4))
        ]
        for _ in range(300)
    ]
    seeds = [rng.randrange(2**32) for _ in parts]
    fast = sketch_parts(parts, seeds)
    monkeypatch.setenv("NIGHTSCHOOL_NUMBA", "0")
    slow = sketch_parts(parts, seeds)
    assert np.array_equal(fast.slots, slow.slots)
    assert all(np.array_equal(fast.of(part), slow.of(part)) for part in range(len(parts)))


def test_little_work_does_not_wait_for_numba(monkeypatch):
    monkeypatch.delenv("NIGHTSCHOOL_NUMBA")
    monkeypatch.delitem(sys.modules, "numba", raising=False)
    monkeypatch.setattr(compiled, "_read", 0)
    assert not compiled.enabled(1000)
    assert compiled.enabled(10**6) == compiled.enabled()
    monkeypatch.setattr(compiled, "_read", 0)
    loads = [compiled.enabled(400_000) for _ in range(3)]
    assert loads == [False, False, compiled.enabled()], "many small batches are much"
    monkeypatch.setitem(sys.modules, "numba", None)
    assert compiled.enabled(1000) == compiled.enabled()
