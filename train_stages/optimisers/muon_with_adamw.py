"""Muon for matrices and AdamW for the rest, as one optimiser that a Trainer can hold, save and load.

Muon (Keller Jordan, 2024): momentum, then the update is made nearly orthogonal by a Newton-Schulz iteration.
`torch.optim.Muon` does one matrix at a time in bfloat16; here matrices of one shape go through together and in the
parameter's precision, which a small model on a CPU needs. Not covered: sharded parameters (FSDP, DeepSpeed).
"""

from collections import defaultdict
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.optim import Optimizer

# Coefficients of the quintic iteration, from https://kellerjordan.github.io/posts/muon/
NEWTON_SCHULZ = (3.4445, -4.7750, 2.0315)
NEWTON_SCHULZ_STEPS = 5


def orthogonalise(matrices: Tensor, steps: int = NEWTON_SCHULZ_STEPS) -> Tensor:
    """Bring the singular values of a stack of matrices (n, rows, columns) to about 1 (between 0.7 and 1.2)."""
    a, b, c = NEWTON_SCHULZ
    wide = matrices.shape[-2] <= matrices.shape[-1]
    x: Tensor = matrices if wide else matrices.mT
    x = x / x.norm(dim=(-2, -1), keepdim=True).clamp(min=1e-7)
    for _ in range(steps):
        gram = x @ x.mT
        x = a * x + (b * gram + c * (gram @ gram)) @ x
    return x if wide else x.mT


class MuonWithAdamW(Optimizer):
    """Muon on the matrices of the hidden layers, AdamW on embeddings, norms, biases and the output head.

    Args:
        model: The model whose parameters are trained.
        lr: Muon's learning rate.
        adamw_lr: AdamW's learning rate.
        momentum: Muon's Nesterov momentum.
        betas: AdamW's moments.
        weight_decay: Decoupled weight decay, for matrices and embeddings alike.
    """

    def __init__(
        self,
        model: torch.nn.Module,
        *,
        lr: float = 0.02,
        adamw_lr: float = 3e-3,
        momentum: float = 0.95,
        betas: tuple[float, float] = (0.9, 0.95),
        weight_decay: float = 0.0,
    ) -> None:
        matrices, rest = split_parameters(model)
        groups: list[dict[str, Any]] = [
            {"params": matrices, "kind": "muon", "lr": lr},
            {"params": rest, "kind": "adamw", "lr": adamw_lr},
        ]
        defaults = {"momentum": momentum, "betas": betas, "weight_decay": weight_decay, "eps": 1e-8}
        super().__init__([group for group in groups if group["params"]], defaults)

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> float | None:  # type: ignore[override]
        """Take one step."""
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        for group in self.param_groups:
            parameters = [p for p in group["params"] if p.grad is not None]
            if group["weight_decay"] and parameters:
                torch._foreach_mul_(parameters, 1 - group["lr"] * group["weight_decay"])
            if group["kind"] == "muon":
                self._muon(group, parameters)
            elif parameters:
                self._adamw(group, parameters)
        return loss

    def _muon(self, group: dict[str, Any], parameters: list[Tensor]) -> None:
        by_shape: dict[torch.Size, list[Tensor]] = defaultdict(list)
        for parameter in parameters:
            by_shape[parameter.shape].append(parameter)
        for shape, alike in by_shape.items():
            updates = []
            for parameter in alike:
                state = self.state[parameter]
                if "momentum" not in state:
                    state["momentum"] = torch.zeros_like(parameter)
                grad = _grad(parameter)
                buffer = state["momentum"].lerp_(grad, 1 - group["momentum"])
                updates.append(grad.lerp(buffer, group["momentum"]))
            scale = max(1.0, shape[0] / shape[1]) ** 0.5
            directions = orthogonalise(torch.stack(updates))
            torch._foreach_add_(alike, list(directions.unbind()), alpha=-group["lr"] * scale)

    def _adamw(self, group: dict[str, Any], parameters: list[Tensor]) -> None:
        beta1, beta2 = group["betas"]
        for parameter in parameters:
            state = self.state[parameter]
            if "steps" not in state:
                state["steps"] = 0
                state["mean"], state["square"] = torch.zeros_like(parameter), torch.zeros_like(parameter)
            state["steps"] += 1
            grad = _grad(parameter)
            state["mean"].lerp_(grad, 1 - beta1)
            state["square"].mul_(beta2).addcmul_(grad, grad, value=1 - beta2)
            mean_part = 1 - beta1 ** state["steps"]
            root = state["square"].sqrt().div_((1 - beta2 ** state["steps"]) ** 0.5).add_(group["eps"])
            parameter.addcdiv_(state["mean"], root, value=-group["lr"] / mean_part)


def _grad(parameter: Tensor) -> Tensor:
    if parameter.grad is None:
        raise ValueError("a parameter without a gradient has no update")
    return parameter.grad


def split_parameters(model: torch.nn.Module) -> tuple[list[Tensor], list[Tensor]]:
    """Trainable parameters: matrices of linear layers except the output head, and the rest."""
    outside = {id(p) for m in model.modules() if isinstance(m, torch.nn.Embedding) for p in m.parameters()}
    find_head: Any = getattr(model, "get_output_embeddings", None)
    head = find_head() if find_head else None
    if isinstance(head, torch.nn.Module):
        outside |= {id(p) for p in head.parameters()}
    matrices: list[Tensor] = [p for p in model.parameters() if p.requires_grad and p.ndim == 2 and id(p) not in outside]
    chosen = {id(p) for p in matrices}
    return matrices, [p for p in model.parameters() if p.requires_grad and id(p) not in chosen]
