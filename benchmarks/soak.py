"""Nights that run themselves, under faults; and what orchestration costs a night.

    python benchmarks/soak.py [--json] [--nights 7] [--seed N] [--parts ab] [--shards 30] [--seconds 10] [--rounds 2]

(a) So many simulated nights with `nightschool up`: a real Prefect server, workers, deployments and events; the model server
    is a stand-in that keeps book. `kill -9` of flow, worker, server, trainer and `up` itself, a full disk, a model server that
    vanishes, a night begun twice.
    `lost_rows`: rows of an undisturbed run of the same nights that are not there, attempts without an end, accepted rows
    outside the last release. `duplicate_rows`: rows that are there twice, or that the undisturbed run does not know.
    `calls_repeated`: model calls answered a second time, less those in flight when a fault struck (`calls_in_flight_repeated`).
    `orphans`: processes left when `up` has ended.
(b) A night of shards that sleep, as a flow and as plain function calls, in alternation: `overhead_percent` is what the
    flow takes longer, of the plain calls' time, and `overhead_ms_per_shard` the same for each shard; what a night of one
    shard takes longer (`one_shard_night_ms`) does not grow with shards. The server's start is given apart.

The result goes to `benchmarks/results/soak.json`.
"""

import argparse
import json
import secrets
import sys
from importlib.metadata import version
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.shared.results import circumstances, keep, last


def main() -> None:
    """Measure, keep the result, print it."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--json", action="store_true", help="print the JSON object only")
    parser.add_argument("--parts", default="ab", help="a: the soak; b: the overhead [default: ab]")
    parser.add_argument("--nights", type=int, choices=(2, 7), default=7)
    parser.add_argument("--seed", type=int, help="of problems and moments [default: drawn, and kept in the result]")
    parser.add_argument("--shards", type=int, default=30, help="b: shards of the night")
    parser.add_argument("--seconds", type=float, default=10.0, help="b: seconds of a shard")
    parser.add_argument("--rounds", type=int, default=2, help="b: nights of each arm")
    options = parser.parse_args()
    kept = last("soak")
    if "b" in options.parts:  # first: Prefect reads where its server is when it is imported, and the soak imports it
        from benchmarks.soaking.overhead import measure

        overhead = measure(shards=options.shards, seconds=options.seconds, rounds=options.rounds)
        kept |= {name: overhead.pop(name) for name in ("overhead_percent", "overhead_ms_per_shard")}
        kept["overhead"] = overhead
    if "a" in options.parts:
        from benchmarks.soaking.soak import SEVEN, TWO, soak

        seed = options.seed if options.seed is not None else secrets.randbelow(10**6)
        faults = TWO if options.nights == 2 else SEVEN
        kept |= soak(faults, seed=seed, say=lambda line: print(line, file=sys.stderr))
    kept |= {"prefect": version("prefect"), **circumstances()}
    keep("soak", kept)
    print(json.dumps(kept, indent=None if options.json else 1))


if __name__ == "__main__":
    main()
