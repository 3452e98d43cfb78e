"""Let Python look for cyclic garbage more rarely while requests are open.

A thousand requests in flight are tens of thousands of young containers, all alive. At its default threshold of 700 the
collector walks over them again and again: 0.2 ms per request, a third of all that a client costs (5,000 requests,
1,000 open: `benchmarks/generation.py --parts b`). What it may leave lying meanwhile is a few MB.
"""

import gc

THRESHOLD = 50_000

_holders = 0
_before = 0


def hold() -> None:
    """Begin; ends with as many calls of `let_go`."""
    global _holders, _before
    if _holders == 0:
        _before, *others = gc.get_threshold()
        gc.set_threshold(max(_before, THRESHOLD) if _before else 0, *others)  # 0: somebody has switched it off
    _holders += 1


def let_go() -> None:
    """End: after the last one everything is as before."""
    global _holders
    _holders -= 1
    if _holders == 0:
        gc.set_threshold(_before, *gc.get_threshold()[1:])
