"""Losses: what training minimises, one loss a file. Another package adds one by an entry point in `nightschool.losses`."""

from train_stages.losses.base import Loss
from train_stages.parts import Kinds

LOSSES: Kinds[Loss] = Kinds("loss", Loss, "nightschool.losses", __name__, helpers=("base", "inputs"))
