import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest

from train_stages.statistics import mcnemar, paired_bootstrap, wilson


@pytest.mark.parametrize(
    ("hits", "n", "low", "high"),
    # 81/263 and 15/148 are Newcombe's (1998) examples for the score interval without continuity correction.
    [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0, 0.1611), (29, 29, 0.8830, 1.0)],
)
def test_wilson_against_published_values(hits, n, low, high):
    share = wilson(hits, n)
    assert share.low == pytest.approx(low, abs=5e-5)
    assert share.high == pytest.approx(high, abs=5e-5)


def test_wilson_without_trials_knows_nothing():
    assert (wilson(0, 0).low, wilson(0, 0).high) == (0.0, 1.0)


def pairs(lost, gained, same=10):
    before = [True] * lost + [False] * gained + [True] * same
    after = [False] * lost + [True] * gained + [True] * same
    return before, after


@pytest.mark.parametrize(
    ("lost", "gained", "p", "p_worse"),
    [
        (0, 5, 2 / 32, 1.0),  # by hand: 2 * (1/2)^5
        (1, 6, 2 * (1 + 7) / 128, 127 / 128),  # 2 * P(X <= 1), n = 7
        (3, 3, 1.0, 42 / 64),  # P(X <= 3), n = 6
        (0, 0, 1.0, 1.0),
    ],
)
def test_mcnemar_by_hand(lost, gained, p, p_worse):
    found = mcnemar(*pairs(lost, gained))
    assert (found.lost, found.gained, found.n) == (lost, gained, lost + gained + 10)
    assert found.p == pytest.approx(p)
    assert found.p_worse == pytest.approx(p_worse)


@given(st.integers(0, 60), st.integers(0, 60))
def test_mcnemar_agrees_with_scipy(lost, gained):
    if lost + gained:
        found = mcnemar(*pairs(lost, gained))
        assert found.p == pytest.approx(binomtest(gained, lost + gained).pvalue)
        assert found.p_worse == pytest.approx(binomtest(lost, lost + gained, alternative="greater").pvalue)


def test_mcnemar_wants_pairs():
    with pytest.raises(ValueError):
        mcnemar([True], [True, False])


def test_bootstrap_interval_holds_the_mean_and_is_reproducible():
    differences = [0.25, 0.0, -0.25, 0.5] * 50
    low, high = paired_bootstrap(differences)
    assert low < 0.125 < high and (low, high) == paired_bootstrap(differences)
    # The standard error of the mean is 0.0198, so the interval is about 0.0775 wide.
    assert high - low == pytest.approx(2 * 1.96 * 0.0198, rel=0.06)
