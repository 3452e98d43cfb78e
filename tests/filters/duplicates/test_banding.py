import numpy as np

from filters.duplicates.banding import BANDS, Buckets, band_keys
from storage.history.run import Entries, Run

RNG = np.random.default_rng(0)
SIGNATURES = RNG.integers(0, 2**32, (50, 128), dtype=np.uint32)


def run(keys):
    count = len(keys)
    exact = np.zeros((count, 2), np.uint64)
    return Run.of(Entries([f"{n}" for n in range(count)], [""] * count, exact, keys, np.zeros((count, 2), np.uint32)))


def candidates(index, keys, cap=100):
    queries, rows, full = index.candidates(keys, cap)
    return [rows[queries == query].tolist() for query in range(len(keys))], full


def test_equal_bands_of_one_group_have_equal_keys():
    signatures = np.stack([SIGNATURES[0], SIGNATURES[0], SIGNATURES[0]])
    signatures[1, 5:] = SIGNATURES[1, 5:]  # only the first band is left
    a, b, other = band_keys(signatures, ["g", "g", "h"])
    assert (a == b).tolist() == [True] + [False] * (BANDS - 1)
    assert not (a == other).any()


def test_both_indexes_find_the_same():
    signatures = np.concatenate([SIGNATURES, SIGNATURES[:10]])
    signatures[50:, 20:] = 0
    keys = band_keys(signatures, ["g"] * 60)
    buckets, index = Buckets(100), run(keys[:50])
    for row in range(50):
        buckets.insert(row, keys[row])
    by_buckets = [buckets.candidates(keys[row]) for row in range(60)]
    assert by_buckets == candidates(index, keys)[0]
    assert by_buckets[50:] == [[row] for row in range(10)]


def test_a_full_bucket_takes_no_more_and_is_told():
    keys = band_keys(np.zeros((9, 128), dtype=np.uint32), ["g"] * 9)
    buckets, index = Buckets(4), run(keys)
    for row in range(9):
        buckets.insert(row, keys[row])
    assert [buckets.candidates(keys[0])] == candidates(index, keys[:1], 4)[0] == [[0, 1, 2, 3]]
    assert len(buckets.full) == candidates(index, keys[:1], 4)[1] == BANDS
