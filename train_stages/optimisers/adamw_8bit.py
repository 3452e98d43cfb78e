"""Adam with decoupled weight decay whose moments are kept in 8 bits."""

from typing import TYPE_CHECKING, ClassVar

from train_stages.optimisers.adamw import AdamW, groups

if TYPE_CHECKING:
    from torch.nn import Module
    from torch.optim import Optimizer


class AdamW8bit(AdamW):
    """AdamW with both moments in 8 bits, in blocks of 256 with a scale each; matrices of fewer than 4,096 numbers keep 32 bits."""

    name: ClassVar[str] = "adamw_8bit"
    paper: ClassVar[str] = "arXiv:2110.02861"
    sharded: ClassVar[bool] = False
    bytes_a_weight: ClassVar[float | None] = 2 * (1 + 4 / 256)  # a byte each, and a scale for 256 of them
    package: ClassVar[str] = "bitsandbytes"

    def build(self, model: "Module", *, learning_rate: float, weight_decay: float) -> "Optimizer":
        """Make bitsandbytes' AdamW with the groups of transformers' Trainer.

        Raises:
            TrainingError: bitsandbytes is not installed.
        """
        self.check()
        from bitsandbytes.optim import AdamW8bit as Quantised

        decaying, others = groups(model)
        both = [{"params": decaying, "weight_decay": weight_decay}, {"params": others, "weight_decay": 0.0}]
        built: Optimizer = Quantised(
            [group for group in both if group["params"]],
            lr=learning_rate,
            betas=(self.beta1, self.beta2),
            eps=self.epsilon,
        )
        return built
