"""Knights and Knaves: how fast puzzles are drawn, beside reasoning-gym's generator on the same core.

    python benchmarks/puzzles.py [--json] [--rounds 5]

`seconds_for_5000`: 5,000 puzzles with one solution each and 5,000 different structures, 1,000 for each of 3 to 7 people,
as the source draws them for a night: text, gold answer, names, statements, solution and canonical structure.
`ours_vs_reasoning_gym`: reasoning-gym's milliseconds per puzzle / ours, the least of 3, 5 and 7 people; above 1 is faster
than the other. It makes question, answer and metadata too, but no canonical structure; neither writes a worked solution.

CPU seconds of one process, medians of rounds that alternate between the two. The peer lives in `.venv-bench-puzzles`, which
is made when it is missing. The result goes to `benchmarks/results/puzzles.json`.
"""

import argparse
import json
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

CHECKOUT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(CHECKOUT))

from benchmarks.shared.peers import peers_python  # noqa: E402
from benchmarks.shared.results import circumstances, keep  # noqa: E402

PEER = "reasoning-gym==0.1.25"
COMPARED = (3, 5, 7)
PER_SIZE = 1_000
PEER_PUZZLES = 200

# depth and width as in ours: two
PEER_PROGRAM = """
import json, sys, time
from reasoning_gym.logic.knights_knaves import KnightsKnavesConfig, KnightsKnavesDataset
people, count, seed = map(int, sys.argv[1:])
config = KnightsKnavesConfig(n_people=people, depth_constraint=2, width_constraint=2, seed=seed, size=count + 5)
data = KnightsKnavesDataset(config)
for index in range(5):
    data[count + index]
start = time.process_time()
for index in range(count):
    data[index]
print(json.dumps((time.process_time() - start) / count))
"""
OUR_PROGRAM = """
import json, sys, time
from synth.problems.knights_knaves import KnightsKnaves
people, count, seed = map(int, sys.argv[1:])
KnightsKnaves(people=(people,)).draw(5, seed=seed + 1)
start = time.process_time()
drawn = KnightsKnaves(people=(people,)).draw(count, seed=seed)
spent = time.process_time() - start
assert len({problem.structure_id for problem in drawn}) == count
print(json.dumps(spent / count))
"""


def seconds(python: Path | str, program: str, people: int, count: int, seed: int) -> float:
    """CPU seconds per puzzle in a process of its own."""
    command = [str(python), "-c", program, str(people), str(count), str(seed)]
    done = subprocess.run(command, cwd=CHECKOUT, capture_output=True, text=True, check=True)
    return float(json.loads(done.stdout.splitlines()[-1]))


def measure(rounds: int) -> dict[str, Any]:
    """Measure both, alternating."""
    python = peers_python("puzzles", [PEER])
    ours: dict[int, list[float]] = {people: [] for people in range(3, 8)}
    theirs: dict[int, list[float]] = {people: [] for people in COMPARED}
    for number in range(rounds):
        for people, values in ours.items():
            values.append(seconds(sys.executable, OUR_PROGRAM, people, PER_SIZE, number))
            if people in theirs:
                theirs[people].append(seconds(python, PEER_PROGRAM, people, PEER_PUZZLES, number))
    our_ms = {people: statistics.median(values) * 1e3 for people, values in ours.items()}
    their_ms = {people: statistics.median(values) * 1e3 for people, values in theirs.items()}
    times = {str(people): round(their_ms[people] / our_ms[people], 1) for people in COMPARED}
    return {
        "seconds_for_5000": round(sum(our_ms.values()) * PER_SIZE / 1e3, 3),
        "ours_vs_reasoning_gym": min(times.values()),
        "by_people": times,
        "our_ms": {str(people): round(value, 4) for people, value in our_ms.items()},
        "reasoning_gym_ms": {str(people): round(value, 4) for people, value in their_ms.items()},
        "rounds": rounds,
        "versions": {"reasoning-gym": PEER.partition("==")[2]},
        **circumstances(),
    }


def main() -> None:
    """Measure, write the result and print it."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--json", action="store_true", help="print the JSON object only")
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    started = time.perf_counter()
    result = measure(options.rounds)
    keep("puzzles", result)
    print(json.dumps(result, indent=None if options.json else 2))
    print(f"{time.perf_counter() - started:.0f} s", file=sys.stderr)


if __name__ == "__main__":
    main()
