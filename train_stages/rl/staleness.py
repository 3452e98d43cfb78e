"""How far behind the weights are that wrote the responses a step learns from, and how much of the responses counts in spite of it.

A server that is handed new weights only now and then writes with old ones (asynchronous RLHF, arXiv:2410.18252). TRL weighs what
it wrote by how much more probable it has become since; how unequal these weights are says how much was lost.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor


def effective_share(weights: "Tensor", mask: "Tensor") -> float:
    """Return the effective sample size of importance weights as a share of their number: `(sum w)^2 / (n sum w^2)`, 0 to 1.

    Args:
        weights: `[B, T]`, of tokens, or `[B, 1]`, of responses.
        mask: `[B, T]`, 1 where a token carries loss, else 0; a response counts where one of its tokens does.
    """
    counted = mask.bool() if weights.size(1) == mask.size(1) else mask.bool().any(dim=1, keepdim=True)
    used = weights[counted].double()
    squares = float((used**2).sum())
    return float(used.sum()) ** 2 / (used.numel() * squares) if squares else 0.0
