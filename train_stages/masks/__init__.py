"""Which parts of a row carry loss in fine-tuning, one mask a file.

Another package adds one by an entry point in `nightschool.masks`.
"""

from train_stages.masks.base import Mask
from train_stages.parts import Kinds

MASKS: Kinds[Mask] = Kinds("mask", Mask, "nightschool.masks", __name__)
