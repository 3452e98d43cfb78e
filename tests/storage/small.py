"""A small lake with everything in it: two nights, two methods, calls, verdicts, releases, two chained checkpoints."""

import json
from pathlib import Path

from storage.lake.lake import Lake, table_of
from storage.releases.making import create_release
from storage.workspace import Workspace

NIGHTS = ("2026-01-01/r", "2026-01-02/r")


def build(root: Path) -> Workspace:
    """Per night 8 problems; `cot` makes a row of each (2 rejected), `tutorship` of every second (all accepted)."""
    workspace = Workspace.create(root)
    with Lake(workspace) as lake:
        for number, night in enumerate(NIGHTS):
            _night(lake, number, night)
            _checkpoint(lake, number, night)
    return workspace


def _night(lake: Lake, number: int, night: str) -> None:
    problems, attempts, calls, samples, verdicts = [], [], [], [], []
    for index in range(8):
        problem = f"p{number}{index}"
        problems.append({
            "problem_id": problem, "task": "arithmetic", "source": "made", "split": "train", "tier": 1 + index % 2,
            "prompt": f"What is {index} + 1?", "gold": str(index + 1), "license": "MIT", "structure_id": problem,
            "structure": problem, "attrs": "{}", "night": night,
        })  # fmt: skip
        for method in ("cot", "tutorship")[: 1 + (index % 2 == 0)]:
            sample = f"{method}-{number}{index}"
            common = {"night": night, "method": method, "problem_id": problem}
            attempts += [
                {"attempt_id": sample, "status": status, "samples": 1, **common} for status in ("planned", "done")
            ]
            calls.append({
                "call_id": f"call-{sample}", "model": "teacher@1", "role": "teacher", "act": "solve", "sample": "0.0",
                "messages": [{"role": "user", "content": "q"}], "response": "a",
                "sampling": f'{{"seed": {index}, "temperature": 1.0}}',
                "finish_reason": "stop", "prompt_tokens": 10, "completion_tokens": 20, "origin": "made", "cached_tokens": 0,
                "seconds": 0.5, "cost": 0.001, "night": night, "method": method, "reasoning": "", "ledger": "l",
            })  # fmt: skip
            samples.append({
                "sample_id": sample, "attempt_id": sample, "kind": "sft", "task": "arithmetic", "source": "made",
                "tier": 1, "position": 0, "origin": "model", "models": ["teacher@1"], "parents": [f"call-{sample}"],
                "prompts": ["solve@1"], "messages": [{"role": "user", "content": f"What is {index} + 1?"}],
                "response": f"It is {index + 1}.", "answer": str(index + 1), "attrs": "{}", "words": 3, **common,
            })  # fmt: skip
            bad = method == "cot" and index in (1, 3)
            verdicts.append({"sample_id": sample, "filter": "answer", "version": "1", "outcome": "fail" if bad else "pass",
                             "reason": "wrong" if bad else None, "night": night})  # fmt: skip
            verdicts.append({"sample_id": sample, "filter": "policy", "version": "1", "night": night,
                             "outcome": "rejected" if bad else "accepted", "reason": "answer:wrong" if bad else None})  # fmt: skip
    rows = {"problems": problems, "attempts": attempts, "calls": calls, "samples": samples, "verdicts": verdicts}
    lake.commit(
        f"night:{night}", "samples", {name: table_of(name, members) for name, members in rows.items()}, night=night
    )
    create_release(lake, "set", night=night)


def _checkpoint(lake: Lake, number: int, night: str) -> None:
    row = {
        "checkpoint_id": f"model-{number}", "stage": "sft", "parent": f"model-{number - 1}" if number else None,
        "release_id": f"set@{number + 1}", "path": f"checkpoints/{number}", "config": "{}", "metrics": "{}", "night": night,
    }  # fmt: skip
    lake.commit(f"checkpoint:{number}", "checkpoint", {"checkpoints": table_of("checkpoints", [row])}, night=night)
    answers = [
        {"evaluation_id": f"e{number}", "checkpoint_id": f"model-{number}", "problem_id": f"h{index}", "task": "arithmetic",
         "tier": 1, "mode": "greedy", "sample": 0, "outcome": "correct" if index <= number else "wrong", "night": night}
        for index in range(4)
    ]  # fmt: skip
    decided = {
        "candidate": f"model-{number}", "incumbent": "base", "decision": "promoted", "reason": "better", "night": night,
        "figures": json.dumps({}),
    }  # fmt: skip
    tables = {"evaluations": table_of("evaluations", answers), "promotions": table_of("promotions", [decided])}
    lake.commit(f"promotion:{number}", "promotion", tables, night=night)
