"""What datasketch and rensa do with the same documents; run in their own environment by `curation.py`.

    python curation_peer.py documents.json threshold

Both get word 5-grams of `text.lower().split()`, the cheapest shingles Python can make. CPU seconds of each step on stdout.
"""

import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import datasketch
import rensa
import xxhash

SLOTS = 128


def shingles(text: str) -> list[str]:
    tokens = text.lower().split()
    return [" ".join(tokens[at : at + 5]) for at in range(max(1, len(tokens) - 4))]


def timed(action: Callable[[], Any]) -> tuple[float, Any]:
    start = time.process_time()
    result = action()
    return time.process_time() - start, result


def by_datasketch(texts: list[str]) -> list[Any]:
    sets = ([shingle.encode() for shingle in shingles(text)] for text in texts)
    return list(
        datasketch.MinHash.bulk(sets, num_perm=SLOTS, seed=1, scheme="affine32", hashfunc=xxhash.xxh32_intdigest)
    )


def keep_by_datasketch(texts: list[str], threshold: float) -> list[bool]:
    index, keep = datasketch.MinHashLSH(threshold=threshold, num_perm=SLOTS), []
    for number, signature in enumerate(by_datasketch(texts)):
        keep.append(not index.query(signature))
        if keep[-1]:
            index.insert(number, signature)
    return keep


def by_rensa(texts: list[str]) -> Any:
    return rensa.RMinHash.digest_matrix_from_token_sets([shingles(text) for text in texts], SLOTS, 42)


def by_rensa_rho(texts: list[str]) -> Any:
    return rensa.RMinHash.digest_matrix_from_token_sets_rho([shingles(text) for text in texts], SLOTS, 42)


def keep_by_rensa(texts: list[str], threshold: float) -> list[bool]:
    seen, keep = rensa.RMinHashDeduplicator(threshold, SLOTS, True, 16, 42), []
    signatures = rensa.RMinHash.from_token_sets([shingles(text) for text in texts], SLOTS, 42)
    for number, signature in enumerate(signatures):
        keep.append(bool(seen.add(str(number), signature)))
    return keep


def main() -> None:
    texts, threshold = json.loads(Path(sys.argv[1]).read_text()), float(sys.argv[2])
    signatures, _ = timed(lambda: by_datasketch(texts))
    matrix, _ = timed(lambda: by_rensa(texts))
    rho, _ = timed(lambda: by_rensa_rho(texts))
    dedup, kept = timed(lambda: keep_by_datasketch(texts, threshold))
    rensa_dedup, rensa_kept = timed(lambda: keep_by_rensa(texts, threshold))
    figures = {
        "datasketch": {"signatures_s": signatures, "dedup_s": dedup, "keep": kept},
        "rensa": {"signatures_s": min(matrix, rho), "dedup_s": rensa_dedup, "keep": rensa_kept},
    }
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
