"""Choosing among the answers of a real model: what each chooser is worth, and how often a vote is right.

    python benchmarks/choosing.py [--json] [--full] [--model FOLDER] [--data FOLDER] [--keep FOLDER]
    python benchmarks/choosing.py --table           the kept result as Markdown

Needs real weights (`--model` or $NIGHTSCHOOL_REAL_MODEL) and GSM8K (`--data` or $NIGHTSCHOOL_DATA, a folder that holds `gsm8k/`);
without them it says so and keeps nothing. `--full`, the kept run: 60 problems with 8 answers each, about 150,000 tokens (20 minutes
of two quiet cores with a model of 0.5B). Run again with the same `--keep` it goes on where it was ended.

The night is given the questions of GSM8K's test set without their answers, so whatever it says of them is the vote's or the
model's. Right is what `benchmarks/reality/numbers.py` calls right, which imports neither our judge nor our filters. Each chooser
then runs over the kept scores, those that look at `answer` with the hidden gold answers.

pass_at_1      share of right answers: what choice by lot yields
oracle         share of problems with a right answer among the candidates
choosers       of each chooser the share of problems on which what it takes is right (a problem on which it takes none counts as not
               right), the share on which it takes any, and its gain over choice by lot; 95 % bootstrap intervals over problems
vote_labels    rows of `majority_labels`: problems that were labelled, and how often the label is the hidden gold answer
"""

import argparse
import json
import random
import sys
import tempfile
from collections import defaultdict
from collections.abc import Callable, Sequence
from fractions import Fraction
from pathlib import Path
from statistics import fmean
from typing import Any

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

import yaml  # noqa: E402

from benchmarks.real import CONCURRENCY, CONTEXT, MAX_TOKENS  # noqa: E402
from benchmarks.reality.numbers import final_number, number, wilson  # noqa: E402
from benchmarks.reality.product import Product  # noqa: E402
from benchmarks.shared.real_model import add_places, skipped  # noqa: E402
from benchmarks.shared.results import circumstances, keep, last  # noqa: E402
from synth.choosers import CHOOSERS, Choosing  # noqa: E402
from synth.scorers import Candidate, Score  # noqa: E402

NIGHT = "2026-01-01"
DRAWS = 2_000
KEPT = ("length", "vote", "similarity", "entropy", "genselect")
"""Scores that the night keeps; `answer` is put beside them afterwards, from the hidden gold answers."""
RANKED_BY = ("vote", "similarity", "genselect")
"""Scores by which the choosers that rank do so here; of a pair it is the better half that counts."""


def main() -> None:
    """Measure, keep and print."""
    arguments = _arguments()
    if arguments.table:
        print(table(last("choosing")))
        return
    if skipped(arguments):
        return
    with tempfile.TemporaryDirectory(prefix="nightschool-choosing-") as scratch:
        folder = arguments.keep or Path(scratch)
        folder.mkdir(parents=True, exist_ok=True)
        result = measure(arguments, folder)
    if arguments.full:
        keep("choosing", result)
    print(json.dumps(result) if arguments.json else json.dumps(result, indent=1))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--full", action="store_true", help="60 problems, 8 answers each; keeps the result")
    parser.add_argument("--table", action="store_true", help="measure nothing, print the kept result as Markdown")
    add_places(parser)
    parser.add_argument("--problems", type=int, help="problems instead of 8 (60 with --full)")
    parser.add_argument("--samples", type=int, default=8, help="answers per problem")
    parser.add_argument("--keep", type=Path, help="workspace to use and to leave")
    arguments = parser.parse_args()
    arguments.problems = arguments.problems or (60 if arguments.full else 8)
    return arguments


def measure(arguments: argparse.Namespace, folder: Path) -> dict[str, Any]:
    """Run the night, choose in every way, and return the figures."""
    hidden = _questions(Path(arguments.data), folder / "questions.jsonl", arguments.problems)
    recipe = folder / "candidates.yaml"
    recipe.write_text(yaml.safe_dump(_recipe(arguments, folder), sort_keys=False), encoding="utf-8")
    house = Product(folder / "workspace")
    house.run("run", str(recipe), "--date", NIGHT)
    problems = _problems(house, hidden)
    by_lot = {problem: fmean(one["right"] for one in rows) for problem, rows in problems.items()}
    return {
        "pass_at_1": _share(list(by_lot.values())),
        "oracle": _share([float(any(one["right"] for one in rows)) for rows in problems.values()]),
        "choosers": {
            f"{name} by {by}" if by else name: _chosen(name, by, problems, by_lot)
            for name in CHOOSERS.names()
            if {*CHOOSERS.get(name).needs} <= {*KEPT, "answer"}  # the others need a second model
            for by in (RANKED_BY if CHOOSERS.get(name).ranks else ("",))
        },
        "vote_labels": _labels(house, hidden, len(problems)),
        "problems": len(problems),
        "samples": arguments.samples,
        "model": Path(arguments.model).name,
        **circumstances(),
    }


def _questions(data: Path, out: Path, count: int) -> dict[str, Fraction | None]:
    """Write the questions without their answers, and return the answers by question."""
    lines = (data / "gsm8k" / "test.jsonl").read_text(encoding="utf-8").splitlines()[:count]
    rows = [json.loads(line) for line in lines]
    out.write_text("".join(json.dumps({"question": row["question"]}) + "\n" for row in rows), encoding="utf-8")
    return {row["question"].strip(): number(row["answer"].rpartition("####")[2]) for row in rows}


def _recipe(arguments: argparse.Namespace, folder: Path) -> dict[str, Any]:
    model = Path(arguments.model).resolve()
    role = {"engine": "vllm", "checkpoint": str(model), "concurrency": CONCURRENCY, "max_model_len": CONTEXT}
    options = {"path": str((folder / "questions.jsonl").resolve()), "mapping": {"question": "question"}}
    shared = {"samples": arguments.samples, "temperature": 0.7, "max_tokens": MAX_TOKENS}
    return {
        "name": "candidates",
        "dataset": "candidates",
        "answer": "boxed",
        "problems": {"limit": arguments.problems, "sources": [{"name": "hidden", "kind": "file", "options": options}]},
        "models": {"teacher": role, "grader": role},
        "methods": [
            {"method": "candidates", "params": {**shared, "chooser": "majority", "scorers": list(KEPT)}},
            {"method": "majority_labels", "params": shared},
        ],
        "budget": {"failures": None},
        "alarms": {"share": 1.0},
    }


def _problems(house: Product, hidden: dict[str, Fraction | None]) -> dict[str, list[dict[str, Any]]]:
    """Return the candidates of each problem in the order of sampling, with their scores and whether they are right."""
    rows = house.sql(
        "select s.sample_id, p.prompt, s.response, s.parents[-1] as call_id, (s.attrs->>'candidate')::int as candidate "
        "from samples s join problems p using (problem_id) where s.method = 'candidates' order by p.problem_id, candidate"
    )
    scores: dict[str, dict[str, float | None]] = defaultdict(dict)
    for row in house.sql("select sample_id, scorer, value from scores"):
        scores[row["sample_id"]][row["scorer"]] = row["value"]
    problems: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for row in rows:
        right = final_number(row["response"]) == hidden[row["prompt"]]
        problems[row["prompt"]].append(
            {**row, "right": right, "scores": {**scores[row["sample_id"]], "answer": float(right)}}
        )
    return dict(problems)


def _chosen(name: str, by: str, problems: dict[str, list[dict[str, Any]]], by_lot: dict[str, float]) -> dict[str, Any]:
    chooser = CHOOSERS.get(name)
    right, taken, gains = [], [], []
    for seed, (problem, rows) in enumerate(problems.items()):
        candidates = [Candidate(row["response"], row["call_id"]) for row in rows]
        scores = {scorer: [Score(row["scores"].get(scorer)) for row in rows] for scorer in (*KEPT, "answer")}
        choice = chooser(candidates, scores, Choosing(seed, by))
        share = fmean(rows[number]["right"] for number in choice.taken) if choice.taken else 0.0
        right.append(share)
        taken.append(float(bool(choice.taken)))
        gains.append(share - by_lot[problem])
    return {
        **_share(right),
        "takes": round(fmean(taken), 4),
        "gain": _share(gains),
        "sees_gold": "answer" in chooser.needs,
    }


def _share(values: Sequence[float], measured: Callable[[Sequence[float]], float] = fmean) -> dict[str, Any]:
    """A mean over problems with its bootstrap interval."""
    draw = random.Random(0)
    means = sorted(measured(draw.choices(values, k=len(values))) for _ in range(DRAWS))
    interval = [round(means[int(DRAWS * place)], 4) for place in (0.025, 0.975)]
    return {"mean": round(measured(values), 4), "interval": interval}


def _labels(house: Product, hidden: dict[str, Fraction | None], problems: int) -> dict[str, Any]:
    rows = house.sql(
        "select p.prompt, any_value(s.notes->>'$.label.gold') as label from samples s join problems p using (problem_id) "
        "where s.method = 'majority_labels' and s.gold_source = 'vote' group by p.prompt"
    )
    right = sum(number(row["label"]) == hidden[row["prompt"]] for row in rows)
    low, high = wilson(right, len(rows))
    return {
        "labelled": len(rows),
        "of": problems,
        "right": right,
        "accuracy": round(right / len(rows), 4) if rows else None,
        "interval": [round(low, 4), round(high, 4)],
    }


def table(result: dict[str, Any]) -> str:
    """Return what is in a result as Markdown: choosers that see no gold answer first, in each group the best first."""
    if not result:
        return "nothing is kept yet; run with --full"

    def shown(share: dict[str, Any]) -> str:
        low, high = share["interval"]
        return f"{share['mean']:.3f} [{low:.3f}, {high:.3f}]"

    ranked = sorted(result["choosers"].items(), key=lambda item: (item[1]["sees_gold"], -item[1]["mean"], item[0]))
    labels, seeing = result["vote_labels"], " (sees the gold answer)"
    low, high = labels["interval"]
    return "\n".join(
        [
            "| | right | takes any | gain over choice by lot |",
            "|---|--:|--:|--:|",
            f"| one answer by lot (pass@1) | {shown(result['pass_at_1'])} | 1.00 | |",
            f"| a right one where there is any (oracle) | {shown(result['oracle'])} | | |",
            *(
                f"| `{name}`{seeing if row['sees_gold'] else ''} | {shown(row)} | {row['takes']:.2f} | {shown(row['gain'])} |"
                for name, row in ranked
            ),
            "",
            f"Labels by vote: {labels['right']} of {labels['labelled']} right ({low:.3f} to {high:.3f}), "
            f"{labels['labelled']} of {labels['of']} problems labelled.",
        ]
    )


if __name__ == "__main__":
    main()
