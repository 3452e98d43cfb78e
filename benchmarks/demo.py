"""How far the demo's model comes: `recipes/nightly.yaml` over two nights, with other seeds and threads. Toy scale, on a CPU.

    python benchmarks/demo.py --seed 0 --threads 1          # two nights and their trainings, in a workspace of their own
    python benchmarks/demo.py --seed 0 --without-rl         # the same, without reinforcement learning, in a third of the time
    python benchmarks/demo.py --seed 0 --set train.plan.sft.learning_rate=0.005 --as slower
    python benchmarks/demo.py --json                        # what was measured so far

A seed is that of the problems, of the base's random weights and of the stages. Each run adds its figures to
`benchmarks/results/demo.json`. Greedy accuracy on 600 fresh held-out problems per tier, with 95 % intervals (Wilson).
"""

import argparse
import asyncio
import contextlib
import json
import os
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any
from unittest.mock import patch

os.environ.setdefault("OMP_NUM_THREADS", "1")
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.shared.results import circumstances, keep, last
from benchmarks.soaking.plain import plain_nights
from flows import train
from flows.recipe.overrides import apply_override
from flows.recipe.recipe import Recipe, make_recipe, read_recipe
from flows.report.progress import Progress
from storage.workspace import Workspace

RECIPE = Path(__file__).resolve().parents[1] / "recipes" / "nightly.yaml"
NIGHTS = ("2026-01-01", "2026-01-02")


def seeded(seed: int, threads: int, settings: Sequence[str], *, rl: bool) -> Recipe:
    """The demo's recipe with another seed everywhere, and so many threads for each stage."""
    content = read_recipe(RECIPE)
    for setting in (f"problems.seed={seed}", f"base.tiny.seed={seed}", f"train.seed={seed}", *settings):
        apply_override(content, setting)
    plan = [entry for entry in content["train"]["plan"] if rl or "rl" not in entry]
    content["train"]["plan"] = [{kind: {**keys, "threads": threads} for kind, keys in entry.items()} for entry in plan]
    return make_recipe(content, folder=RECIPE.parent)


@contextlib.contextmanager
def plain_training() -> Iterator[None]:
    """Make the tasks of a training plain functions: nothing of Prefect is in these figures."""
    with contextlib.ExitStack() as stack:
        for name in ("run_stage", "evaluate_both", "promote"):
            stack.enter_context(patch.object(train, name, getattr(train, name).fn))
        yield


def run(recipe: Recipe, folder: Path) -> dict[str, Any]:
    """Run two nights, each with its training, and return what each model was worth on which tier."""
    workspace, nights = Workspace.create(folder), []
    started = time.monotonic()
    for date in NIGHTS:
        ((night),) = asyncio.run(plain_nights(recipe, [date], folder))
        with plain_training():
            trained = train.run_training(recipe, date, workspace, Progress(quiet=True))
        nights.append(
            {
                "accepted": {row["method"]: row["accepted"] for row in night["funnel"]},
                "rows": {line["stage"]: line["rows"] for line in trained["stages"]},
                "loss": {line["stage"]: line["loss"] for line in trained["stages"]},
                "greedy": {f"tier {row['tier']}": row["after"] for row in trained["accuracy"]},
                "sampled": {f"tier {row['tier']}": row["sampled_after"] for row in trained["accuracy"]},
                "decision": trained["decision"],
            }
        )
    return {"seconds": round(time.monotonic() - started), "nights": nights}


def main() -> None:
    """Run what the command line names."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, default=1, help="threads of each stage")
    parser.add_argument("--without-rl", action="store_true", help="leave reinforcement learning out")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="change the recipe")
    parser.add_argument("--as", dest="name", default="recipe", help="under which name the figures are kept")
    parser.add_argument("--json", action="store_true", help="print what was measured so far")
    options = parser.parse_args()
    results = last("demo")
    if options.json:
        print(json.dumps(results))
        return
    recipe = seeded(options.seed, options.threads, options.set, rl=not options.without_rl)
    with tempfile.TemporaryDirectory(prefix="nightschool-demo-") as folder:
        figures = run(recipe, Path(folder) / "w")
    name = f"{options.name}, {'no rl' if options.without_rl else 'rl'}, seed {options.seed}, threads {options.threads}"
    figures |= {"settings": options.set, **circumstances()}
    print(name, json.dumps(figures["nights"][-1]), file=sys.stderr)
    keep("demo", last("demo") | {name: figures})


if __name__ == "__main__":
    main()
