"""How good a verifier is: by hand."""

import math

import numpy as np
import pytest

from train_stages.verifying.quality import auroc, calibration, calibration_error, first_error, interval


def test_auroc_by_hand():
    assert auroc([3, 1, 2, 0], [True, False, True, False]) == 1.0
    assert auroc([0.9, 0.1, 0.5, 0.5], [True, True, False, False]) == 0.5  # 2 of 4 pairs: .9 twice, .1 never
    assert auroc([1, 1, 1], [True, False, False]) == 0.5, "ties count half"
    assert math.isnan(auroc([1, 2], [True, True]))


def test_an_interval_draws_whole_problems_again():
    right = np.arange(200) % 2 == 0
    scores = np.where(right, 1.0, 0.0) + np.random.default_rng(0).normal(size=200)
    alone = interval(lambda part: auroc(scores[part], right[part]), [str(n) for n in range(200)])
    grouped = interval(lambda part: auroc(scores[part], right[part]), [str(n // 20) for n in range(200)])
    assert alone[0] < auroc(scores, right) < alone[1] and alone[1] - alone[0] < 0.2
    assert grouped != alone and interval(lambda part: float("nan"), ["a"])[0] != 0


def test_calibration_by_hand():
    bins = calibration([0.05, 0.15, 0.95, 1.0], [False, True, True, True])
    assert [(part["low"], part["answers"], part["right"]) for part in bins] == [(0.0, 1, 0), (0.1, 1, 1), (0.9, 2, 1)]
    assert calibration_error(bins) == pytest.approx((0.05 + 0.85 + 2 * 0.025) / 4)


def test_the_first_error():
    assert first_error([0.9, 0.4, 0.3]) == 1 and first_error([0.9]) is None and first_error([]) is None
