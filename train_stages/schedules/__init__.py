"""How the learning rate changes over a training, one schedule a file.

Another package adds one by an entry point in `nightschool.schedules`.
"""

from train_stages.parts import Kinds
from train_stages.schedules.base import Schedule

SCHEDULES: Kinds[Schedule] = Kinds("schedule", Schedule, "nightschool.schedules", __name__, helpers=("base", "bound"))
