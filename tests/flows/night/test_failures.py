"""The failure budget: it counts what failed, goes on below its bound and stops above it, with the cause."""

import pyarrow as pa
import pytest

from flows.night.failures import LEAST, Failures
from storage.errors import BudgetError


def attempts(done: int = 0, failed: int = 0, reason: str = "prompt_too_long", method: str = "cot") -> pa.Table:
    rows = [{"method": method, "status": "done", "reason": None, "detail": None}] * done
    rows += [{"method": method, "status": "failed", "reason": reason, "detail": f"it  was {reason}"}] * failed
    schema = pa.schema([(name, pa.string()) for name in ("method", "status", "reason", "detail")])
    return pa.Table.from_pylist(rows, schema=schema)


def test_below_the_budget_the_night_goes_on_and_says_so():
    failures = Failures(0.1, 1000)
    failures.count(attempts(done=95))
    failures.check()
    assert failures.sentence() is None
    failures.count(attempts(failed=5))
    failures.check()
    assert failures.sentence() == (
        "5 of 100 attempts (5.0%) failed, within budget.failures of 10%: cot prompt_too_long 5"
    )


def test_above_it_the_night_stops_with_cause_and_next_command():
    failures = Failures(0.1, 1000)
    failures.count(attempts(done=85, failed=5))
    failures.count(attempts(failed=10, reason="server_error"))
    with pytest.raises(BudgetError) as caught:
        failures.check()
    for sentence in (
        "15 of 100 attempts (15.0%) failed, more than budget.failures of 10%",
        "Causes: cot server_error 10, cot prompt_too_long 5; for example 'it was server_error'",
        "What was made is kept",
        "run the same command again",
        "--set budget.failures=1 --repin",
    ):
        assert sentence in str(caught.value)


def test_a_few_attempts_say_little_but_a_small_night_is_judged_whole():
    many = Failures(0.5, 1000)
    many.count(attempts(failed=LEAST - 1))
    many.check()
    few = Failures(0.5, 4)
    few.count(attempts(done=1, failed=3))
    with pytest.raises(BudgetError):
        few.check()


def test_what_a_budget_of_calls_stopped_is_no_failure_and_none_allows_all():
    failures = Failures(0.0, 10)
    failures.count(attempts(done=5, failed=60, reason="budget"))
    failures.check()
    unlimited = Failures(None, 10)
    unlimited.count(attempts(failed=60))
    unlimited.check()
    assert unlimited.sentence() == "60 of 60 attempts (100.0%) failed: cot prompt_too_long 60"
