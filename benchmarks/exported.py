"""A release exported for verifiers: whether that library scores 200 answers exactly as `nightschool judge`.

    python -m venv .venv-bench-verifiers
    .venv-bench-verifiers/bin/pip install -c constraints.txt -e ".[verifiers]"
    python benchmarks/exported.py --python .venv-bench-verifiers/bin/python [--json] [--keep]

A night of rules makes a release of arithmetic, puzzles and questions with LaTeX, fractions, intervals and units as gold answers. It
is exported; 200 answers to its problems (right in every form, wrong, unreadable, undecidable) go to `nightschool judge`, and as the
last reply of a trace to the package's tasks in verifiers.

answers, alike    answers, and how many both say the same of: 1 where correct, 0 where wrong, an error where undecided
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path
from typing import Any

CHECKOUT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(CHECKOUT))

from benchmarks.shared.results import circumstances, keep  # noqa: E402

ANSWERS = 200
RECIPE = """
name: exported
dataset: exported
problems:
  sources:
  - {name: arithmetic, kind: arithmetic, limit: 25, options: {tiers: [1, 2]}}
  - {name: puzzles, kind: knights_knaves, limit: 15, options: {people: [2, 3]}}
  - name: questions
    kind: file
    options: {path: questions.jsonl, mapping: {question: question, answer: answer, solution: solution}}
models:
  teacher: {engine: solver}
methods:
- {method: gold, sources: [arithmetic, questions]}
- {method: knights_knaves, sources: [puzzles]}
"""
GOLDS = (
    "\\\\frac{3}{4}", "12.5", "(2, 5)", "x^2 + 1", "1,200", "75%", "2\\\\sqrt{3}", "-7", "\\\\{1, 2, 3\\\\}", "5 \\\\text{ cm}",
)  # fmt: skip
SCORE = """
import asyncio, json, sys
import verifiers.v1 as vf
from verifiers.v1.graph import MessageNode
from verifiers.v1.trace import AgentInfo, Trace, TraceTask
sys.path.insert(0, sys.argv[1])
import importlib
module = importlib.import_module(sys.argv[2])
assert isinstance(module.load_environment(), vf.Env)
tasks = {task.data.id: task for task in vf.load_taskset(vf.TasksetConfig(id=sys.argv[2]))}
async def score(line):
    task = tasks[line["id"]]
    trace = Trace(task=TraceTask(type=type(task).__name__, data=task.data, key=task.key), agent=AgentInfo(config=vf.AgentConfig()),
                  nodes=[MessageNode(message=vf.AssistantMessage(content=line["response"]), sampled=True)])
    try:
        await task.score(trace)
    except vf.TaskError as error:
        return None if "cannot decide" in str(error) + str(error.__cause__) else f"error: {error}"
    return trace.reward
async def main():
    return [await score(json.loads(line)) for line in sys.stdin]
from importlib.metadata import version
print(json.dumps({"problems": len(tasks), "verifiers": version("verifiers"), "scores": asyncio.run(main())}))
"""


def nightschool(folder: Path, *arguments: str) -> str:
    """Run the command line in a workspace of its own."""
    environment = {**os.environ, "PYTHONPATH": str(CHECKOUT), "NIGHTSCHOOL_WORKSPACE": str(folder / "workspace")}
    command = [sys.executable, "-m", "flows.cli", *arguments]
    run = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    if run.returncode:
        raise SystemExit(f"nightschool {' '.join(arguments)} failed:\n{run.stdout[-2000:]}{run.stderr[-2000:]}")
    return run.stdout


def responses(problem: dict[str, Any]) -> list[str]:
    """Answers to a problem: right in several forms, wrong, unreadable, undecidable."""
    gold = problem["gold"]
    return [
        f"So it is.\n#### {gold}", f"Hence \\boxed{{{gold}}}.", f"The answer is {gold}.", f"<answer>{gold}</answer>",
        "#### 987654321", f"\\boxed{{{gold} + 1}}", "I do not know.", "", f"<think>It is {gold}", "#### 1/0",
        "\\boxed{\\int_0^1 e^{-t^2} \\sin(t^t) dt}", f"#### {gold}\n#### 3",
    ]  # fmt: skip


def main() -> None:
    """Make, export, judge twice, compare."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--python", default=sys.executable, help="a Python with verifiers and Nightschool")
    parser.add_argument("--json", action="store_true", help="print the JSON object only")
    parser.add_argument("--keep", action="store_true", help="keep the result in benchmarks/results")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        lines = [
            f'{{"question": "Question {n}: what is it?", "answer": "{gold}", "solution": "It is so.\\\\n#### {gold}"}}'
            for n, gold in enumerate(GOLDS)
        ]
        (folder / "questions.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")
        (folder / "recipe.yaml").write_text(RECIPE, encoding="utf-8")
        nightschool(folder, "run", "recipe.yaml", "--date", "2026-01-01")
        nightschool(folder, "release", "export", "exported", "package", "--shape", "verifiers")
        [package] = [path for path in (folder / "package").iterdir() if path.is_dir()]
        problems = [json.loads(line) for line in (package / "problems.jsonl").read_text(encoding="utf-8").splitlines()]
        every = [(problem, text) for n in range(12) for problem in problems for text in responses(problem)[n : n + 1]]
        step = max(1, len(every) // ANSWERS)
        asked = every[::step][:ANSWERS]
        keys = ("task", "gold", "attrs")
        rows = [{**{key: problem[key] for key in keys}, "response": text} for problem, text in asked]
        (folder / "answers.jsonl").write_text("\n".join(map(json.dumps, rows)) + "\n", encoding="utf-8")
        judged = [
            line["outcome"] for line in json.loads(nightschool(folder, "judge", "answers.jsonl", "--json"))["lines"]
        ]
        given = "\n".join(json.dumps({"id": problem["id"], "response": text}) for problem, text in asked)
        command = [options.python, "-c", SCORE, str(folder / "package"), package.name]
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(CHECKOUT), os.environ.get("PYTHONPATH", "")])}
        run = subprocess.run(command, input=given, env=environment, capture_output=True, text=True, check=False)
        if run.returncode:
            raise SystemExit(run.stderr[-3000:])
        scored = json.loads(run.stdout.splitlines()[-1])
    wanted = [{"correct": 1.0, "wrong": 0.0, "unverifiable": None}[outcome] for outcome in judged]
    pairs = list(zip(wanted, scored["scores"], strict=True))
    result = {
        "problems": scored["problems"],
        "answers": len(pairs),
        "alike": sum(one == other for one, other in pairs),
        "outcomes": dict(Counter(judged)),
        "tasks": dict(Counter(problem["task"] for problem, _ in asked)),
        "verifiers": scored["verifiers"],
        **circumstances(),
    }
    if options.keep:
        keep("exported", result)
    print(json.dumps(result, indent=None if options.json else 2))


if __name__ == "__main__":
    main()
