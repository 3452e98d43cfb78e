import pytest

from filters.difficulty import Attempted, PassRate, current, for_reinforcement, for_tuning, pass_rates


def attempts(problem, correct, tries, model="m", sampling="t1"):
    return [Attempted(problem, model, sampling, "correct" if n < correct else "wrong") for n in range(tries)]


def test_counted_by_problem_model_and_sampling():
    made = [*attempts("p", 2, 8), *attempts("p", 8, 8, "n"), *attempts("p", 0, 4, sampling="t0")]
    made.append(Attempted("p", "m", "t1", "unverifiable"))
    assert pass_rates(made) == [
        PassRate("p", "m", "t0", 4, 0), PassRate("p", "m", "t1", 9, 2), PassRate("p", "n", "t1", 8, 8),
    ]  # fmt: skip


def test_another_model_makes_a_rate_expire():
    rates = pass_rates([*attempts("p", 2, 8), *attempts("p", 8, 8, "n")])
    assert [rate.model for rate in current(rates, "n")] == ["n"]
    assert current(rates, "m", "t0") == []


@pytest.mark.parametrize(
    ("correct", "bucket"),
    [(0, "unsolved"), (1, "hard"), (2, "hard"), (3, "medium"), (6, "medium"), (7, "easy"), (8, "trivial")],
)
def test_buckets(correct, bucket):
    assert PassRate("p", "m", "t", 8, correct).bucket == bucket


def test_pass_at_k():
    rate = PassRate("p", "m", "t", 4, 1)
    assert rate.at(1) == 0.25 and rate.at(2) == 0.5 and rate.at(4) == 1.0
    with pytest.raises(ValueError, match="pass@5 needs 5 attempts; there are 4"):
        rate.at(5)


def test_what_each_stage_takes():
    rates = [
        PassRate(name, "m", "t", 8, correct)
        for name, correct in (("never", 0), ("easy", 7), ("hard", 1), ("always", 8))
    ]
    rates.append(PassRate("few", "m", "t", 4, 2))
    assert for_reinforcement(rates) == ["easy", "hard"]
    assert for_tuning(rates) == ["hard", "few", "easy"]
