"""The rules by which weights are changed, one optimiser a file, each such that a Trainer can hold, save and load it.

Another package adds one by an entry point in `nightschool.optimisers`.
"""

from train_stages.optimisers.base import Optimiser
from train_stages.parts import Kinds

OPTIMISERS: Kinds[Optimiser] = Kinds(
    "optimiser", Optimiser, "nightschool.optimisers", __name__, helpers=("base", "muon_with_adamw")
)
