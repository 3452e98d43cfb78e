"""A process verifier that learns how often a solution that begins like this ends right."""

from typing import ClassVar

from train_stages.losses.base import Example
from train_stages.losses.step_bce import StepBce


class SoftStepBce(StepBce):
    """`step_bce` against the share of completions from the step that ended right, where rows have it (step labels)."""

    name: ClassVar[str] = "soft_step_bce"
    paper: ClassVar[str] = "arXiv:2312.08935"
    soft: ClassVar[bool] = True
    examples: ClassVar[tuple[Example, ...]] = (
        # .75 log(1 + e^-1) + .25 log(1 + e); its gradient is sigmoid(1) - .75
        Example({"scores": [1.0], "labels": [0.75]}, [0.5632617], gradient=[-0.0189414]),
    )
