"""What methods share that ask one question several times: how their answers are drawn, so that they differ.

Nobody but the recipe, a paper or the model itself says how a model is sampled (`synth.engines.profile`). A method whose paper has
values names them in `essential`; where nobody says anything and the answer would be greedy, it is drawn at `DIFFER`.
"""

from collections.abc import Mapping
from typing import Any, ClassVar

from pydantic import Field

from synth.methods.base import Params

DIFFER = 0.7
"""Temperature of answers that have to differ, where nobody says one or the model's own is 0; ours."""


class DrawnParams(Params):
    """Parameters of methods whose answers are drawn."""

    essential: ClassVar[Mapping[str, float]] = {}
    """Sampling parameters of the paper or of its authors' code."""

    temperature: float | None = Field(
        None,
        ge=0,
        description="Of what is drawn. None: the role's, else the paper's where it has one, else the model's own, and 0.7 (ours) "
        "where that would be greedy.",
    )
    max_tokens: int = Field(1024, ge=1, description="Upper bound on each reply; ours.")

    @property
    def sampling(self) -> dict[str, Any]:
        """Options of a call whose answer is drawn."""
        return {
            "temperature": self.temperature,
            "essential": self.essential,
            "differ": DIFFER,
            "max_tokens": self.max_tokens,
        }
