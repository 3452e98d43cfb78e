"""What is done to the text that a row teaches, one transform a file.

Another package adds one by an entry point in `nightschool.transforms`.
"""

from train_stages.parts import Kinds
from train_stages.transforms.base import Transform

TRANSFORMS: Kinds[Transform] = Kinds("transform", Transform, "nightschool.transforms", __name__)
