"""Tasks that libraries and programs bring: how many work, and how fast they are drawn and judged.

    python benchmarks/tasks.py [--json] [--instances 50] [--only NAME ...]

`reasoning_gym_tasks`: tasks of reasoning-gym of which all instances pass: the gold answer is judged correct, a wrong one is not,
two draws of one seed are the same, and what is held out is not drawn. `faults` has the others. `seconds_for_1000` is CPU seconds
for 1,000 problems of tier 1 (of tiers 1 to 5 where the first has not so many), by task, and their median and sum.
`checks_per_second`: programs judged in the sandbox, by two threads, 200 right and 200 wrong ones; `misjudged` must be 0.

The result goes to `benchmarks/results/tasks.json`.
"""

import argparse
import json
import statistics
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

CHECKOUT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(CHECKOUT))

from benchmarks.shared.results import circumstances, keep  # noqa: E402
from synth.answers.outcome import Outcome  # noqa: E402
from synth.problems import get_task, open_source  # noqa: E402
from synth.problems.code.calling import run_tests  # noqa: E402
from synth.problems.code.unit_tests import UnitTest  # noqa: E402
from synth.problems.holdout import draw_heldout, structure_ids  # noqa: E402
from synth.problems.reasoning_gym.table import offered, surveyed, surveyed_version  # noqa: E402

THREADS = 2
MOST_TIERS = 5


def fault_of(name: str, instances: int) -> tuple[str | None, float]:
    """Return what is wrong with a task, and CPU seconds for 1,000 problems."""
    options: dict[str, Any] = {"task": name}
    source, task = open_source("reasoning_gym", options), get_task("reasoning_gym")
    began = time.process_time()
    problems = source.draw(instances, seed=11)
    if len(problems) < instances:  # the easiest tier of a few tasks has no more
        options["tiers"] = list(range(1, min(MOST_TIERS, surveyed()[name].tiers) + 1))
        source = open_source("reasoning_gym", options)
        problems = source.draw(instances, seed=11)
    seconds = (time.process_time() - began) / max(1, len(problems)) * 1_000
    if len(problems) < instances:
        return f"{len(problems)} different problems, not {instances}", seconds
    few = problems[:5]
    if open_source("reasoning_gym", options).draw(len(few), seed=11) != few:
        return "two draws of one seed differ", seconds
    held = structure_ids(draw_heldout(source, 5, (1,), 3))
    if held & structure_ids(source.draw(5, seed=11, exclude=held)):
        return "what is held out was drawn", seconds
    for problem in problems:
        if task.check(problem, f"<answer>{problem.gold}</answer>").outcome is not Outcome.CORRECT:
            return f"the gold answer {problem.gold[:60]!r} is not correct", seconds
        if task.check(problem, "<answer>?</answer>").outcome is Outcome.CORRECT:
            return "a wrong answer is correct", seconds
    return None, seconds


def reasoning_gym(instances: int, only: list[str]) -> dict[str, Any]:
    """Try every task that is offered."""
    seconds: dict[str, float] = {}
    faults: dict[str, str] = {}
    for name in only or offered():
        fault, seconds[name] = fault_of(name, instances)
        if fault:
            faults[name] = fault
        print(f"{name}: {fault or 'works'}, {seconds[name]:.2f} s", file=sys.stderr, flush=True)
    return {
        "reasoning_gym_tasks": len(seconds) - len(faults),
        "faults": faults,
        "instances": instances,
        "seconds_for_1000": {name: round(value, 3) for name, value in sorted(seconds.items())},
        "median_seconds_for_1000": round(statistics.median(seconds.values()), 3),
        "sum_of_seconds_for_1000": round(sum(seconds.values()), 1),
    }


def programs() -> list[tuple[str, tuple[UnitTest, ...], Outcome]]:
    """Return 200 right and 200 wrong programs with their tests: 20 functions, ten of each with other numbers."""
    bodies = (
        "n + {k}", "n * {k} - 1", "[n] * {k}", "(n, {k})", "str(n) * {k}", "sum(range(n + {k}))", "sorted([n, {k}, 0])",
        "max(n, {k})", "{{n: {k}}}", "[x for x in range({k}) if x % 2 == n % 2]", "n ** {k}", "divmod(n + 50, {k})", "n > {k}",
        "list(reversed(range({k}))) + [n]", "'-'.join(map(str, [n, {k}]))", "{{n, {k}}}", "round(n / {k}, 3)", "bin(n + {k})",
        "len(str(10 ** {k} + n))", "[[n] * 2 for _ in range({k})]",
    )  # fmt: skip
    made = []
    for body in bodies:
        for k in range(2, 12):
            right = body.format(k=k)
            values = [eval(right, {"n": n}) for n in (1, 2, 7)]  # our own text
            tests = tuple(UnitTest((n,), {}, value) for n, value in zip((1, 2, 7), values, strict=True))
            made.append((f"def f(n):\n    return {right}\n", tests, Outcome.CORRECT))
            wrong = f"def f(n):\n    value = {right}\n    return value if n < 7 else None\n"
            made.append((wrong, tests, Outcome.WRONG))
    return made


def code() -> dict[str, Any]:
    """Judge programs by two threads."""
    cases = programs()
    run_tests(*cases[0][:1], "f", cases[0][1])
    began = time.perf_counter()
    with ThreadPoolExecutor(THREADS) as pool:
        outcomes = list(pool.map(lambda case: run_tests(case[0] + "# again\n", "f", case[1]), cases))
    seconds = time.perf_counter() - began
    return {
        "programs": len(cases),
        "misjudged": sum(outcome is not case[2] for outcome, case in zip(outcomes, cases, strict=True)),
        "checks_per_second": round(len(cases) / seconds, 1),
    }


def main() -> None:
    """Measure, write the result and print it."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--json", action="store_true", help="print the JSON object only")
    parser.add_argument("--instances", type=int, default=50)
    parser.add_argument("--only", nargs="*", default=[], help="tasks of reasoning-gym; their result is not kept")
    options = parser.parse_args()
    result = {
        **code(),
        **reasoning_gym(options.instances, options.only),
        "reasoning_gym": surveyed_version(),
        **circumstances(),
    }
    if not options.only:
        keep("tasks", result)
    print(json.dumps(result, indent=None if options.json else 2))


if __name__ == "__main__":
    main()
