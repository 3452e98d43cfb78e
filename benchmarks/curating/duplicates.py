"""Signatures and near duplicates beside datasketch and rensa, judged by exact greedy first-wins."""

import json
import os
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from benchmarks.curating.documents import best
from benchmarks.shared.peers import peers_python
from filters.duplicates.first_wins import keep_first
from filters.duplicates.sketch import shingles
from filters.duplicates.sketches import sketch_texts

BENCHMARKS = Path(__file__).resolve().parents[1]
WISHES = ["rensa==0.5.0", "datasketch==2.0.0", "xxhash>=3.5"]
THRESHOLD = 0.8


def peers(texts: Sequence[str]) -> dict[str, Any]:
    python = peers_python("curation", WISHES)
    with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
        json.dump(texts, file)
        file.flush()
        command = [str(python), str(BENCHMARKS / "peers" / "curation_peer.py"), file.name, str(THRESHOLD)]
        done = subprocess.run(
            command, capture_output=True, text=True, check=True, env=os.environ | {"OMP_NUM_THREADS": "1"}
        )
    return dict(json.loads(done.stdout))


def exact_greedy(texts: Sequence[str]) -> list[bool]:
    """First wins by exact Jaccard, every pair that can reach the threshold (prefix filter), on sets of strings."""
    sets = [set(shingles(text)) for text in texts]
    often: dict[str, int] = {}
    for shingles_of in sets:
        for shingle in shingles_of:
            often[shingle] = often.get(shingle, 0) + 1
    holders: dict[str, list[int]] = {}
    keep = []
    for number, shingles_of in enumerate(sets):
        order = sorted(shingles_of, key=lambda shingle: (often[shingle], shingle))
        prefix = order[: len(order) - int(np.ceil(THRESHOLD * len(order))) + 1]
        seen = {other for shingle in prefix for other in holders.get(shingle, ())}
        keep.append(
            not any(len(shingles_of & sets[other]) >= THRESHOLD * len(shingles_of | sets[other]) for other in seen)
        )
        if keep[-1]:
            for shingle in prefix:
                holders.setdefault(shingle, []).append(number)
    return keep


def score(keep: Sequence[bool], truth: Sequence[bool]) -> tuple[float, float]:
    """Recall and precision of what is dropped."""
    both = sum(not ours and not right for ours, right in zip(keep, truth, strict=True))
    return both / max(1, truth.count(False)), both / max(1, list(keep).count(False))


def measure_duplicates(texts: list[str], rounds: int, detail: dict[str, Any]) -> dict[str, float]:
    array = pa.array(texts, pa.large_string())
    keep_first(sketch_texts(texts[:50]))
    signing, _ = best(lambda: sketch_texts(array), rounds)
    dedup, keep = best(lambda: keep_first(sketch_texts(array), threshold=THRESHOLD).tolist(), rounds)
    truth = exact_greedy(texts)
    recall, precision = score(keep, truth)
    theirs = peers(texts)
    count = len(texts)
    detail["documents_per_cpu_s"] = {
        "ours": {"signatures": count / signing, "dedup": count / dedup},
        **{
            name: {"signatures": count / peer["signatures_s"], "dedup": count / peer["dedup_s"]}
            for name, peer in theirs.items()
        },
    }
    detail["dropped"] = {"exact": truth.count(False), "ours": keep.count(False)}
    detail["peers_recall_precision"] = {name: score(peer["keep"], truth) for name, peer in theirs.items()}
    return {
        "signatures_vs_datasketch": theirs["datasketch"]["signatures_s"] / signing,
        "signatures_vs_rensa": theirs["rensa"]["signatures_s"] / signing,
        "dedup_vs_datasketch": theirs["datasketch"]["dedup_s"] / dedup,
        "dedup_vs_rensa": theirs["rensa"]["dedup_s"] / dedup,
        "dedup_recall": recall,
        "dedup_precision": precision,
    }
