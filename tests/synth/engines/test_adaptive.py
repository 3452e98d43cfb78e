"""The limit of one endpoint: a slow start by time, windows, and the server's own queue."""

import random

from hypothesis import given
from hypothesis import strategies as st

from synth.engines.adaptive import START, UNKNOWN, Limit, read_queue

METRICS = b"""# HELP vllm:num_requests_running Number of requests
# TYPE vllm:num_requests_running gauge
vllm:num_requests_running{engine="0",model_name="tiny"} 5.0
vllm:num_requests_running{engine="1",model_name="tiny"} 2.0
vllm:num_requests_waiting{engine="0",model_name="tiny"} 1e+01
vllm:num_requests_waiting_by_reason{engine="0"} 99
"""


def test_the_queue_is_read_over_all_engines() -> None:
    assert read_queue(METRICS) == (7, 10)
    assert read_queue(b"process_cpu_seconds_total 3\n") is None


def test_the_start_doubles_up_to_the_cap() -> None:
    limit = Limit(100)
    steps = [limit.now]
    while limit.ramping:
        limit.ramp()
        steps.append(limit.now)
    assert steps == [START, 2 * START, 100]


def test_a_single_refusal_cuts_nothing() -> None:
    limit = Limit(START)
    for number in range(1000):
        limit.judge(number, number, busy=number % 20 == 0)
    assert limit.now == START


def test_a_window_of_refusals_cuts_once() -> None:
    limit = Limit(64)
    limit.ramp()
    for _ in range(64):  # all of them were sent before the first cut
        limit.judge(0.0, 1.0, busy=True)
    assert limit.now == int(64 * 0.7)


def test_it_settles_near_what_the_server_takes() -> None:
    """A server that turns away whatever is beyond 40 at once."""
    limit, clock, chance, seen = Limit(512), 0.0, random.Random(1), []
    for _ in range(200):
        clock += 1
        sent = limit.now
        for number in range(sent):
            limit.judge(clock, clock + 0.5, busy=number >= 40 and chance.random() < 0.95)
        limit.ramp()
        seen.append(sent)
    assert 30 <= sum(seen[50:]) / 150 <= 60


def test_an_unknown_cap_follows_the_queue() -> None:
    limit = Limit(1024, known=False)
    for _ in range(10):
        limit.ramp()
    assert limit.now == UNKNOWN
    limit.told_queue(running=64, waiting=0, outstanding=64)
    limit.ramp()
    assert limit.now == 2 * UNKNOWN
    for _ in range(2):
        limit.told_queue(running=64, waiting=64, outstanding=128)
        assert limit.now == 2 * UNKNOWN  # answers of one length end together, so a moment says little
    limit.told_queue(running=64, waiting=64, outstanding=128)
    assert limit.now == 64 + 64 // 4


@given(st.lists(st.tuples(st.booleans(), st.booleans(), st.integers(0, 9999), st.integers(0, 9999)), max_size=400))
def test_it_stays_between_one_and_the_cap(events: list[tuple[bool, bool, int, int]]) -> None:
    limit = Limit(200, known=False)
    for clock, (busy, ramp, running, waiting) in enumerate(events):
        limit.judge(clock, clock + 1, busy=busy)
        limit.told_queue(running, waiting, running)
        if ramp:
            limit.ramp()
        assert 1 <= limit.now <= 200
