"""Compare prompts on a real model: what a method makes of its problems when it asks in other words.

    python benchmarks/prompts.py METHOD ... [--candidate NAME ...] [--problems 40] [--seed 1] [--replies FILE] [--json]

Needs GSM8K (`--data` or $NIGHTSCHOOL_DATA) and a model: a server that runs already (`--endpoint`, whose model is called `model`),
or weights (`--model` or $NIGHTSCHOOL_REAL_MODEL), which it serves itself.

A candidate is a folder `benchmarks/candidates/METHOD/NAME/` with prompts (`.jinja`) that stand in the place of the built-in ones of
the same name; `default` is what is built in. Each runs its method on the same problems of GSM8K *train*, drawn by `--seed`, all at
the same time. No test item is ever read, so that no prompt is chosen on what it is measured on later. For each:

accepted      rows that the filters accept, of `made`, with Wilson's interval of the share; `reasons` of the others
wrong         accepted rows that are wrong or contradict themselves, by `benchmarks/reality/rows.py`, which knows no filter of ours
tokens        tokens read and written, and written per accepted row

Kept in `docs/prompts.md`; `--replies` writes every call and row down, for reading.
"""

import argparse
import asyncio
import contextlib
import json
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

from benchmarks.reality.numbers import wilson  # noqa: E402
from benchmarks.reality.plain import NAME, served  # noqa: E402
from benchmarks.reality.rows import disobeys, faults  # noqa: E402
from benchmarks.shared.real_model import add_places  # noqa: E402
from benchmarks.shared.results import circumstances  # noqa: E402
from filters import filter_kinds, get_filter  # noqa: E402
from filters.base import Context, run_filters  # noqa: E402
from filters.night.policy import decide, read_policies  # noqa: E402
from storage.ledger.ledger import Ledger  # noqa: E402
from storage.workspace import Workspace  # noqa: E402
from synth.answers.format import FORMATS  # noqa: E402
from synth.calls.ask import Asker  # noqa: E402
from synth.calls.prompting import Prompts  # noqa: E402
from synth.engines.families import family_of  # noqa: E402
from synth.engines.profile import Profile, read_card  # noqa: E402
from synth.engines.sampling_spec import SamplingSpec  # noqa: E402
from synth.engines.vllm import Vllm  # noqa: E402
from synth.methods import Method, get_method, methods  # noqa: E402
from synth.night.runner import Attempt, attempt_id, run_attempts  # noqa: E402
from synth.problems import open_source  # noqa: E402
from synth.problems.base import Problem  # noqa: E402

CANDIDATES = HERE / "candidates"
DEFAULT = "default"
CONTEXT = 4_096
CONCURRENCY = 128
NIGHT = "2026-01-01/prompts"
ROLES = ("student", "teacher")


def main() -> None:
    arguments = _arguments()
    if arguments.data is None or not (arguments.data / "gsm8k" / "train.jsonl").is_file():
        raise SystemExit(f"--data or NIGHTSCHOOL_DATA names a folder with gsm8k/train.jsonl (got {arguments.data})")
    if arguments.endpoint is None and arguments.model is None:
        raise SystemExit("--endpoint names a server, or --model or NIGHTSCHOOL_REAL_MODEL a folder of weights to serve")
    path = str(arguments.data / "gsm8k" / "train.jsonl")
    problems = list(open_source("gsm8k", {"path": path}).draw(arguments.problems, seed=arguments.seed))
    pairs = [
        (method, name)
        for method in arguments.methods
        for name in (DEFAULT, *candidates(method))
        if not arguments.candidate or name in arguments.candidate
    ]
    with (
        tempfile.TemporaryDirectory(prefix="nightschool-prompts-") as scratch,
        _server(arguments, Path(scratch)) as root,
    ):
        compared = asyncio.run(_compare(arguments, root, pairs, problems))
    if arguments.replies:
        lines = [json.dumps({"candidate": name, **row}) for name, (_, rows) in compared.items() for row in rows]
        arguments.replies.write_text("\n".join(lines) + "\n", encoding="utf-8")
    figures = {name: figure for name, (figure, _) in compared.items()}
    result = {"problems": len(problems), "seed": arguments.seed, "candidates": figures}
    print(json.dumps({**result, **circumstances()}) if arguments.json else _table(figures))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("methods", nargs="+", metavar="METHOD", help="method whose prompts are compared")
    parser.add_argument("--candidate", action="append", help=f"only this one; may be repeated; `{DEFAULT}` is built in")
    parser.add_argument("--problems", type=int, default=40, help="problems of GSM8K train")
    parser.add_argument("--seed", type=int, default=1, help="of their draw")
    parser.add_argument(
        "--params", type=json.loads, default={}, help="parameters of the methods that have them, as JSON"
    )
    parser.add_argument("--sampling", type=json.loads, default={}, help="sampling of both roles, as JSON")
    parser.add_argument("--endpoint", help="root of a server whose model is called `model`")
    add_places(parser)
    parser.add_argument("--replies", type=Path, help="file for every call and row, JSON lines")
    parser.add_argument("--json", action="store_true", help="print one JSON object with the figures")
    return parser.parse_args()


def candidates(method: str) -> list[str]:
    """Return the names of a method's candidates."""
    return sorted(folder.name for folder in (CANDIDATES / method).glob("*") if folder.is_dir())


def prompts_of(method: str, candidate: str) -> dict[str, str]:
    """Return the files that a candidate puts in the place of prompts, by name.

    Raises:
        SystemExit: There is no such candidate.
    """
    if candidate == DEFAULT:
        return {}
    folder = CANDIDATES / method / candidate
    files = {path.stem: str(path) for path in sorted(folder.glob("*.jinja"))}
    if not files:
        raise SystemExit(f"--candidate {candidate}: {folder} holds no .jinja file; there are {candidates(method)}")
    return files


@contextlib.contextmanager
def _server(arguments: argparse.Namespace, scratch: Path) -> Iterator[str]:
    if arguments.endpoint:
        yield arguments.endpoint
        return
    with served(arguments.model, CONTEXT, scratch / "serve.log") as root:
        yield root


Measured = tuple[dict[str, Any], list[dict[str, Any]]]
"""The figures of a candidate, and its calls and rows for reading."""


async def _compare(
    arguments: argparse.Namespace, root: str, pairs: list[tuple[str, str]], problems: list[Problem]
) -> dict[str, Measured]:
    engine = Vllm(root, NAME, "model@1", CONCURRENCY)
    try:
        measured = await asyncio.gather(
            *(_measure(arguments, engine, method, name, problems) for method, name in pairs)
        )
    finally:
        await engine.close()
    return {f"{method}/{name}": each for (method, name), each in zip(pairs, measured, strict=True)}


async def _measure(
    arguments: argparse.Namespace, engine: Vllm, method_name: str, candidate: str, problems: list[Problem]
) -> Measured:
    """Run one candidate: its figures, and its calls and rows for reading."""
    method, prompts = get_method(method_name), prompts_of(method_name, candidate)
    fields = method.params.model_fields
    params = method.params(**{name: value for name, value in arguments.params.items() if name in fields})
    attempts = [
        Attempt(
            attempt_id(NIGHT, method.name, params, problem, 0, prompts), NIGHT, method, params, problem, 0, 0, prompts
        )
        for problem in problems
    ]
    profile = Profile(
        role=SamplingSpec(**arguments.sampling), card=read_card(arguments.model), family=family_of(arguments.model)
    )
    with tempfile.TemporaryDirectory() as folder, Ledger(Workspace.create(Path(folder) / "w").ledger) as ledger:
        asker = Asker(
            ledger,
            dict.fromkeys(ROLES, engine),
            Prompts(form=FORMATS["boxed"]),
            night=NIGHT,
            profiles=dict.fromkeys(ROLES, profile),
        )
        finished = await run_attempts(attempts, asker)
        calls = [
            {"act": call.act, "messages": call.messages, "response": call.response,
             "prompt_tokens": call.prompt_tokens, "completion_tokens": call.completion_tokens}
            for call in ledger.unpublished()
        ]  # fmt: skip
    rows = _decided(method, params, finished.samples, problems)
    failed = Counter(row["reason"] for row in finished.attempts.to_pylist() if row["status"] == "failed")
    return _figures(rows, failed, calls), [*calls, *rows]


def _decided(method: Method, params: Any, samples: Any, problems: list[Problem]) -> list[dict[str, Any]]:
    """Return the rows with what the filters decide and what the program that knows none of them finds."""
    judges = [
        get_filter(kind.name)
        for kind in filter_kinds().values()
        if kind.scope == "row" and kind.name != "decontamination"
    ]
    by_id = {problem.id: problem for problem in problems}
    verdicts = run_filters(judges, samples, Context(problems=by_id))
    policies = read_policies(
        {}, methods=methods(), filters=filter_kinds(), observes={method.name: method.observes(params)}
    )
    decided = {row["sample_id"]: row for row in decide(samples, verdicts, policies).to_pylist()}
    rows = []
    for sample in samples.to_pylist():
        problem, decision = by_id[sample["problem_id"]], decided[sample["sample_id"]]
        row = {
            **{key: sample[key] for key in ("method", "kind", "messages", "response", "rejected", "steps", "labels")},
            **{"problem": problem.prompt, "gold": problem.gold, "solution": problem.solution},
            **{"outcome": decision["outcome"], "reason": decision["reason"], "attrs": sample["attrs"]},
        }
        rows.append({**row, "faults": faults(row), "disobeys": disobeys(row)})
    return rows


def _figures(rows: list[dict[str, Any]], failed: Counter[str], calls: list[dict[str, Any]]) -> dict[str, Any]:
    accepted = [row for row in rows if row["outcome"] == "accepted"]
    written = sum(call["completion_tokens"] for call in calls)
    return {
        "made": len(rows),
        "accepted": len(accepted),
        "interval": [round(edge, 3) for edge in wilson(len(accepted), len(rows))],
        "wrong": sum(bool(row["faults"]) for row in accepted),
        "disobeyed": sum(row["disobeys"] for row in accepted),
        "reasons": dict(Counter(row["reason"] for row in rows if row["outcome"] != "accepted").most_common()),
        "failed": dict(failed),
        "calls": len(calls),
        "tokens_read": sum(call["prompt_tokens"] for call in calls),
        "tokens_written": written,
        "written_per_accepted": round(written / len(accepted)) if accepted else None,
    }


def _table(figures: dict[str, dict[str, Any]]) -> str:
    lines = ["candidate | accepted | interval | wrong | tokens written | per row | reasons"]
    for name, figure in figures.items():
        low, high = figure["interval"]
        lines.append(
            f"{name} | {figure['accepted']} of {figure['made']} | {low:.2f} to {high:.2f} | {figure['wrong']} | "
            f"{figure['tokens_written']} | {figure['written_per_accepted']} | {figure['reasons']} {figure['failed'] or ''}"
        )
    return "\n".join(lines)


if __name__ == "__main__":
    main()
