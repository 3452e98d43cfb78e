"""Step by step between SFT and RL, by their gradient norms."""

from typing import ClassVar

from pydantic import Field, model_validator

from train_stages.switches.base import Example, Norms, Switch


class Sasr(Switch):
    """Supervised with a chance of `g_sft / (g_sft + gamma * g_rl)`: worked solutions are learned while they still move the model.

    The paper lets the norm of SFT's gradient and the divergence from the original policy decide; this formula, and every number
    here, is ours (the divergence is left to the loss's `beta`). A way of learning that has no norm yet is taken next, SFT first.
    """

    name: ClassVar[str] = "sasr"
    paper: ClassVar[str] = "arXiv:2505.13026"
    examples: ClassVar[tuple[Example, ...]] = (
        Example(Norms(3.0, 1.0), 0.75),
        Example(Norms(3.0, 1.0), 0.6, {"gamma": 2.0}),
        Example(Norms(1.0, 0.0), 0.95),
        Example(Norms(0.0, 1.0), 0.0, {"least": 0.0}),
        Example(Norms(1.0, 0.0), 1.0, {"most": 1.0}),
        Example(Norms(), 1.0),
        Example(Norms(1.0, None), 0.0),
        Example(Norms(0.0, 0.0), 0.5),
    )

    gamma: float = Field(default=1.0, gt=0, description="Weight of the norm of RL; ours.")
    least: float = Field(default=0.05, ge=0, le=1, description="The chance is never below it; ours.")
    most: float = Field(default=0.95, ge=0, le=1, description="The chance is never above it; ours.")

    @model_validator(mode="after")
    def _ordered(self) -> "Sasr":
        if self.least > self.most:
            raise ValueError(f"least = {self.least} is above most = {self.most}: exchange them")
        return self

    def __call__(self, norms: Norms) -> float:
        """Return the chance."""
        if norms.supervised is None:
            return 1.0
        if norms.reinforced is None:
            return 0.0
        both = norms.supervised + self.gamma * norms.reinforced
        chance = norms.supervised / both if both else 0.5
        return min(self.most, max(self.least, chance))
