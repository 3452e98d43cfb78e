import numpy as np

from filters.banding import BANDS, Buckets, SortedBands, band_keys

RNG = np.random.default_rng(0)
SIGNATURES = RNG.integers(0, 2**32, (50, 128), dtype=np.uint32)


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
    buckets, index = Buckets(100), SortedBands(keys[:50], 100)
    for row in range(50):
        buckets.insert(row, keys[row])
    found = [buckets.candidates(keys[row]) for row in range(60)]
    assert found == [index.candidates(keys[row]).tolist() for row in range(60)]
    assert found[50:] == [[row] for row in range(10)]


def test_a_full_bucket_takes_no_more_and_is_told():
    keys = band_keys(np.zeros((9, 128), dtype=np.uint32), ["g"] * 9)
    buckets, index = Buckets(4), SortedBands(keys, 4)
    for row in range(9):
        buckets.insert(row, keys[row])
    assert buckets.candidates(keys[0]) == index.candidates(keys[0]).tolist() == [0, 1, 2, 3]
    assert len(buckets.full) == len(index.full) == BANDS
