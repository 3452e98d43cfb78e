"""Nights written straight into a lake: rows as the flows write them, with any text, cost and verdict a test wants."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

from storage.ids import digest
from storage.lake import nights
from storage.lake.lake import Lake, table_of
from storage.models.checkpoints import Checkpoint
from storage.models.curves import record_curves

BEGAN = datetime(2026, 1, 1, 2, 0, tzinfo=UTC)


def write_night(
    lake: Lake,
    date: str,
    rows: list[dict[str, Any]],
    *,
    recipe: str = "written",
    failed: list[dict[str, Any]] | None = None,
    price: float = 0.0,
    finish: bool = True,
    summary: dict[str, Any] | None = None,
) -> str:
    """Write one night and return its id.

    Args:
        lake: The lake.
        date: Its date.
        rows: Columns of samples; `reason` rejects a row, `kept` and `similarity` make it a duplicate, `call` is what a model said,
            `thoughts` what it thought before.
        recipe: Its recipe.
        failed: Attempts that failed: method, reason, detail.
        price: Cost of each call.
        finish: Whether it ended.
        summary: More figures that it ended with.
    """
    night = f"{date}/{recipe}"
    problems, attempts, calls, samples, verdicts = [], [], [], [], []
    for number, given in enumerate([*rows, *(failed or [])]):
        is_row = number < len(rows)
        method = given.get("method", "cot")
        problem = {
            "problem_id": digest("problem", night, number), "task": given.get("task", "math_word"), "source": "written",
            "split": "train", "tier": given.get("tier", 1), "prompt": given.get("prompt", f"What is {number} + 1?"),
            "gold": str(number + 1), "structure_id": digest("s", night, number), "structure": "", "license": "unknown",
            "night": night,
        }  # fmt: skip
        attempt = {
            "attempt_id": digest("attempt", night, number), "night": night, "method": method, "shard": 0, "repetition": 0,
            "problem_id": problem["problem_id"], "samples": int(is_row), "calls": 1,
        }  # fmt: skip
        problems.append(problem)
        ended = (
            {"status": "done"} if is_row else {"status": "failed", "reason": given["reason"], "detail": given["detail"]}
        )
        attempts += [{**attempt, "status": "planned"}, {**attempt, **ended}]
        if not is_row:
            continue
        call = {
            "call_id": digest("call", night, number), "model": "teacher@1", "role": "teacher", "act": "solve",
            "messages": [{"role": "user", "content": problem["prompt"]}], "sampling": "{}", "sample": "0.0",
            "response": given.get("call", f"It is {number + 1}."), "finish_reason": "stop", "prompt_tokens": 20,
            "reasoning": given.get("thoughts", ""),
            "completion_tokens": 10, "origin": "made", "night": night, "method": method, "seconds": 0.5, "cost": price,
            "cached_tokens": 0, "created_at": BEGAN, "ledger": "l",
        }  # fmt: skip
        calls.append(call)
        sample = {
            "sample_id": digest("sample", night, number), "attempt_id": attempt["attempt_id"], "night": night, "method": method,
            "kind": "sft", "problem_id": problem["problem_id"], "task": problem["task"], "source": "written",
            "tier": problem["tier"], "position": 0,
            "origin": "model", "models": ["teacher@1"], "parents": [call["call_id"]], "attrs": "{}",
            "words": 10,
            "messages": call["messages"], "response": call["response"], "answer": str(number + 1), "prompts": [],
        }  # fmt: skip
        samples.append(
            {
                **sample,
                **{
                    key: value
                    for key, value in given.items()
                    if key in sample or key in ("rejected", "text", "steps", "labels", "notes")
                },
            }
        )
        verdict = {"sample_id": sample["sample_id"], "version": "1", "night": night}
        reason = given.get("reason")
        detail = {key: given[key] for key in ("kept", "similarity") if key in given} | {
            "night": given.get("kept_night")
        }
        if reason:
            name, _, why = reason.partition(":")
            verdicts.append({**verdict, "filter": name, "outcome": "fail", "reason": why, "detail": json.dumps(detail)})
        decided = {"outcome": "rejected" if reason else "accepted", "reason": reason}
        verdicts.append({**verdict, "filter": "policy", **decided})
    nights.pin(lake, f"night/{night}", night, recipe, {"recipe": digest("r"), "student": None, "code": "0.1.0"})
    tables = {"problems": problems, "attempts": attempts, "calls": calls, "samples": samples, "verdicts": verdicts}
    lake.commit(f"all:{night}", "samples", {name: table_of(name, rows) for name, rows in tables.items()}, night=night)
    if finish:
        ended = {
            "night": night, "funnel": nights.funnel(lake, night), "tokens": nights.tokens(lake, night),
            "costs": nights.costs(lake, night),
            "accepted_words": nights.accepted_words(lake, night), "release": f"written@{date[-2:]}", "budget": None,
            "seconds": {"attempts": 12.5, "curation": 2.0},
        }  # fmt: skip
        nights.finish(lake, f"night/{night}", night, recipe, {**ended, **(summary or {})})
    return night


def write_training(
    lake: Lake, night: str, decision: str, *, before: float, after: float, history: list[dict[str, float]]
) -> None:
    """Write the training that followed: one SFT stage with a log, and a decision over 200 items."""
    row = {
        "checkpoint_id": digest("checkpoint", night), "stage": "sft", "parent": digest("base"), "release_id": "written@1",
        "path": "checkpoints/sft", "config": "{}", "metrics": "{}", "code_version": "0", "night": night,
        "created_at": BEGAN + timedelta(hours=2),
    }  # fmt: skip
    lake.commit(f"checkpoint:{night}", "checkpoint", {"checkpoints": table_of("checkpoints", [row])}, night=night)
    record_curves(lake, Checkpoint(row["checkpoint_id"], lake.workspace.root, "sft"), history, night=night)
    group = {
        "incumbent": before, "candidate": after, "incumbent_interval": [max(before - 0.07, 0), min(before + 0.07, 1)],
        "candidate_interval": [max(after - 0.07, 0), min(after + 0.07, 1)], "items": 200, "gained": 20, "lost": 4, "p": 0.001,
    }  # fmt: skip
    promotion = {
        "candidate": row["checkpoint_id"], "incumbent": digest("base"), "decision": decision, "night": night,
        "reason": f"It is what it is: {before} to {after}.", "created_at": BEGAN,
        "figures": json.dumps({"overall": group, "groups": {"math_word tier 1": group}}),
    }  # fmt: skip
    lake.commit(f"promotion:{night}", "promotion", {"promotions": table_of("promotions", [promotion])}, night=night)
    nights.pin(lake, f"train/{night}", night, "written", {"train": True, "why": "200 rows are new"})
    summary = {
        "night": night,
        "trained": True,
        "decision_to_train": "200 rows are new",
        "seconds": {"sft": 30.0},
        "stages": [],
    }
    nights.finish(lake, f"train/{night}", night, "written", summary)
