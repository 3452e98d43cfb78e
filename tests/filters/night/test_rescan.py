import pyarrow as pa
import pytest

from filters.base import VERDICTS
from filters.benchmarks import Benchmark, BenchmarkManifest
from filters.night.rescan import rescan
from storage.lake.lake import Lake, table_of
from storage.releases.making import create_release
from storage.spreading import here
from storage.workspace import Workspace
from synth.sample import problem_row
from tests.filters.helpers import STAMPS, row, table, word_problem

LEAK, CLEAN = word_problem(), word_problem("Ben reads 20 pages a day. How many pages does he read in a week?", "140")
BEFORE = BenchmarkManifest(
    [Benchmark("svamp", "1", "test", [word_problem("How many legs have two dogs and a duck?", "10")])]
)
GROWN = BenchmarkManifest([*BEFORE.benchmarks, Benchmark("gsm8k", "1", "test", [word_problem(STAMPS)])])


@pytest.fixture
def lake(tmp_path):
    rows = [
        row("a", LEAK, parents=["c1"]),
        row("b", CLEAN),
        row("c", CLEAN, "See.", parents=["c1", "c2"]),
        row("d", LEAK),
    ]
    outcomes = [("a", "accepted"), ("b", "accepted"), ("c", "accepted"), ("d", "rejected")]
    decisions = pa.Table.from_pylist(
        [
            {"sample_id": sample_id, "filter": "policy", "version": "1", "outcome": outcome}
            for sample_id, outcome in outcomes
        ],
        schema=VERDICTS,
    ).append_column("night", pa.array(["2026-01-02"] * 4))
    problems = [problem_row(problem, split="train", night="2026-01-02") for problem in (LEAK, CLEAN)]
    with Lake(Workspace.create(tmp_path / "w")) as opened:
        tables = {"samples": table(*rows), "verdicts": decisions, "problems": table_of("problems", problems)}
        opened.commit("night", "curate", tables, night="2026-01-02")
        yield opened


def accepted(lake):
    return lake.query("select sample_id from accepted order by 1")["sample_id"].to_pylist()


@pytest.mark.slow
def test_a_grown_manifest_takes_rows_out_of_the_next_release(lake):
    assert rescan(lake, BEFORE) == 0
    first = create_release(lake, "set", night=None)
    assert first.rows == 3
    assert rescan(lake, GROWN, batch=1) == 2
    assert accepted(lake) == ["b"]
    reasons = {
        rejected["sample_id"]: rejected["reason"] for rejected in lake.rows("select sample_id, reason from rejected")
    }
    assert reasons["a"].startswith("decontamination:") and reasons["c"] == "decontamination:inherited"
    second = create_release(lake, "set", night=None)
    assert (second.version, second.rows) == (2, 1)


def test_a_manifest_is_scanned_for_once(lake):
    assert rescan(lake, GROWN) == 2
    seq = lake.last_seq()
    assert rescan(lake, GROWN) == 0
    assert lake.last_seq() == seq
    assert rescan(lake, GROWN, {"coverage": 0.9}) == 0
    assert lake.last_seq() > seq


@pytest.mark.slow
def test_a_scan_that_was_killed_goes_on_with_the_nights_that_are_left(lake):
    for day in (3, 4):
        night = f"2026-01-0{day}"
        decision = {"sample_id": night, "filter": "policy", "version": "1", "outcome": "accepted", "night": night}
        tables = {"samples": table(row(night, LEAK, night=night)), "verdicts": table_of("verdicts", [decision])}
        lake.commit(night, "curate", tables, night=night)
    scanned, told = [], []

    def dying(work, arguments):
        yield from here(work, arguments[:1])
        raise KeyboardInterrupt

    def counting(work, arguments):
        scanned.extend(nights for _, nights, *_ in arguments)
        return here(work, arguments)

    with pytest.raises(KeyboardInterrupt):
        rescan(lake, GROWN, batch=1, spread=dying)
    assert accepted(lake) == ["2026-01-03", "2026-01-04", "b", "c"], "what is scanned takes effect at once"
    assert rescan(lake, GROWN, batch=1, spread=counting, on_done=lambda *parts: told.append(parts)) == 4
    assert scanned == [["2026-01-03"], ["2026-01-04"]] and told == [(2, 3), (3, 3)]
    assert accepted(lake) == ["b"]
