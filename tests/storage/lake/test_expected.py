"""What a night will probably pay, from what earlier nights of its recipe paid."""

import random
from dataclasses import replace
from typing import Any

import pytest

from storage.ids import digest
from storage.lake.expected import NIGHTS, Expected, expected, mean_lengths
from storage.lake.lake import Lake, table_of


def paid(
    lake: Lake,
    night: str,
    method: str,
    role: str,
    attempts: int,
    calls: int,
    *,
    by: str | None = None,
    each: Any = None,
) -> None:
    """Write a night's attempts, and calls of 100 tokens read and 40 written, 2 s and .01 each; `each` are those of each attempt."""
    tried = [
        {
            "attempt_id": digest(night, method, number), "night": night, "method": method, "problem_id": f"p{number}",
            "repetition": 0, "shard": 0, "status": status, "samples": 0, "calls": asked_calls,
        }
        for number in range(attempts)
        for status, asked_calls in [("planned", 0), *([("done", each[number])] if each else [])]
    ]  # fmt: skip
    asked: list[dict[str, Any]] = [
        {
            "call_id": digest(night, method, role, number), "model": "m@1", "role": role, "act": "solve",
            "messages": [{"role": "user", "content": "a" * 300}],
            "sampling": "{}", "sample": "0.0", "response": "4", "finish_reason": "stop", "prompt_tokens": 100,
            "completion_tokens": 40, "origin": "made", "night": night, "method": by or method, "seconds": 2.0, "cost": 0.01,
            "cached_tokens": 0, "ledger": "l",
        }
        for number in range(calls)
    ]  # fmt: skip
    tables = {"attempts": table_of("attempts", tried), "calls": table_of("calls", asked)}
    lake.commit(digest(night, method, role), "shard", tables, night=night)


def test_without_an_earlier_night_nothing_is_expected(lake: Lake) -> None:
    paid(lake, "2026-01-01/other", "cot", "teacher", 10, 20)
    paid(lake, "2026-01-02/mine", "cot", "teacher", 10, 20)
    assert expected(lake, "2026-01-02/mine", {"cot": 10}) == {}


def test_it_is_the_share_of_each_attempt_times_the_attempts_planned(lake: Lake) -> None:
    paid(lake, "2026-01-01/mine", "cot", "teacher", 10, 20)
    paid(lake, "2026-01-01/mine", "tutorship", "student", 5, 5)
    paid(lake, "2026-01-02/mine", "cot", "teacher", 10, 40)
    figures = expected(lake, "2026-01-03/mine", {"cot": 5, "candidates": 7})
    teacher = figures["teacher"]
    assert replace(teacher, cost=0) == Expected(2, calls=15, prompt_tokens=1_500, completion_tokens=600, seconds=30)
    assert teacher.cost == pytest.approx(0.15)
    assert figures["student"].calls == 0


def test_what_filters_ask_goes_by_all_attempts(lake: Lake) -> None:
    paid(lake, "2026-01-01/mine", "cot", "judge", 10, 30, by="rubric")
    assert expected(lake, "2026-01-02/mine", {"gold": 4, "cot": 1})["judge"].calls == pytest.approx(15)


def test_only_the_last_nights_count(lake: Lake) -> None:
    paid(lake, "2025-12-01/mine", "cot", "teacher", 10, 500)
    for day in range(NIGHTS):
        paid(lake, f"2026-01-0{1 + day}/mine", "cot", "teacher", 10, 10)
    teacher = expected(lake, "2026-02-01/mine", {"cot": 10})["teacher"]
    assert teacher.nights == NIGHTS and teacher.calls == pytest.approx(10)


def test_a_night_differs_by_chance_as_much_as_it_says(lake: Lake) -> None:
    """Attempts of 1 call, or 25 where their first step can be completed: two nights of 40 are apart as the spread says."""
    draw = random.Random(3)

    def calls() -> list[int]:
        return [draw.choice((1, 25)) for _ in range(40)]

    apart = []
    for month in range(1, 13):
        first = calls()
        lake_night = f"20{month:02}-01-01/night{month}"
        paid(lake, lake_night, "step_labels", "student", 40, sum(first), each=first)
        said = expected(lake, f"2026-01-01/night{month}", {"step_labels": 40})["student"]
        assert said.spread is not None and said.prompt_tokens == 100 * sum(first)
        apart.append((said.prompt_tokens - 100 * sum(calls())) / said.spread)
    assert max(map(abs, apart)) < 3.5, "of a normal draw that far out there is one in 2,000"
    assert 0.5 < sum(value * value for value in apart) / len(apart) < 2


def test_a_method_that_no_night_had_is_asked_as_its_prompts_say(lake: Lake) -> None:
    paid(lake, "2026-01-01/mine", "cot", "teacher", 10, 20)
    unseen = {name: {"teacher": Expected(0, calls=8, prompt_tokens=900)} for name in ("cot", "critique")}
    teacher = expected(lake, "2026-01-02/mine", {"cot": 10, "critique": 4}, unseen)["teacher"]
    assert teacher.calls == 28 and teacher.prompt_tokens == 2_900
    assert expected(lake, "2025-01-01/mine", {"critique": 4}, unseen)["teacher"].calls == 8, "nor had any night before"
    assert mean_lengths(lake) == {"teacher": (40, 3)}
