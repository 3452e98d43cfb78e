"""The judge of answers: what it gets wrong, whether all its callers say the same, and its speed beside math-verify.

    python benchmarks/answers.py [--json] [--data FOLDER] [--pairs 10000]

`false_correct`, `false_wrong_share` and `undecided_share`: over the cases of this repository and, with `--data` (or
NIGHTSCHOOL_DATA), those of the folder with real answers (`answers/` and `cases/`); the shares are of rows whose right
outcome is clear. `judges_disagree`: cases on which a caller (task, filter, reward, evaluation, pass rate, scorer) says something
else than the judge. `fuzz_false_correct`: over random pairs of expressions of known equality. `gsm8k_agreement`: with
people's labels of real solutions, and the same with the answer put behind prose. `latex_vs_math_verify` and
`gsm8k_vs_math_verify`: CPU seconds of math-verify / ours on the same inputs, above 1 is faster than the other.
The result goes to `benchmarks/results/answers.json`.
"""

import argparse
import json
import os
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

CHECKOUT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(CHECKOUT))

from benchmarks.shared.results import circumstances, keep  # noqa: E402

CASES = CHECKOUT / "tests" / "synth" / "answers"
HOSTILE = ("9^{9^{9^{9}}}", "(" * 150 + "1" + ")" * 150, "10^{10^{10}}", r"\sum_{k=1}^{999999999} k", "9" * 50 + "!")


def own_rows() -> list[Any]:
    """The cases of this repository."""
    from synth.answers.labelled import Row

    def read(name: str) -> list[Any]:
        return json.loads((CASES / f"{name}.json").read_text(encoding="utf-8"))

    rows = [Row(gold, response, right=right) for gold, response, right in read("responses")]
    rows += [Row(case["gold"], case["answer"], bare=True, right="CU") for case in read("correct_answers")]
    return rows + [Row(case["gold"], case["answer"], bare=True, right="WU") for case in read("wrong_answers")]


def shared_rows(data: Path | None) -> list[Any]:
    """The cases of the folder with real answers; those that are no pairs of answers are left out."""
    from synth.answers.labelled import read_row

    rows = []
    for folder in ("answers", "cases") if data is not None else ():
        for path in sorted((data or CHECKOUT).joinpath(folder).glob("*.jsonl")):
            for line in path.read_text(encoding="utf-8").splitlines():
                record = json.loads(line)
                if "gold" in record and ("response" in record or "pred" in record) and {"right", "equal"} & set(record):
                    rows.append(read_row(record, path.name))
    return rows


def correctness(rows: Sequence[Any]) -> dict[str, Any]:
    """Count what is judged otherwise than people do."""
    from synth.answers.judge import judge, judge_answer
    from synth.answers.labelled import counts, judge_rows

    def check(row: Any) -> Any:
        return (judge_answer if row.bare else judge)(row.gold, row.text, options=row.options)

    judged = judge_rows(enumerate(rows, 1), check, "rows")
    table = counts(judged)
    clear = sum(len(row.right) == 1 and row.right != "U" for row in rows) or 1
    return {
        "cases": len(rows),
        "false_correct": table["false_correct"],
        "false_wrong_share": round(table["false_wrong"] / clear, 5),
        "undecided_share": round(table["needlessly_undecided"] / clear, 5),
    }


def disagreements(rows: Sequence[Any]) -> int:
    """How many responses a caller judges otherwise than the judge."""
    from tests.synth.answers.callers import CALLERS, problem_of

    apart = 0
    for row in rows:
        problem = problem_of(row.gold)
        outcomes = {caller(problem, row.text) for caller in CALLERS.values()}
        apart += len(outcomes) > 1
    return apart


def seconds(work: Callable[[], Any]) -> tuple[float, Any]:
    """CPU seconds, and what came of it."""
    start = time.process_time()
    result = work()
    return time.process_time() - start, result


def forget() -> None:
    """Empty the caches, so that a measurement begins anew."""
    for name, module in list(sys.modules.items()):
        if name.startswith("synth.answers."):
            for value in vars(module).values():
                if hasattr(value, "cache_clear") and value.__module__ == name and value.__name__ != "pool":
                    value.cache_clear()


def fuzzed(count: int) -> dict[str, Any]:
    """Random pairs of expressions of known equality: errors, and speed beside math-verify."""
    from math_verify import parse, verify

    from synth.answers.judge import judge_answer
    from tests.synth.answers.pairs import pairs

    compared = list(pairs(count, seed=1))
    forget()
    ours, outcomes = seconds(lambda: [judge_answer(gold, answer).outcome.value for gold, answer, _ in compared])
    some = compared[:400]
    theirs, verdicts = seconds(
        lambda: [bool(verify(parse(f"${gold}$"), parse(f"${answer}$"))) for gold, answer, _ in some]
    )
    judged = list(zip(outcomes, compared, strict=True))
    return {
        "fuzz_pairs": count,
        "fuzz_false_correct": sum(outcome == "correct" and not equal for outcome, (_, _, equal) in judged),
        "fuzz_false_wrong": sum(outcome == "wrong" and equal for outcome, (_, _, equal) in judged),
        "fuzz_decided_right": round(
            sum(outcome == ("correct" if pair[2] else "wrong") for outcome, pair in judged) / count, 5
        ),
        "math_verify_decided_right": round(
            sum(verdict == pair[2] for verdict, pair in zip(verdicts, some, strict=True)) / len(some), 5
        ),
        "latex_vs_math_verify": round((theirs / len(some)) / (ours / count), 1),
    }


def solutions(data: Path | None) -> list[tuple[str, str, bool]]:
    """Real solutions with people's labels; without the folder, as many made ones."""
    if data is None:
        steps = "They had {0} and found 7 more, so 7 + {0} = {1}.\n"
        return [
            (str(n + 7), steps.format(n, n + 7 + n % 3) * 3 + f"#### {n + 7 + n % 3}", n % 3 == 0) for n in range(1_200)
        ]
    labelled = []
    for line in (data / "gsm8k" / "model_solutions.jsonl").read_text(encoding="utf-8").splitlines():
        item = json.loads(line)
        gold = item["ground_truth"].rpartition("A:")[2].strip()
        parts = [value for value in item.values() if isinstance(value, dict) and "solution" in value]
        labelled += [(gold, part["solution"], bool(part["is_correct"])) for part in parts]
    return labelled


def behind_prose(text: str) -> str:
    """The same solution with its answer behind the prose of the last line."""
    head, _, last = text.rstrip().rpartition("\n")
    for mark in ("A: ", "#### "):
        if last.startswith(mark):
            return f"{head} And that is how many there are. #### {last.removeprefix(mark)}"
    return text


def solved(data: Path | None) -> dict[str, Any]:
    """Agreement with people's labels of real solutions, and speed beside math-verify."""
    from math_verify import parse, verify

    from synth.answers.judge import judge

    labelled = solutions(data)
    forget()
    ours, outcomes = seconds(lambda: [judge(gold, text).outcome.value for gold, text, _ in labelled])
    prose = [judge(gold, behind_prose(text)).outcome.value for gold, text, _ in labelled]
    some = labelled[:300]
    theirs, _ = seconds(lambda: [bool(verify(parse(gold), parse(text))) for gold, text, _ in some])
    labels = [right for _, _, right in labelled]

    def agreement(verdicts: Sequence[str]) -> float:
        return round(
            sum((outcome == "correct") == right for outcome, right in zip(verdicts, labels, strict=True)) / len(labels),
            5,
        )

    return {
        "gsm8k_solutions": len(labelled),
        "gsm8k_agreement": agreement(outcomes),
        "gsm8k_agreement_behind_prose": agreement(prose),
        "gsm8k_vs_math_verify": round((theirs / len(some)) / (ours / len(labelled)), 1),
    }


def slowest() -> float:
    """Seconds that the slowest hostile answer takes, when the processes for algebra are running."""
    from synth.answers.algebra.symbolic import compare_symbolically
    from synth.answers.judge import judge_answer

    compare_symbolically("x+1", "1+x")
    longest = 0.0
    for text in HOSTILE:
        start = time.perf_counter()
        judge_answer("x^2+1", text)
        longest = max(longest, time.perf_counter() - start)
    return round(longest, 3)


def main() -> None:
    """Measure, write the result and print it."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--json", action="store_true", help="print the JSON object only")
    parser.add_argument(
        "--data", type=Path, default=os.environ.get("NIGHTSCHOOL_DATA"), help="folder with real answers"
    )
    parser.add_argument("--pairs", type=int, default=10_000)
    options = parser.parse_args()
    data = Path(options.data) if options.data else None
    started = time.perf_counter()
    rows = own_rows() + shared_rows(data)
    result: dict[str, Any] = correctness(rows)
    result["judges_disagree"] = disagreements([row for row in rows if not row.bare])
    result |= fuzzed(options.pairs) | solved(data)
    result |= {"slowest_hostile_s": slowest(), **circumstances()}
    keep("answers", result)
    print(json.dumps(result, indent=None if options.json else 2))
    print(f"{time.perf_counter() - started:.0f} s", file=sys.stderr)


if __name__ == "__main__":
    main()
