"""Loss on what the assistant says."""

from typing import ClassVar

from train_stages.masks.base import Mask


class Assistant(Mask):
    """Every turn of the assistant carries loss, with its end token."""

    name: ClassVar[str] = "assistant"
