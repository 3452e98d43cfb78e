"""The effective share of importance weights, worked out by hand."""

import pytest
import torch

from train_stages.rl.staleness import effective_share


def test_it_is_the_square_of_the_sum_by_the_sum_of_the_squares():
    weights = torch.tensor([[1.0, 0.5], [0.5, 9.0]])
    mask = torch.tensor([[1, 1], [1, 0]])
    assert effective_share(weights, mask) == pytest.approx((1 + 0.5 + 0.5) ** 2 / (3 * (1 + 0.25 + 0.25)))
    assert effective_share(torch.full((2, 2), 0.3), mask) == pytest.approx(1), "equal weights lose nothing"


def test_a_weight_for_each_response_counts_where_one_of_its_tokens_does():
    weights = torch.tensor([[2.0], [1.0], [7.0]])
    mask = torch.tensor([[1, 0], [0, 1], [0, 0]])
    assert effective_share(weights, mask) == pytest.approx(9 / (2 * 5))
    assert effective_share(weights * 0, mask) == 0, "all were left out as too unlike"
