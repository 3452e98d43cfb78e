"""People keep rows out, or let them in, where the policy of a method asks them; never against a filter."""

import pyarrow as pa
import pytest

from filters.base import VERDICTS
from filters.benchmarks import Benchmark, BenchmarkManifest
from filters.night.policy import Policies, Policy, read_policies
from filters.night.rescan import rescan
from filters.night.reviews import Applied, apply_reviews
from storage.errors import RecipeError
from storage.lake.lake import Lake, table_of
from storage.lake.reviews import Review, agreement, record_reviews
from storage.releases.making import create_release
from storage.workspace import Workspace
from synth.sample import problem_row
from tests.filters.helpers import STAMPS, row, table, word_problem

NIGHT = "2026-01-02/r"
LEAK, CLEAN = word_problem(), word_problem("Ben reads 20 pages a day. How many pages does he read in a week?", "140")
RESPECT, REQUIRE, IGNORE = (Policies(default=Policy(reviews=name)) for name in ("respect", "require", "ignore"))


@pytest.fixture
def lake(tmp_path):
    rows = [row(name, LEAK if name == "a" else CLEAN, night=NIGHT) for name in "abcd"]
    decisions = pa.Table.from_pylist(
        [
            {"sample_id": name, "filter": "policy", "version": "1", "outcome": "rejected" if name == "d" else "accepted",
             "reason": "answer:wrong_answer" if name == "d" else None}
            for name in "abcd"
        ],
        schema=VERDICTS,
    ).append_column("night", pa.array([NIGHT] * 4))  # fmt: skip
    problems = [problem_row(problem, split="train", night=NIGHT) for problem in (LEAK, CLEAN)]
    with Lake(Workspace.create(tmp_path / "w")) as opened:
        tables = {"samples": table(*rows), "verdicts": decisions, "problems": table_of("problems", problems)}
        opened.commit("night", "curate", tables, night=NIGHT)
        yield opened


def say(lake: Lake, **verdicts: str) -> None:
    seq = lake.last_seq()
    record_reviews(lake, [Review(f"{seq}-{name}", name, "ada", verdict) for name, verdict in verdicts.items()])


def decided(lake: Lake) -> dict[str, str]:
    rows = lake.rows("select sample_id, coalesce(reason, outcome) as said from decisions order by all")
    return {item["sample_id"]: item["said"] for item in rows}


def test_a_row_that_people_reject_leaves_and_one_that_a_filter_rejects_does_not_come_in(lake):
    say(lake, b="reject", d="accept")
    assert apply_reviews(lake, "r", IGNORE) == Applied(0, 0, 0)
    assert create_release(lake, "set", night=None).rows == 3
    assert apply_reviews(lake, "r", RESPECT) == Applied(0, 1, 0)
    assert decided(lake) == {"a": "accepted", "b": "reviews:rejected", "c": "accepted", "d": "answer:wrong_answer"}
    assert create_release(lake, "set", night=None).rows == 2
    seq = lake.last_seq()
    assert apply_reviews(lake, "r", RESPECT) == Applied(0, 0, 0) and lake.last_seq() == seq
    assert apply_reviews(lake, "another", RESPECT) == Applied(0, 0, 0)
    say(lake, b="accept")  # thought better of
    assert apply_reviews(lake, "r", RESPECT) == Applied(1, 0, 0)
    say(lake, b="reject")
    assert apply_reviews(lake, "r", RESPECT) == Applied(0, 1, 0)
    assert apply_reviews(lake, "r", IGNORE) == Applied(1, 0, 0)


def test_what_must_be_accepted_waits_and_is_looked_through_for_benchmarks_meanwhile(lake):
    assert apply_reviews(lake, "r", REQUIRE) == Applied(0, 3, 3)
    assert create_release(lake, "set", night=None) is None
    say(lake, a="accept", b="accept", c="reject", d="accept")
    grown = BenchmarkManifest([Benchmark("gsm8k", "1", "test", [word_problem(STAMPS)])])
    assert rescan(lake, grown) == 1  # `a`, which waits
    assert apply_reviews(lake, "r", REQUIRE) == Applied(1, 0, 0)
    assert decided(lake)["a"].startswith("decontamination:")
    assert decided(lake)["b"] == "accepted" and decided(lake)["c"] == "reviews:rejected"
    assert create_release(lake, "set", night=None).rows == 1


def test_agreement_is_with_what_was_decided_without_people(lake):
    say(lake, a="reject", b="accept")
    apply_reviews(lake, "r", REQUIRE)
    (line,) = agreement(lake)["policy"]
    assert (line["rows"], line["agreed"], line["let_in"], line["turned_away"]) == (2, 1, 1, 0)
    say(lake, c="accept")  # it waits, and no filter had turned it away
    assert lake.rows("select decision from reviews where sample_id = 'c'") == [{"decision": "accepted"}]


def test_a_recipe_says_it_by_method():
    names = {"methods": ["cot", "tutorship"], "filters": ["answer"]}
    policies = read_policies({"tutorship": {"reviews": "require"}}, **names)
    assert (
        policies.of("tutorship").kept_out(None) == "reviews:missing" and policies.of("cot").kept_out("reject") is None
    )
    assert policies.version != Policies().version == Policies(default=Policy(reviews="ignore")).version
    with pytest.raises(RecipeError, match=r"policy.cot.reviews.*'ignore', 'respect' or 'require'"):
        read_policies({"cot": {"reviews": "obey"}}, **names)
