"""Curation beside datasketch, rensa, Python sets and math-verify: duplicates, history, leaks, quality, answers.

    python benchmarks/curation.py [--json] [--quick] [--data FOLDER]

20,000 documents: GSM8K problems with their solutions (`--data` or $NIGHTSCHOOL_DATA, a folder with `gsm8k/train.jsonl`;
without it, arithmetic word problems) and Knights and Knaves puzzles, with copies in which a controlled share of the words
was changed. One process, one thread; CPU seconds (`time.process_time`), each side the best of `--rounds`; compilation and
imports are not counted. Peers (datasketch, rensa) run in `.venv-bench-curation`, which is made when missing, in the same
run. `..._vs_...` is their CPU seconds by ours: above 1 is faster. Result: `benchmarks/results/curation.json`.
"""

import argparse
import json
import os
import sys
from importlib.metadata import version
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

import numpy as np  # noqa: E402

from benchmarks.curating.documents import documents  # noqa: E402
from benchmarks.curating.duplicates import WISHES, measure_duplicates  # noqa: E402
from benchmarks.curating.history import BUILD, measure_history  # noqa: E402
from benchmarks.curating.meaning import measure_paraphrases  # noqa: E402
from benchmarks.curating.rules import measure_answers, measure_leaks, measure_quality  # noqa: E402
from benchmarks.shared.results import circumstances, keep  # noqa: E402
from filters.duplicates.sketch import SCHEME  # noqa: E402


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true", help="print one JSON object with the figures")
    parser.add_argument(
        "--quick", action="store_true", help="2,000 documents, 100,000 old rows at most; writes no result"
    )
    parser.add_argument(
        "--data", type=Path, default=os.environ.get("NIGHTSCHOOL_DATA"), help="folder that holds gsm8k/"
    )
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    data = Path(options.data) if options.data else None
    count, sizes = (2_000, (10_000, 100_000)) if options.quick else (20_000, (100_000, 1_000_000))
    texts = documents(data, count)
    detail: dict[str, Any] = {"documents": count, "median_characters": int(np.median([len(text) for text in texts]))}
    figures: dict[str, float] = {}
    for part in (
        lambda: measure_duplicates(texts, options.rounds, detail),
        lambda: measure_history(texts, options.rounds, sizes, detail),
        lambda: measure_leaks(texts, data, options.rounds, detail),
        lambda: measure_quality(texts, options.rounds, detail),
        lambda: measure_answers(data, options.rounds, detail),
        lambda: measure_paraphrases(data, BUILD, detail),
    ):
        for name, value in part().items():
            figures[name] = round(value, 4)
            print(f"{name}: {value:.4g}", file=sys.stderr)
    names = ("numba", "numpy", "pyarrow", "math-verify", "xxhash", "sympy")
    about = {
        "versions": {**{name: version(name) for name in names}, "peers": WISHES},
        "scheme": SCHEME,
        **circumstances(),
        "data": "gsm8k and puzzles" if data else "arithmetic word problems and puzzles",
    }
    if not options.quick:
        keep("curation", {**figures, "detail": detail, "about": about})
    print(json.dumps(figures) if options.json else json.dumps({**figures, "detail": detail}, indent=2))


if __name__ == "__main__":
    main()
