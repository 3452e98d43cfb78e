import pytest

from filters import get_filter
from filters.night.trials import Trial, record_trials, store_trials
from filters.pass_rate import PassRate
from filters.rules.difficulty import for_reinforcement, pass_rates
from storage.lake.lake import Lake, table_of
from storage.sql.run import run_sql
from storage.workspace import Workspace
from synth.engines.solver import Solver
from synth.sample import problem_row
from tests.filters.helpers import arithmetic, context, details, outcomes, row, table

ANN, BEN = arithmetic("Ann"), arithmetic("Ben", 9)
NIGHT = "2026-01-01/x"


@pytest.fixture
def lake(tmp_path):
    with Lake(Workspace.create(tmp_path / "w")) as opened:
        yield opened


def trials(problem, correct, tries, model="m", sampling="{}"):
    return [
        Trial(problem, model, sampling, f"{model}{sampling}{n}", "correct" if n < correct else "wrong")
        for n in range(tries)
    ]


def promote(lake, model, number):
    row = {"candidate": model, "decision": "promoted"}
    lake.commit(f"promote:{number}", "promotion", {"promotions": table_of("promotions", [row])})


@pytest.mark.slow
def test_another_model_makes_a_rate_expire(lake):
    store_trials(lake, "a", [*trials("p", 2, 8), *trials("p", 8, 8, "n"), *trials("q", 0, 4)], night=NIGHT)
    assert pass_rates(lake, "m") == {"p": PassRate("p", "m", "{}", 8, 2), "q": PassRate("q", "m", "{}", 4, 0)}
    assert list(pass_rates(lake, "n")) == ["p"] and pass_rates(lake, "o") == {}
    assert list(pass_rates(lake, "m", problems=["q", "z"])) == ["q"]
    promote(lake, "m", 1)
    statement = "select problem_id, tries, correct, rate, bucket from difficulty order by 1"
    assert [tuple(rate.values()) for rate in run_sql(lake.workspace, statement).to_pylist()] == [
        ("p", 8, 2, 0.25, "hard"), ("q", 4, 0, 0.0, "unsolved"),
    ]  # fmt: skip
    promote(lake, "n", 2)
    assert [rate["problem_id"] for rate in run_sql(lake.workspace, statement).to_pylist()] == ["p"]
    promote(lake, "o", 3)
    assert run_sql(lake.workspace, statement).num_rows == 0


def test_ways_of_sampling_are_never_mixed(lake):
    store_trials(lake, "a", [*trials("p", 1, 4), *trials("p", 8, 8, sampling='{"t": 0}')], night=NIGHT)
    assert pass_rates(lake, "m")["p"].tries == 8
    assert pass_rates(lake, "m", sampling="{}")["p"] == PassRate("p", "m", "{}", 4, 1)


def test_the_same_trial_counts_once(lake):
    store_trials(lake, "a", trials("p", 1, 4), night=NIGHT)
    store_trials(lake, "a", trials("p", 4, 4), night=NIGHT)
    store_trials(lake, "b", trials("p", 1, 4), night="2026-01-02/x")
    assert pass_rates(lake, "m")["p"].tries == 4


def call(name, response, problem=ANN, act="solve", model="m", seed=0):
    sampling = f'{{"temperature": 1.0, "seed": {seed}}}'
    messages = [{"role": "user", "content": f"{problem.prompt} Think."}]
    return {
        "call_id": name,
        "act": act,
        "model": model,
        "sampling": sampling,
        "messages": messages,
        "response": response,
    }


def test_the_bare_questions_behind_a_night_are_trials(lake):
    calls = [
        call("c1", "#### 6"), call("c2", "#### 7", seed=2), call("c3", "no idea", seed=3), call("c4", "#### 6", act="retry"),
        call("c5", "#### 6", model=Solver.model), call("c6", "#### 1", BEN), call("c7", "#### 6"),
    ]  # fmt: skip
    parents = [["c1", "c4"], ["c2"], ["c3", "c5"], ["c6"], ["c1"]]  # c6 asked another question; c7 belongs to no row
    samples = [row(f"s{n}", ANN, night=NIGHT, parents=call_ids) for n, call_ids in enumerate(parents)]
    planned = {"attempt_id": "a", "night": NIGHT, "status": "planned", "problem_id": ANN.id}
    tables = {
        "problems": table_of("problems", [problem_row(ANN, split="train", night=NIGHT)]),
        "attempts": table_of("attempts", [planned]), "samples": table(*samples), "calls": table_of("calls", calls),
    }  # fmt: skip
    lake.commit("one", "samples", tables, night=NIGHT)
    for _ in range(2):
        record_trials(lake, NIGHT)
    assert pass_rates(lake, "m") == {ANN.id: PassRate(ANN.id, "m", '{"temperature": 1.0}', 3, 1)}
    outcome_of = {trial["trial"]: trial["outcome"] for trial in lake.rows("select * from trials")}
    assert outcome_of == {"c1": "correct", "c2": "wrong", "c3": "wrong"}


@pytest.mark.parametrize(
    ("correct", "bucket"),
    [(0, "unsolved"), (1, "hard"), (2, "hard"), (3, "medium"), (6, "medium"), (7, "easy"), (8, "trivial")],
)
def test_buckets_are_the_same_in_sql(lake, correct, bucket):
    store_trials(lake, "a", trials("p", correct, 8), night=NIGHT)
    assert pass_rates(lake, "m")["p"].bucket == bucket == lake.rows("select bucket from pass_rates")[0]["bucket"]


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


def test_the_filter_tells_buckets_and_rejects_those_left_out():
    rates = {ANN.id: PassRate(ANN.id, "m", "t", 8, 8), BEN.id: PassRate(BEN.id, "m", "t", 2, 0)}
    samples = table(row("a", ANN), row("b", BEN), row("c", ANN, kind="prompt"), row("d"))
    around = context(ANN, BEN, rates=rates)
    seen = get_filter("difficulty")(samples, around)
    assert {outcome for outcome, _ in outcomes(seen).values()} == {"pass"}
    assert details(seen)["a"] == {"tries": 8, "correct": 8, "model": "m", "bucket": "trivial"}
    assert details(seen)["b"] == {}, "two tries say nothing"
    strict = get_filter("difficulty", {"prompt": ["hard", "medium", "easy"]})(samples, around)
    assert outcomes(strict)["c"] == ("fail", "trivial") and outcomes(strict)["a"] == ("pass", None)
