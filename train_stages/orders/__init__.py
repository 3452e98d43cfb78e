"""In which order rows are learned from, one order a file. Another package adds one by an entry point in `nightschool.orders`."""

from train_stages.orders.base import Ordering
from train_stages.parts import Kinds

ORDERS: Kinds[Ordering] = Kinds("order", Ordering, "nightschool.orders", __name__)
