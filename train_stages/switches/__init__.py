"""When a step of `rl` learns from worked solutions instead, one rule a file.

Another package adds one by an entry point in `nightschool.switches`.
"""

from train_stages.parts import Kinds
from train_stages.switches.base import Switch

SWITCHES: Kinds[Switch] = Kinds("switch", Switch, "nightschool.switches", __name__)
