import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest

from train_stages.promotion.statistics import clustered, mcnemar, paired_bootstrap, paired_upper, pass_at_k, wilson


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
    result = mcnemar(*pairs(lost, gained))
    assert (result.lost, result.gained, result.n) == (lost, gained, lost + gained + 10)
    assert result.p == pytest.approx(p)
    assert result.p_worse == pytest.approx(p_worse)


@given(st.integers(0, 60), st.integers(0, 60))
def test_mcnemar_agrees_with_scipy(lost, gained):
    if lost + gained:
        result = mcnemar(*pairs(lost, gained))
        assert result.p == pytest.approx(binomtest(gained, lost + gained).pvalue)
        assert result.p_worse == pytest.approx(binomtest(lost, lost + gained, alternative="greater").pvalue)


def test_mcnemar_wants_pairs():
    with pytest.raises(ValueError):
        mcnemar([True], [True, False])


def test_bootstrap_interval_holds_the_mean_and_is_reproducible():
    differences = [0.25, 0.0, -0.25, 0.5] * 50
    low, high = paired_bootstrap(differences)
    assert low < 0.125 < high and (low, high) == paired_bootstrap(differences)
    # The standard error of the mean is 0.0198, so the interval is about 0.0775 wide.
    assert high - low == pytest.approx(2 * 1.96 * 0.0198, rel=0.06)


@pytest.mark.parametrize(
    ("n", "c", "k", "share"),
    # By hand: 1 - C(n - c, k) / C(n, k).
    [(4, 0, 2, 0.0), (4, 4, 2, 1.0), (4, 1, 1, 0.25), (4, 1, 2, 0.5), (5, 2, 3, 0.9), (8, 2, 4, 1 - 15 / 70)],
)
def test_pass_at_k_by_hand(n, c, k, share):
    assert pass_at_k(n, c, k) == pytest.approx(share)


def test_pass_at_k_wants_enough_samples():
    with pytest.raises(ValueError, match="pass@5 of 4"):
        pass_at_k(4, 2, 5)


def test_clustered_intervals_widen_with_the_clusters():
    values = [1.0, 1.0, 0.0, 0.0] * 50
    alone = clustered(values, [str(n) for n in range(200)])
    assert (alone.low, alone.high) == pytest.approx((wilson(100, 200).low, wilson(100, 200).high))
    # Every two neighbours are one item twice, so 200 items are worth 100.
    paired = clustered(values, [str(n // 2) for n in range(200)])
    assert (paired.low, paired.high) == pytest.approx((wilson(50, 100).low, wilson(50, 100).high))
    sure = clustered([1.0] * 40, [str(n // 4) for n in range(40)])
    assert (sure.low, sure.high) == pytest.approx((wilson(10, 10).low, 1.0))


def test_the_upper_bound_of_a_gain_by_hand():
    # (c - b) = 10/102; variance = (11 + 21)/102 - (10/102)^2, over 102; z(.95) = 1.6449
    assert paired_upper(10, 20, 100) == pytest.approx(0.0980 + 1.6449 * 0.05460, abs=1e-3)
    assert paired_upper(0, 0, 1000) < 0.01
