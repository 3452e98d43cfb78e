"""A night that is decided block by block gets the verdicts, decisions and signatures that it gets in one piece."""

import random

import pytest

from filters.base import FilterError
from filters.benchmarks import BenchmarkManifest
from filters.night.curate import Curator
from filters.night.rules import read_rules
from storage.lake import nights
from storage.lake.lake import Lake, table_of
from storage.spreading import here
from storage.workspace import Workspace
from synth.sample import problem_row
from tests.filters.helpers import arithmetic, derivation, row, table, word_problem

NIGHT = "2026-01-01/small"
ROWS = 90
OPTIONS = {"caps": {"per_problem": 2}}


def problems():
    names = ("Ann", "Bea", "Cem", "Dov", "Eli")
    return [arithmetic(name, start) for start in (5, 8, 12) for name in names] + [word_problem()]


def night_rows():
    """Rows of one night about some problems, many of which are said twice or nearly so."""
    rng, drawn = random.Random(2), problems()
    rows = []
    for number in range(ROWS):
        problem = rng.choice(drawn)
        response = derivation(problem) if "steps" in problem.attrs else "18 and 20 are 38.\n#### 38"
        said = f"Checked {number} times by {number + 1} of {number + 2} people on {number + 3} days, and {number} more."
        response += rng.choice(("", f"\nChecked {number}.", f"\n{said}", f"\n{said}\n{said} {number + 7} of them"))
        share = {"share": {"of": "agreement", "cap": 0.1, "draw": rng.random()}} if number % 4 == 0 else {}
        rows.append(
            row(f"{rng.randrange(16**8):08x}", problem, response, night=NIGHT, parents=[f"call {number}"], notes=share)
        )
    rows[7]["parents"] = [rows[3]["parents"][0], "call 7"]
    return rows


@pytest.fixture
def lake(tmp_path):
    with Lake(Workspace.create(tmp_path / "w")) as opened:
        drawn = [problem_row(problem, split="train", night=NIGHT) for problem in problems()]
        opened.commit("plan", "plan", {"problems": table_of("problems", drawn)}, night=NIGHT)
        rows = night_rows()
        samples = table(*rows)
        verdicts = curator(opened).observe_rows(samples).to_pylist()
        for verdict in verdicts:  # a leak that a later row inherits
            if verdict["sample_id"] == rows[3]["sample_id"] and verdict["filter"] == "decontamination":
                verdict |= {"outcome": "fail", "reason": "benchmark_item"}
        tables = {"samples": samples, "verdicts": table_of("verdicts", verdicts)}
        opened.commit("samples", "samples", tables, night=NIGHT)
        yield opened


def curator(lake, rows=ROWS, spread=here, night=NIGHT):
    rules = read_rules(OPTIONS, {}, {})
    return Curator(lake, night, rules, manifest=BenchmarkManifest(()), spread=spread, block_rows=rows)


def decided(lake):
    return [lake.rows(f"select * exclude (commit_id) from {name} order by all") for name in ("verdicts", "signatures")]


def copy_of(lake, folder):
    """A lake with the same rows, not decided."""
    other = Lake(Workspace.create(folder))
    for name in ("problems", "samples", "verdicts"):
        kinds = "select commit_id from commits where kind in ('plan', 'samples')"
        rows = lake.query(f"select * exclude (commit_id) from {name} where commit_id in ({kinds})")
        other.commit(name, name, {name: rows}, night=NIGHT)
    return other


@pytest.mark.slow
def test_blocks_decide_as_one_piece_does_even_after_a_kill(lake, tmp_path):
    made = []

    def dying(work, arguments):
        yield from here(work, arguments[:2])
        raise KeyboardInterrupt

    def counting(work, arguments):
        made.append((work.__name__, len(arguments)))
        return here(work, arguments)

    curator(lake).decide_night()
    with copy_of(lake, tmp_path / "blocks") as other:
        with pytest.raises(KeyboardInterrupt):
            curator(other, 25, dying).decide_night()
        (file,) = other.workspace.folder("spill").glob("*/*/samples-00000.parquet")
        written = file.stat().st_mtime_ns
        counted = curator(other, 25, counting).count_accepted()
        assert made == [("sketch_block", 2), ("hold_together", 1)], "two blocks were sketched before"
        assert file.stat().st_mtime_ns == written
        curator(other, 25, counting).decide_night()
        assert counted == len(other.rows("select * from accepted")) > 10
        assert decided(other) == decided(lake)
        assert not list(other.workspace.folder("spill").iterdir())
    reasons = {item["reason"] for item in nights.reasons(lake, NIGHT)}
    assert reasons >= {
        "caps:too_many_of_problem",
        "decontamination:inherited",
        "exact_duplicates:duplicate",
        "near_duplicates:near_duplicate",
        "share:over_share",
    }


def test_what_is_taken_down_meanwhile_does_not_come_back(lake, monkeypatch):
    """Rows that come from files are left out of a commit like those in memory."""
    gone = night_rows()[0]["sample_id"]
    row_of = {"takedown_id": "t", "event": "planned", "sample_ids": [gone]}
    curated = curator(lake, 25)
    decisions = curated._decisions

    def taken_down_after(night):
        decided = decisions(night)
        lake.commit("takedown", "takedown", {"takedowns": table_of("takedowns", [row_of])})
        return decided

    monkeypatch.setattr(curated, "_decisions", taken_down_after)
    curated.decide_night()
    assert not lake.rows("select * from verdicts where sample_id = ? and filter = 'policy'", [gone])
    assert not lake.rows("select * from signatures where sample_id = ?", [gone])
    assert len(lake.rows("select * from verdicts where filter = 'policy'")) == ROWS - 1


def test_an_id_that_stands_twice_is_refused(lake):
    again = table(*night_rows()[:1])
    lake.commit("again", "samples", {"samples": again}, night=NIGHT)
    for rows in (25, 200):
        with pytest.raises(FilterError, match="is not the id of exactly one row"):
            curator(lake, rows).decide_night()
