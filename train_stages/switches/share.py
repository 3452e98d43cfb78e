"""Always the same share of supervised steps."""

from typing import ClassVar

from pydantic import Field

from train_stages.switches.base import Example, Norms, Switch


class Share(Switch):
    """A fixed share of the steps is supervised, by chance: the control of `sasr`; at 0 it is plain RL, at 1 plain SFT."""

    name: ClassVar[str] = "share"
    examples: ClassVar[tuple[Example, ...]] = (
        Example(Norms(), 0.5),
        Example(Norms(3.0, 1.0), 0.25, {"supervised": 0.25}),
    )

    supervised: float = Field(default=0.5, ge=0, le=1, description="The share.")

    def __call__(self, norms: Norms) -> float:
        """Return the share."""
        return self.supervised
