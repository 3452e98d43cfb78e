"""What a method brings per hour of server time: time that overlaps is shared out, time of two servers is added up."""

from datetime import UTC, datetime, timedelta

import pytest

from storage.lake.lake import Lake, table_of

NIGHT = "2026-01-01/small"
BEGAN = datetime(2026, 1, 1, tzinfo=UTC)


def call(number: int, method: str | None, model: str, began: float, ended: float) -> dict:
    return {
        "call_id": f"c{number}", "model": model, "role": "teacher", "act": "solve", "messages": [], "sampling": "{}",
        "sample": "0.0", "response": "", "finish_reason": "stop", "prompt_tokens": 1, "completion_tokens": 100, "origin": "made",
        "night": NIGHT, "created_at": BEGAN + timedelta(seconds=ended), "method": method, "reasoning": "", "cached_tokens": 0,
        "seconds": ended - began, "cost": 0.0, "ledger": "l",
    }  # fmt: skip


def sample(number: int, method: str, tokens: int | None) -> dict:
    return {
        "sample_id": f"s{number}", "attempt_id": "a", "night": NIGHT, "method": method, "kind": "sft", "problem_id": "p",
        "task": "t", "source": "s", "tier": 1, "position": 0, "origin": "model", "models": [], "parents": [], "prompts": [],
        "messages": [], "response": "r", "attrs": "{}", "words": 10, "tokens": tokens,
    }  # fmt: skip


def test_overlapping_calls_share_the_time_of_their_server(workspace):
    calls = [
        call(1, "cot", "m", 0, 36), call(2, "cot", "m", 0, 36), call(3, "critique", "m", 0, 72),  # busy for 72 s, open for 144
        call(4, "critique", "n", 100, 136), call(5, None, "m", 0, 3600),
    ]  # fmt: skip
    samples = [sample(1, "cot", 15), sample(2, "cot", 15), sample(3, "critique", None), sample(4, "critique", 7)]
    outcomes = ["accepted", "rejected", "accepted", "accepted"]
    verdicts = [
        {"sample_id": row["sample_id"], "filter": "policy", "version": "1", "outcome": outcome, "night": NIGHT}
        for row, outcome in zip(samples, outcomes, strict=True)
    ]
    tables = {"calls": calls, "samples": samples, "verdicts": verdicts}
    with Lake(workspace) as lake:
        lake.commit("all", "samples", {name: table_of(name, rows) for name, rows in tables.items()}, night=NIGHT)
        cot, critique = lake.rows("select * exclude (night) from throughput")
    assert cot == pytest.approx(
        {
            "method": "cot", "server_hours": 0.01, "accepted": 1, "accepted_per_hour": 100, "accepted_words_per_hour": 1000,
            "accepted_tokens_per_hour": 1500, "written_tokens_per_hour": 20000,
        }
    )  # fmt: skip
    assert critique["server_hours"] == pytest.approx(0.02) and critique["accepted_per_hour"] == pytest.approx(100)
    assert critique["accepted_tokens_per_hour"] is None, "one of its rows has no count"
