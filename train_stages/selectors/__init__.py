"""Which rows of a stream are learned from, decided while it is learned, one rule a file.

Another package adds one by an entry point in `nightschool.selectors`.
"""

from train_stages.parts import Kinds
from train_stages.selectors.base import Selector

SELECTORS: Kinds[Selector] = Kinds("selector", Selector, "nightschool.selectors", __name__, helpers=("base",))
