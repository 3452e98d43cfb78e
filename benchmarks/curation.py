"""Curation beside the specialists: duplicates, history, leaks, quality, answers.

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
import platform
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
CHECKOUT = HERE.parent
sys.path.insert(0, str(CHECKOUT))

import numpy as np  # noqa: E402
import pyarrow as pa  # noqa: E402

from filters.banding import band_keys  # noqa: E402
from filters.benchmark_index import GRAM, BenchmarkIndex, View  # noqa: E402
from filters.benchmarks import Item  # noqa: E402
from filters.first_wins import keep_first  # noqa: E402
from filters.history import group, similar_before  # noqa: E402
from filters.screen import Screen  # noqa: E402
from filters.sketch import SCHEME, SLOTS, shingles  # noqa: E402
from filters.sketches import sketch_parts, sketch_texts  # noqa: E402
from filters.text import ngrams  # noqa: E402
from storage.history_run import Entries, Run, write_run  # noqa: E402
from synth.problems.base import Outcome  # noqa: E402

RESULT = HERE / "results" / "curation.json"
PEERS = CHECKOUT / ".venv-bench-curation"
WISHES = ["rensa==0.5.0", "datasketch==2.0.0", "xxhash>=3.5"]
THRESHOLD = 0.8


def word_problems(data: Path | None, count: int) -> list[tuple[str, str]]:
    """Questions with solutions."""
    if data is not None:
        lines = (data / "gsm8k" / "train.jsonl").read_text(encoding="utf-8").splitlines()[:count]
        return [(item["question"], item["answer"]) for item in map(json.loads, lines)]
    from synth.problems import get_task
    from synth.problems.arithmetic import Arithmetic

    problems = Arithmetic(tiers=(2, 3)).draw(count, seed=1)
    return [(problem.prompt, get_task("arithmetic").solve(problem) or "") for problem in problems]


def puzzles(count: int) -> list[tuple[str, str]]:
    from synth.problems import get_task
    from synth.problems.knights_knaves import KnightsKnaves

    problems = KnightsKnaves(people=(3, 4, 5)).draw(count, seed=1)
    return [(problem.prompt, get_task("knights_knaves").solve(problem) or "") for problem in problems]


def edited(text: str, share: float, rng: random.Random) -> str:
    words = text.split(" ")
    for at in range(len(words)):
        if rng.random() < share:
            words[at] = rng.choice(words)
    return " ".join(words)


def documents(data: Path | None, count: int) -> list[str]:
    """Problems with solutions, two thirds from words and one third puzzles, and edited copies, in a fixed random order."""
    rng = random.Random(7)
    base = word_problems(data, count // 3) + puzzles(count // 6)
    made = []
    while len(made) < count:
        for question, solution in base:
            text = f"{question}\n{solution}"
            share = rng.choice([0.0, 0.005, 0.01, 0.02, 0.03, 0.05, 0.1, 0.3])
            made.append(edited(text, share, rng) if made and len(made) > len(base) else text)
    rng.shuffle(made)
    return made[:count]


def best(action: Callable[[], Any], rounds: int) -> tuple[float, Any]:
    """CPU seconds of the best round, and what came out."""
    times, found = [], None
    for _ in range(rounds):
        start = time.process_time()
        found = action()
        times.append(time.process_time() - start)
    return min(times), found


def peers(texts: Sequence[str]) -> dict[str, Any]:
    python = PEERS / "bin" / "python"
    stamp = PEERS / "wishes.json"
    if not (stamp.exists() and json.loads(stamp.read_text()) == WISHES):
        print(f"making {PEERS.name} with {', '.join(WISHES)}", file=sys.stderr)
        subprocess.run([sys.executable, "-m", "venv", str(PEERS)], check=True)
        subprocess.run([str(python), "-m", "pip", "install", "--quiet", *WISHES], check=True)
        stamp.write_text(json.dumps(WISHES))
    with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
        json.dump(texts, file)
        file.flush()
        command = [str(python), str(HERE / "peers" / "curation_peer.py"), file.name, str(THRESHOLD)]
        done = subprocess.run(
            command, capture_output=True, text=True, check=True, env=os.environ | {"OMP_NUM_THREADS": "1"}
        )
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def exact_greedy(texts: Sequence[str]) -> list[bool]:
    """First wins by exact Jaccard, every pair that can reach the threshold (prefix filter), on sets of strings."""
    sets = [set(shingles(text)) for text in texts]
    often: dict[str, int] = {}
    for one in sets:
        for shingle in one:
            often[shingle] = often.get(shingle, 0) + 1
    holders: dict[str, list[int]] = {}
    keep = []
    for number, one in enumerate(sets):
        order = sorted(one, key=lambda shingle: (often[shingle], shingle))
        prefix = order[: len(order) - int(np.ceil(THRESHOLD * len(order))) + 1]
        seen = {other for shingle in prefix for other in holders.get(shingle, ())}
        keep.append(not any(len(one & sets[other]) >= THRESHOLD * len(one | sets[other]) for other in seen))
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
            name: {"signatures": count / one["signatures_s"], "dedup": count / one["dedup_s"]}
            for name, one in theirs.items()
        },
    }
    detail["dropped"] = {"exact": truth.count(False), "ours": keep.count(False)}
    detail["peers_recall_precision"] = {name: score(one["keep"], truth) for name, one in theirs.items()}
    return {
        "signatures_vs_datasketch": theirs["datasketch"]["signatures_s"] / signing,
        "signatures_vs_rensa": theirs["rensa"]["signatures_s"] / signing,
        "dedup_vs_datasketch": theirs["datasketch"]["dedup_s"] / dedup,
        "dedup_vs_rensa": theirs["rensa"]["dedup_s"] / dedup,
        "dedup_recall": recall,
        "dedup_precision": precision,
    }


def history_of(texts: Sequence[str], count: int, folder: Path) -> Run:
    """An index of old rows: signatures of the texts first, then as many more whose slots are shuffled among rows."""
    parts = [[("", part)] for text in texts for part in text.split("\n", 1)]
    made = sketch_parts(parts, [0, 1] * len(texts))
    slots = made.slots.reshape(len(texts), 2 * SLOTS)
    sets = np.concatenate([made.of(part) for part in range(len(parts))])
    rng = np.random.default_rng(0)
    blocks = [slots]
    while sum(map(len, blocks)) < count:
        block = slots.copy()
        for at in range(0, 2 * SLOTS, 4):  # each run of four slots from another row: as alike as strangers are
            block[:, at : at + 4] = slots[rng.permutation(len(slots)), at : at + 4]
        blocks.append(block)
    every = np.concatenate(blocks)[:count]
    whole = np.minimum(every[:, :SLOTS], every[:, SLOTS:])
    keys = band_keys(whole, [group("cot", "math_word")] * count)
    exact = rng.integers(0, 2**64, (count, 2), dtype=np.uint64)
    copies = -(-count // len(texts))
    sizes = np.tile(np.diff(made.offsets), copies)[: 2 * count]
    ends = np.cumsum(sizes, dtype=np.uint64)
    shingles = [sets] * copies
    shingles[-1] = sets[: int(ends[-1]) - (copies - 1) * len(sets)]
    ids, nights = [f"{n:032x}" for n in range(count)], ["2026-01-01/x"] * count
    entries = Entries(ids, nights, exact, keys, every, shingles, ends)
    return write_run(entries, folder)


def look_up(folder: str, tonight: str) -> None:
    """Compare tonight's texts with an index, in a process of its own; prints CPU seconds and memory."""
    texts = json.loads(Path(tonight).read_text())
    run = Run.open(Path(folder))
    warm = sketch_parts([[("", "é")], [("", "b")]], [0, 1])
    similar_before([run], warm, band_keys(warm.whole, ["?"]), set(), threshold=0.8, cap=256)
    before, start = peak_mb(), time.process_time()
    parts = [[("", part)] for text in texts for part in text.split("\n", 1)]
    made = sketch_parts(parts, [0, 1] * len(texts))
    keys = band_keys(made.whole, [group("cot", "math_word")] * len(texts))
    found = similar_before([run], made, keys, set(), threshold=THRESHOLD, cap=256)
    used = time.process_time() - start
    print(json.dumps({"cpu_s": used, "mb": peak_mb() - before, "found": len(found)}))


def peak_mb() -> float:
    """Most memory this process ever held, mapped pages included."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmHWM"):
            return int(line.split()[1]) / 1024
    return 0.0


def measure_history(texts: list[str], rounds: int, sizes: tuple[int, int], detail: dict[str, Any]) -> dict[str, float]:
    found: dict[int, dict[str, float]] = {}
    with tempfile.TemporaryDirectory(dir=CHECKOUT) as temporary:
        tonight = Path(temporary) / "tonight.json"
        rng = random.Random(3)
        fresh = texts[-500:] + [edited(text, 0.01, rng) for text in texts[:500]]
        tonight.write_text(json.dumps(fresh))
        for size in sizes:
            history_of(texts[: len(texts) - 500], size, Path(temporary) / f"run-{size}")
            runs = []
            for _ in range(rounds):
                command = [sys.executable, __file__, "--look-up", str(Path(temporary) / f"run-{size}"), str(tonight)]
                runs.append(json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout))
            found[size] = {name: min(run[name] for run in runs) for name in ("cpu_s", "mb", "found")}
    small, large = found[sizes[0]], found[sizes[1]]
    detail["history"] = {f"{size:,}": values for size, values in found.items()}
    return {
        "incremental_1m_cpu_s": large["cpu_s"],
        "incremental_1m_mb": large["mb"],
        "incremental_1m_vs_100k": large["cpu_s"] / small["cpu_s"],
    }


def measure_leaks(texts: list[str], data: Path | None, rounds: int, detail: dict[str, Any]) -> dict[str, float]:
    """Any shared 8-gram with a benchmark question: Python sets of strings, and the hashed screen."""
    if data is not None:
        lines = (data / "gsm8k" / "test.jsonl").read_text(encoding="utf-8").splitlines()
        items = [json.loads(line)["question"] for line in lines]
    else:
        items = [question for question, _ in word_problems(None, 9_000)[-1_319:]]
    rng = random.Random(5)
    texts = [f"{text} {rng.choice(items)}" if rng.random() < 0.01 else text for text in texts]
    index = BenchmarkIndex([Item("b", str(n), "t", item) for n, item in enumerate(items)], frozenset())
    known = {gram for view in index.views for gram in ngrams(view.tokens, GRAM)}

    def by_sets() -> list[bool]:
        return [not known.isdisjoint(ngrams(View(text).tokens, GRAM)) for text in texts]

    array = pa.array(texts, pa.large_string())
    screen = Screen.of_runs({GRAM: known})
    screen.texts(array[:10])
    ours, flags = best(lambda: screen.texts(array).tolist(), rounds)
    sets, expected = best(by_sets, 1)
    if flags != expected:
        raise SystemExit("decontamination: the flags differ")
    detail["decontamination"] = {
        "flagged": sum(flags),
        "ours_per_cpu_s": len(texts) / ours,
        "sets_per_cpu_s": len(texts) / sets,
    }
    return {"decontamination_vs_sets": sets / ours}


def measure_quality(texts: list[str], rounds: int, detail: dict[str, Any]) -> dict[str, float]:
    """The trace rules on what is repeated, over whole rows, verdicts included; loops are planted in a tenth."""
    from filters import Context, get_filter

    rng = random.Random(9)
    looping = [" ".join(text.split()[:25]) for text in texts]
    rows = [
        text if rng.random() < 0.9 else "\n".join([loop] * rng.randrange(2, 12))
        for text, loop in zip(texts, looping, strict=True)
    ]
    samples = pa.table(
        {"sample_id": [f"{n:06}" for n in range(len(rows))], "response": rows, "task": ["math_word"] * len(rows)}
    )
    judge = get_filter("repetition")
    judge(samples.slice(0, 5), Context())
    ours, found = best(lambda: judge(samples, Context()), rounds)
    os.environ["NIGHTSCHOOL_NUMBA"] = "0"
    plain, expected = best(lambda: judge(samples, Context()), 1)
    del os.environ["NIGHTSCHOOL_NUMBA"]
    if not found.equals(expected):
        raise SystemExit("quality: the verdicts differ")
    detail["quality"] = {"ours_per_cpu_s": len(rows) / ours, "python_per_cpu_s": len(rows) / plain}
    return {"quality_vs_python": plain / ours}


def labelled_answers(data: Path | None) -> list[tuple[str, str, bool]]:
    """Gold, what a model answered, and whether people say it is right."""
    if data is None:
        rng = random.Random(2)
        return [(str(gold), str(gold + rng.choice([0, 0, 1, 10])), False) for gold in range(1_000)]
    found = []
    for line in (data / "gsm8k" / "model_solutions.jsonl").read_text(encoding="utf-8").splitlines():
        item = json.loads(line)
        gold = item["ground_truth"].rpartition("A:")[2].strip()
        for value in item.values():
            if isinstance(value, dict) and "solution" in value:
                found.append((gold, value["solution"], bool(value["is_correct"])))
    return found


def measure_answers(data: Path | None, rounds: int, detail: dict[str, Any]) -> dict[str, float]:
    from math_verify import parse
    from math_verify import verify as their_verify

    from filters.verification import verify
    from synth.problems.answers import final_answer

    labelled = labelled_answers(data)
    if data is None:
        labelled = [(gold, f"#### {answer}", gold == answer) for gold, answer, _ in labelled]
    ours, outcomes = best(lambda: [verify(gold, final_answer(text)).outcome for gold, text, _ in labelled], rounds)

    def plain() -> list[bool]:
        return [bool(their_verify(parse(gold), parse(text))) for gold, text, _ in labelled]

    theirs, said = best(plain, 1)
    pairs = [(outcome, label) for outcome, (_, _, label) in zip(outcomes, labelled, strict=True)]
    agree = sum((outcome is Outcome.CORRECT) == label for outcome, label in pairs)
    cases = CHECKOUT / "tests" / "filters"
    wrong, right = (json.loads((cases / f"{name}_answers.json").read_text()) for name in ("wrong", "correct"))
    verify("x+1", "1+x")
    false = sum(verify(case["gold"], case["answer"]).outcome is Outcome.CORRECT for case in wrong)
    decided = sum(verify(case["gold"], case["answer"]).outcome is Outcome.CORRECT for case in right)
    detail["verification"] = {
        "answers": len(labelled),
        "ours_per_cpu_s": len(labelled) / ours,
        "math_verify_per_cpu_s": len(labelled) / theirs,
        "math_verify_agreement": sum(one == label for one, (_, _, label) in zip(said, labelled, strict=True))
        / len(labelled),
        "wrong_cases": len(wrong),
        "correct_cases": len(right),
    }
    return {
        "verify_vs_math_verify": theirs / ours,
        "verify_agreement": agree / len(labelled),
        "verify_false_positives": false,
        "verify_recall": decided / len(right),
    }


def main() -> None:
    if sys.argv[1:2] == ["--look-up"]:
        look_up(sys.argv[2], sys.argv[3])
        return
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
    ):
        for name, value in part().items():
            figures[name] = round(value, 4)
            print(f"{name}: {value:.4g}", file=sys.stderr)
    names = ("numba", "numpy", "pyarrow", "math-verify", "xxhash", "sympy")
    about = {
        "versions": {"python": platform.python_version(), **{name: version(name) for name in names}, "peers": WISHES},
        "scheme": SCHEME,
        "date": datetime.now(UTC).date().isoformat(),
        "machine": f"{platform.machine()}, {os.cpu_count()} cores",
        "data": "gsm8k and puzzles" if data else "arithmetic word problems and puzzles",
    }
    if not options.quick:
        RESULT.parent.mkdir(exist_ok=True)
        RESULT.write_text(json.dumps({**figures, "detail": detail, "about": about}, indent=2) + "\n", encoding="utf-8")
    print(json.dumps(figures) if options.json else json.dumps({**figures, "detail": detail}, indent=2))


if __name__ == "__main__":
    main()
