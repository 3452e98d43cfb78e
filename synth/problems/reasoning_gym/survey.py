"""Find out what each registered task of the installed reasoning-gym can do, and write the table of it.

    python -m synth.problems.reasoning_gym.survey [--out FILE] [NAME ...]

A task is offered when 50 entries of tier 1 are there, each gold answer scores 1 after a trip through JSON, two processes make
the same entries, and no answer that says nothing, or answers another question, scores 1. With names,
only their rows are made anew.
"""

import argparse
import contextlib
import hashlib
import io
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any

from synth.answers.outcome import Outcome
from synth.problems import get_task
from synth.problems.reasoning_gym.entries import entry_problem, make_entry, score
from synth.problems.reasoning_gym.library import make_dataset, options_of
from synth.problems.reasoning_gym.probes import NOTHING, PROBES, plainly_zero
from synth.sandbox.values import to_plain

ENTRIES = 50
MOST_TIERS = 5
SLOW_MS = 2_000
"""Milliseconds for a problem above which a tier is left out."""
EXECUTES = {"codeio": "it runs the programs of its data set in the process that draws"}
"""Tasks that are not even tried."""
SEVERAL_RIGHT = {"n_queens": "a small board has few solutions, and each fits many questions"}
"""Tasks whose right answers may be right for another question too."""
TIER_S = 30
"""Seconds for three problems of a tier above which it is left out too."""
FIRST_TIER_S = 100
"""Seconds for the entries of tier 1 above which a task is not offered."""
_FILE = Path(__file__).with_name("table.json")


class _Refusal(Exception):
    """Why a task is not offered."""


def survey(name: str) -> dict[str, Any]:
    """Return the row of a task, without its name."""
    from reasoning_gym.factory import DATASETS

    row: dict[str, Any] = {
        "category": DATASETS[name][0].__module__.split(".")[1],
        "refused": None,
        "tiers": 1,
        "partial": False,
        "inexact": None,
        "ms": 0.0,
    }
    try:
        if name in EXECUTES:
            raise _Refusal(EXECUTES[name])
        if name == "composite":
            raise _Refusal("it is a mixture of other tasks; name these as sources")
        with _at_most(FIRST_TIER_S):
            problems, row["ms"] = _problems(name, 1, ENTRIES)
        row["partial"], row["inexact"] = _scoring(problems)
        row["tiers"] = _tiers(name)
    except _Refusal as refusal:
        row["refused"] = str(refusal)
    except Exception as error:  # whatever a task of the library raises
        row["refused"] = f"it fails: {type(error).__name__}: {error}"[:200]
    return row


def _problems(name: str, tier: int, count: int) -> tuple[list[Any], float]:
    """Problems of a tier whose gold answers score 1, and milliseconds for one."""
    options = options_of(name, tier, {})
    dataset = make_dataset(name, options, 7)
    started = time.perf_counter()
    entries = [make_entry(dataset, 7, index) for index in range(count)]
    spent = (time.perf_counter() - started) / count * 1e3
    problems = []
    for entry in entries:
        if entry["answer"] is None:
            raise _Refusal("it gives no gold answer")
        problem = entry_problem(name, options, entry, name, tier)
        problem.attrs["metadata"] == json.loads(json.dumps(problem.attrs["metadata"]))  # noqa: B015 - raises
        if _score(problem, problem.gold) != 1:
            raise _Refusal(f"its scorer gives a gold answer {_score(problem, problem.gold):g} of 1")
        if get_task("reasoning_gym").check(problem, f"<answer>{problem.gold}</answer>").outcome is not Outcome.CORRECT:
            raise _Refusal(f"a gold answer of {len(problem.gold):,} characters is not read back from a response")
        problems.append(problem)
    return problems, round(spent, 2)


def _score(problem: Any, answer: str) -> float:
    attrs = json.loads(json.dumps(problem.attrs))
    try:
        with contextlib.redirect_stdout(io.StringIO()):
            return score(attrs, problem.prompt, problem.gold, answer)
    except Exception:  # a scorer that fails on an answer gives nothing
        return 0.0


def _scoring(problems: list[Any]) -> tuple[bool, str | None]:
    """Whether wrong answers earn a part, and what the scorer takes beside right answers."""
    partial, others, taken = False, 0, set()
    for problem, other in zip(problems, problems[1:] + problems[:1], strict=True):
        for answer in NOTHING:
            if problem.gold != answer and not plainly_zero(problem.gold) and _score(problem, answer) >= 1:
                raise _Refusal(f"its scorer takes {answer!r} for {problem.gold!r}")
        value = _score(problem, other.gold) if other.gold != problem.gold else 0.0
        others += value >= 1
        partial |= 0.1 < value < 1
        for called, change in PROBES.items():
            if change(problem.gold) != problem.gold:
                value = _score(problem, change(problem.gold))
                partial |= 0.1 < value < 1
                taken |= {called} if value >= 1 else set()
    if others > len(problems) / 10 and problems[0].attrs["task"] not in SEVERAL_RIGHT:
        raise _Refusal("its scorer takes the answers to other questions")
    return partial, f"it also takes {', '.join(sorted(taken))}" if taken else None


@contextlib.contextmanager
def _at_most(seconds: int) -> Iterator[None]:
    def stop(*_: object) -> None:
        raise TimeoutError(f"longer than {seconds} s")

    before = signal.signal(signal.SIGALRM, stop)
    signal.alarm(seconds)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


def _tiers(name: str) -> int:
    """How many tiers can be drawn, each in a time that a night can spend."""
    from reasoning_gym.factory import CURRICULA

    if name not in CURRICULA:
        return 1
    most = max((len(attribute.levels) for attribute in CURRICULA[name]().attributes.values()), default=1)
    for tier in range(2, min(most, MOST_TIERS) + 1):
        try:
            with _at_most(TIER_S):
                _, spent = _problems(name, tier, 3)
                if spent * ENTRIES < TIER_S * 100:  # a tenth of the time: rare entries too may be too long to be read
                    _problems(name, tier, ENTRIES)
        except (
            Exception
        ):  # a level that takes too long, whose configuration the library refuses, or whose gold does not verify
            return tier - 1
        if spent > SLOW_MS:
            return tier - 1
    return min(most, MOST_TIERS)


def digests(names: Iterable[str]) -> Iterator[tuple[str, str]]:
    """Yield a digest of each task's first entries, for comparing processes."""
    for name in names:
        hashed = hashlib.sha256()
        with contextlib.suppress(Exception), contextlib.redirect_stdout(io.StringIO()):
            dataset = make_dataset(name, options_of(name, 1, {}), 7)
            for index in range(ENTRIES):
                entry = make_entry(dataset, 7, index)
                hashed.update(json.dumps(to_plain(entry), sort_keys=True).encode())
        yield name, hashed.hexdigest()


def _of_process(names: list[str]) -> dict[str, str]:
    done = subprocess.run(  # noqa: S603 - our own module
        [sys.executable, "-m", "synth.problems.reasoning_gym.survey", "--digests", *names],
        env={**os.environ, "PYTHONHASHSEED": "0"},
        capture_output=True,
        text=True,
        check=True,
    )
    return dict(json.loads(done.stdout.splitlines()[-1]))


def main(arguments: list[str]) -> None:
    """Write the table, or print the digests."""
    from reasoning_gym.factory import DATASETS

    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("names", nargs="*")
    parser.add_argument("--out", type=Path, default=_FILE)
    parser.add_argument("--digests", action="store_true", help="print digests of entries instead")
    options = parser.parse_args(arguments)
    names = options.names or sorted(DATASETS)
    if options.digests:
        print(json.dumps(list(digests(names))))  # noqa: T201
        return
    table = json.loads(options.out.read_text()) if options.names and options.out.exists() else {"tasks": {}}
    rows = {}
    for name in names:
        rows[name] = survey(name)
        print(name, json.dumps(rows[name]), file=sys.stderr, flush=True)  # noqa: T201
    working = [name for name, row in rows.items() if row["refused"] is None]
    first, second = _of_process(working), _of_process(working)
    for name in working:
        if first[name] != second[name]:
            rows[name]["refused"] = "two processes make different entries of one seed"
    table = {"version": version("reasoning-gym"), "tasks": dict(sorted({**table["tasks"], **rows}.items()))}
    options.out.write_text(json.dumps(table, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
