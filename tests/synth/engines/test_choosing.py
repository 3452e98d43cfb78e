"""Which token the in-process engine draws: the cuts keep what their definitions say, renormalised, and nothing else."""

import pytest
import torch

from synth.engines.sampler import Cut, choose

SHARES = torch.tensor([0.4, 0.3, 0.15, 0.1, 0.05])


def drawn(cut: Cut, n: int = 4000) -> list[float]:
    """How often each token comes up at evenly spaced draws."""
    logits = SHARES.log().repeat(n, 1)
    picked = choose(logits, cut, (torch.arange(n) + 0.5) / n)
    return [round(float((picked == token).float().mean()), 3) for token in range(len(SHARES))]


@pytest.mark.parametrize(
    ("cut", "kept"),
    [
        (Cut(1.0), [0.4, 0.3, 0.15, 0.1, 0.05]),
        (Cut(1.0, top_k=2), [4 / 7, 3 / 7, 0, 0, 0]),
        (Cut(1.0, top_p=0.6), [4 / 7, 3 / 7, 0, 0, 0]),
        (Cut(1.0, min_p=0.3), [0.4 / 0.85, 0.3 / 0.85, 0.15 / 0.85, 0, 0]),
        (Cut(1.0, top_k=4, top_p=0.5), [4 / 7, 3 / 7, 0, 0, 0]),
        (Cut(1.0, top_k=99), [0.4, 0.3, 0.15, 0.1, 0.05]),
        (Cut(0.0, top_k=3), [1, 0, 0, 0, 0]),
        (Cut(0.5), [share**2 / 0.285 for share in (0.4, 0.3, 0.15, 0.1, 0.05)]),
    ],
    ids=str,
)
def test_a_cut_keeps_what_its_definition_says(cut, kept):
    assert drawn(cut) == pytest.approx(kept, abs=0.002)
