import numpy as np
import xxhash
from datasketch import LeanMinHash, MinHash
from hypothesis import given
from hypothesis import strategies as st

from filters.duplicates.sketch import (
    SLOTS,
    estimate,
    hash_shingles,
    jaccard,
    minhash,
    shingles,
    similarity,
    sketch,
    whole,
)
from filters.rows import read_rows
from tests.filters.helpers import STAMPS, arithmetic, context, derivation, row, table, word_problem

EXACT = frozenset({"arithmetic"})
WORDS = st.lists(st.sampled_from(["a", "b", "c", "d", "1", "2"]), min_size=0, max_size=60).map(" ".join)


def one(item, *problems):
    return sketch(read_rows(table(item))[0], context(*problems), EXACT)


def test_signatures_are_those_of_datasketch():
    theirs = MinHash(num_perm=SLOTS, seed=1, scheme="affine32", hashfunc=lambda b: xxhash.xxh32_intdigest(b, seed=7))
    theirs.update_batch([shingle.encode() for shingle in shingles(STAMPS)])
    ours = minhash(hash_shingles([("", STAMPS)], 7))
    assert np.array_equal(ours, theirs.hashvalues)
    assert LeanMinHash(seed=1, hashvalues=ours, scheme="affine32").jaccard(LeanMinHash(theirs)) == 1.0


def test_short_texts_are_one_shingle():
    assert shingles("5 + 3") == ["5 + 3"]
    assert shingles("!!!") == ["!!!"]
    assert shingles("") == [""]
    assert shingles("a b c d e f") == ["a b c d e", "b c d e f"]


def test_the_whole_signature_is_the_union_of_the_parts():
    item = one(row("s", word_problem(), "The answer is 38 stamps in all of them."), word_problem())
    assert np.array_equal(whole(item.slots), minhash(np.union1d(item.given, item.learned)))


@given(WORDS, WORDS, WORDS, WORDS)
def test_the_whole_is_never_less_alike_than_the_parts(given_a, learned_a, given_b, learned_b):
    a, b = (hash_shingles([("", text)], 0) for text in (given_a, given_b))
    c, d = (hash_shingles([("", text)], 1) for text in (learned_a, learned_b))
    together = jaccard(np.union1d(a, c), np.union1d(b, d))
    assert together >= min(jaccard(a, b), jaccard(c, d)) - 1e-9


def test_rows_about_other_structures_share_nothing():
    ann, other = arithmetic("Ann"), arithmetic("Ann", 4)
    a, b = (one(row("s", problem, derivation(ann)), problem) for problem in (ann, other))
    assert similarity(a, b) == 0.0
    assert estimate(a.slots, b.slots) < 0.05
    same = one(row("s", arithmetic("Ben"), derivation(ann)), arithmetic("Ben"))
    assert similarity(a, same) == 1.0


def test_an_attempt_counts():
    ann = arithmetic()
    rows = [
        row("s", ann, "The attempt is correct.", notes={"attempt": {"text": text}}) for text in ("5 + 3 = 8", "no idea")
    ]
    assert similarity(*(one(item, ann) for item in rows)) < 0.8


def test_a_pair_the_other_way_round_is_another_pair():
    rows = [row("s", None, a, kind="preference", rejected=b) for a, b in (("x y", "z"), ("z", "x y"))]
    assert similarity(*(one(item) for item in rows)) == 0.0
