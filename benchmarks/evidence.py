"""Does a real model learn from its own night? One run, as it comes out: GSM8K before and after, on the same items.

    python benchmarks/evidence.py --workspace FOLDER [--json] [--model FOLDER] [--data FOLDER] [--keep]

`FOLDER` is the workspace that `benchmarks/real.py --full --keep` left, with its two nights. A third night adds gold solutions;
then the 0.5B learns from all accepted rows with a low-rank adapter (one SFT stage), and both models answer the same items of
GSM8K test, greedily, through `nightschool evaluate`. At most an hour on two quiet cores.

Its power, stated before it is run: with 150 items of which the two models answer about a fifth differently, as in a pilot (17 of
80), a two-sided sign test at .05 finds a true gain of 12 points nine times of ten, of 10 points seven times, of 5 points twice
(4,000 simulations each). What is not found here is therefore hardly a gain of 12 points; it may well be a smaller one.

before, after   right answers of `items`, with Wilson's intervals, by a reader that knows no judge of ours
gained, lost    items that only the trained, only the untrained model answers rightly; `p` is that of the exact sign test
"""

import argparse
import json
import math
import os
import sys
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

import yaml  # noqa: E402

from benchmarks.reality.numbers import final_number, number, wilson  # noqa: E402
from benchmarks.reality.product import Product  # noqa: E402
from benchmarks.shared.real_model import add_places, skipped  # noqa: E402
from benchmarks.shared.results import circumstances, keep  # noqa: E402

ITEMS = 150
GOLD = 120
BUDGET_TOKENS = 60_000
MAX_TOKENS = 400
DATE = "2026-01-03"


def main() -> None:
    arguments = _arguments()
    if skipped(arguments):
        return
    recipe = arguments.workspace.parent / "evidence.yaml"
    recipe.write_text(yaml.safe_dump(_recipe(arguments), sort_keys=False), encoding="utf-8")
    house = Product(arguments.workspace)
    house.run("run", str(recipe), "--date", DATE)
    trained = house.sql(
        "select checkpoint_id as id from checkpoints where stage = 'sft' order by created_at desc limit 1"
    )
    after = str(trained[0]["id"])
    for checkpoint in (str(arguments.model), after):
        house.run("evaluate", checkpoint, "--recipe", str(recipe))
    result = {**_paired(house, after), "rows": _rows(house), **circumstances()}
    if arguments.keep:
        keep("evidence", result)
    print(json.dumps(result) if arguments.json else json.dumps(result, indent=1))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--workspace", type=Path, required=True, help="workspace of a kept run of benchmarks/real.py")
    add_places(parser)
    parser.add_argument("--items", type=int, default=ITEMS, help="items of GSM8K test")
    parser.add_argument("--gold", type=int, default=GOLD, help="problems whose gold solutions are added")
    parser.add_argument("--budget-tokens", type=int, default=BUDGET_TOKENS, help="tokens to train on")
    parser.add_argument("--json", action="store_true", help="print one JSON object with the figures")
    parser.add_argument("--keep", action="store_true", help="keep the result in benchmarks/results")
    return parser.parse_args()


def _recipe(arguments: argparse.Namespace) -> dict[str, Any]:
    gsm8k = arguments.data.resolve() / "gsm8k"
    source = {"name": "gsm8k", "kind": "gsm8k", "heldout": 8, "options": {"path": str(gsm8k / "train.jsonl")}}
    test = {
        "name": "gsm8k-test", "kind": "gsm8k", "limit": arguments.items, "options": {"path": str(gsm8k / "test.jsonl")},
    }  # fmt: skip
    sft = {
        "adapter": {"r": 16}, "learning_rate": 2e-4, "budget_tokens": arguments.budget_tokens, "batch_tokens": 4_096,
        "micro_batch_tokens": 1_024, "max_length": 1_024, "threads": os.cpu_count() or 1,
    }  # fmt: skip
    return {
        "name": "evidence",
        "dataset": "real",
        "answer": "boxed",
        "problems": {"limit": arguments.gold, "sources": [source]},
        "models": {},
        "methods": [{"method": "gold"}],
        "base": {"checkpoint": str(arguments.model.resolve())},
        "train": {
            "plan": [{"sft": sft}],
            "evaluate": {"samples": 0, "max_tokens": MAX_TOKENS, "engine": "vllm", "benchmarks": [test]},
        },
    }


def _paired(house: Product, trained: str) -> dict[str, Any]:
    """Compare the two models item by item."""
    rows = house.sql(
        f"select e.problem_id, p.gold, e.response, e.checkpoint_id = '{trained}' as after "
        "from evaluations e join problems p using (problem_id) "
        "where e.mode = 'greedy' and p.source = 'gsm8k-test'"
    )
    right: dict[bool, dict[str, bool]] = {True: {}, False: {}}
    for row in rows:
        right[bool(row["after"])][row["problem_id"]] = final_number(row["response"]) == number(row["gold"])
    items = sorted(set(right[True]) & set(right[False]))
    gained = sum(right[True][item] and not right[False][item] for item in items)
    lost = sum(right[False][item] and not right[True][item] for item in items)
    before, after = (sum(right[side][item] for item in items) for side in (False, True))
    return {
        "items": len(items),
        "before": {"right": before, "interval": wilson(before, len(items))},
        "after": {"right": after, "interval": wilson(after, len(items))},
        "gained": gained,
        "lost": lost,
        "p": sign_test(gained, lost),
    }


def _rows(house: Product) -> dict[str, int]:
    """Accepted rows that may be learned from, by method."""
    counted = house.sql(
        "select method, count(*) as rows from accepted where kind = 'sft' group by method order by method"
    )
    return {row["method"]: row["rows"] for row in counted}


def sign_test(gained: int, lost: int) -> float:
    """Return the two-sided p-value of an exact sign test."""
    n = gained + lost
    tail = sum(math.comb(n, k) for k in range(min(gained, lost) + 1)) / 2**n
    return min(1.0, 2.0 * float(tail))


if __name__ == "__main__":
    main()
