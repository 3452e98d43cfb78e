"""A process that makes entries of reasoning-gym, one request a line; it is started with a hash seed of its own.

Some tasks go through sets of texts, whose order hangs on the interpreter's hash seed: here the same seed gives the same entries.
"""

import contextlib
import io
import json
import sys

from synth.problems.reasoning_gym.entries import entry_problem, made_dataset, make_entry, score
from synth.sandbox.values import from_plain, to_plain


def main() -> None:
    """Answer requests `[task, options, seed, index]` with an entry and the score of its gold answer, until the input ends."""
    print("ready", flush=True)  # noqa: T201
    for line in sys.stdin:
        name, options, seed, index = json.loads(line)
        try:
            with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
                dataset = made_dataset(name, json.dumps(options), seed)
                entry = make_entry(dataset, seed, index)
                problem = entry_problem(name, from_plain(options), entry, name, 1)
                gold = score(problem.attrs, problem.prompt, problem.gold, problem.gold)
            answer = {"entry": to_plain(entry), "gold_score": gold}
        except Exception as error:  # whatever a task of the library raises
            answer = {"error": f"{type(error).__name__}: {error}"}
        print(json.dumps(answer), flush=True)  # noqa: T201


if __name__ == "__main__":
    main()
