"""What keeps a training from changing more than it should, one regulariser a file.

Another package adds one by an entry point in `nightschool.regularisers`.
"""

from train_stages.parts import Kinds
from train_stages.regularisers.base import Regulariser

REGULARISERS: Kinds[Regulariser] = Kinds(
    "regulariser", Regulariser, "nightschool.regularisers", __name__, helpers=("base",)
)
