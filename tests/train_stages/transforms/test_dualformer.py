"""Dualformer's levels are drawn as often as they should be, and drop what they should."""

import numpy as np
from scipy.stats import chisquare

from train_stages.transforms.dualformer import DROPPED, Dualformer

TRACE = "\n".join(f"step {number}" for number in range(200))


def test_levels_come_with_their_probabilities_and_drop_their_shares():
    transform, random = Dualformer(), np.random.default_rng(0)
    shares = [1 - (len(transform(f"{TRACE}\n#### 5", random).split("\n")) - 1) / 200 for _ in range(2000)]
    levels = [int(np.argmin([abs(share - dropped) for dropped in DROPPED])) for share in shares]
    counts = np.bincount(levels, minlength=5)
    assert chisquare(counts, np.array(transform.levels) * 2000).pvalue > 1e-3
    for level, dropped in enumerate(DROPPED):
        mine = [share for share, drawn in zip(shares, levels, strict=True) if drawn == level]
        assert abs(np.mean(mine) - dropped) < 0.01


def test_what_is_kept_is_in_its_order():
    kept = Dualformer(levels=(0, 0, 1, 0, 0))(f"{TRACE}\n#### 5", np.random.default_rng(1)).split("\n")
    numbers = [int(line.split()[1]) for line in kept[:-1]]
    assert numbers == sorted(numbers) and 60 < len(numbers) < 140 and kept[-1] == "#### 5"
