"""Thoughts stand in their tags."""

from typing import ClassVar

from pydantic import Field

from train_stages.rewards.base import Example, Response, Reward


class Tag(Reward):
    """1 when a response holds `<think>` and `</think>` once each, in this order, and something after them, else 0."""

    name: ClassVar[str] = "tag"
    paper: ClassVar[str] = "arXiv:2501.12948"
    examples: ClassVar[tuple[Example, ...]] = (
        Example("<think>1 + 1</think>\n#### 2", 1.0),
        Example("1 + 1</think>\n#### 2", 1.0, {"opened": True}),
        Example("<think>1 + 1</think>", 0.0),
        Example("<think>1</think><think>2</think> #### 2", 0.0),
        Example("</think>1<think> #### 2", 0.0),
        Example("#### 2", 0.0),
    )

    weight: float = Field(default=0.1, ge=0, description="Weight in the sum; ours.")
    tag: str = Field(default="think", pattern=r"^[A-Za-z][A-Za-z0-9_]*$", description="Name of the tag.")
    opened: bool = Field(default=False, description="The chat template has written the opening tag already.")

    def __call__(self, response: Response) -> float:
        """Return 1 or 0."""
        opening, closing = f"<{self.tag}>", f"</{self.tag}>"
        text = opening + response.text if self.opened else response.text
        if text.count(opening) != 1 or text.count(closing) != 1:
            return 0.0
        before, _, rest = text.partition(opening)
        _, closed, after = rest.partition(closing)
        return 1.0 if not before.strip() and closed and after.strip() else 0.0
