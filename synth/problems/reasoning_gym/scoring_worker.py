"""A process that scores answers with reasoning-gym's scorers, one request a line; its parent may kill it at any time."""

import contextlib
import io
import json
import resource
import sys

from synth.problems.reasoning_gym.entries import score
from synth.problems.reasoning_gym.safe_parsing import make_safe

_MEMORY = 3 << 30


def main() -> None:
    """Answer requests `[attrs, question, gold, answer]` with a score, or `none` where the scorer fails, until the input ends."""
    resource.setrlimit(resource.RLIMIT_AS, (_MEMORY, _MEMORY))
    make_safe()
    print("ready", flush=True)  # noqa: T201
    for line in sys.stdin:
        try:
            with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
                answer = repr(score(*json.loads(line)))
        except (Exception, RecursionError):  # whatever a scorer raises on a strange answer
            answer = "none"
        print(answer, flush=True)  # noqa: T201


if __name__ == "__main__":
    main()
