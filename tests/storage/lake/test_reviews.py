"""What people say of rows is kept once, the last of each holds, fair samples are fair, and agreement is counted."""

import pytest

from storage.errors import LakeError
from storage.lake import reviews
from storage.lake.lake import Lake
from storage.lake.reviews import Review, agreement, dealt, draw, draws, record_reviews
from tests.storage.small import build


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    """One lake for all: each test reviews rows that no other looks at."""
    with Lake(build(tmp_path_factory.mktemp("small") / "w")) as lake:
        yield lake


def test_reviews_are_kept_once_and_the_last_of_a_person_holds(small):
    first = [Review("1", "cot-10", "ada", "accept"), Review("2", "cot-11", "ada", "accept")]
    assert record_reviews(small, first) == 2
    record_reviews(small, first)
    record_reviews(small, [Review("3", "cot-10", "ada", "reject"), Review("4", "cot-10", "ada", note="the sum is off")])
    record_reviews(small, [Review("5", "cot-10", "bob", "accept")])
    kept = small.rows(
        "select review_id, decision from reviews where review_id in ('1', '2', '3', '4', '5') order by all"
    )
    assert kept == [
        {"review_id": str(number), "decision": "rejected" if number == 2 else "accepted"} for number in range(1, 6)
    ]
    held = small.rows(
        "select sample_id, reviewer, verdict from last_reviews where sample_id like 'cot-1%' order by all"
    )
    assert [tuple(row.values()) for row in held] == [
        ("cot-10", "ada", "reject"), ("cot-10", "bob", "accept"), ("cot-11", "ada", "accept"),
    ]  # fmt: skip
    together = small.rows("select sample_id, verdict from reviewed where sample_id like 'cot-1%' order by all")
    assert [tuple(row.values()) for row in together] == [("cot-10", "reject"), ("cot-11", "accept")]
    assert [row["note"] for row in reviews.reviews_of(small, ["cot-10"])] == [None, None, "the sum is off", None]


@pytest.mark.parametrize(
    ("review", "sentence"),
    [
        (Review("1", "nothing", "ada", "accept"), "no row 'nothing'"),
        (Review("1", "cot-00", "ada", "maybe"), "say accept or reject"),  # type: ignore[arg-type]
        (Review("1", "cot-00", "ada"), "says nothing"),
        (Review("1", "cot-00", " ", "accept"), "who reviewed"),
        (Review("1", "cot-00", "ada", note="x" * 10_001), "at most 10,000"),
    ],
)
def test_what_is_no_review_is_a_sentence(small, review, sentence):
    with pytest.raises(LakeError, match=sentence):
        record_reviews(small, [review])


def test_a_fair_sample_is_the_same_again_and_takes_rejected_rows_too(small):
    drawn = draw(small, "cot", 10)
    assert draw(small, "cot", 10) == drawn
    ids = dealt(small, drawn)
    assert len(ids) == len(set(ids)) == 10 and all(identity.startswith("cot-") for identity in ids)
    assert dealt(small, draw(small, "cot", 10, seed=1)) != ids
    taught = draw(small, "tutorship", 100)
    ids = dealt(small, taught)
    assert len(ids) == 8
    record_reviews(small, [Review(name, name, "ada", "accept", draw_id=taught) for name in ids if "-1" in name])
    (line,) = (row for row in draws(small) if row["draw_id"] == taught)
    assert (line["population"], line["rows"], line["reviewed"]) == (8, 8, 4)


def test_each_row_is_as_likely_as_any_other(small):
    """400 draws of 4 of 16 rows: each is expected 100 times, with a standard deviation of 8.7."""
    counted = small.rows(
        "select sample_id, count(*) as times from (select sample_id, row_number() over (partition by seed order by "
        f"{reviews.BY_CHANCE.replace('$seed', 'seed')}) as place from (select range::varchar as seed from range(400)), samples d "
        "where method = 'cot') where place <= 4 group by all"
    )
    assert len(counted) == 16 and all(60 < row["times"] < 140 for row in counted)


def test_what_cannot_be_dealt_is_a_sentence(small):
    with pytest.raises(LakeError, match="between 1 and"):
        draw(small, "cot", 0)
    with pytest.raises(LakeError, match="cot, tutorship"):
        draw(small, "nothing", 5)
    with pytest.raises(LakeError, match="no fair sample"):
        dealt(small, "nothing")


def test_agreement_counts_both_kinds_of_error_and_keeps_picked_rows_apart(small):
    night = "2026-01-01/r"
    drawn = draw(small, "cot", 16)
    reviewed = {
        "cot-00": "accept",
        "cot-02": "reject",
        "cot-01": "reject",
        "cot-03": "accept",
    }  # 01 and 03 are rejected
    record_reviews(small, [Review(name, name, "ada", verdict, draw_id=drawn) for name, verdict in reviewed.items()])
    record_reviews(small, [Review("t", "tutorship-00", "ada", "accept")])
    counted = agreement(small, night)
    assert counted["policy"] == [
        {"method": "cot", "dealt": True, "rows": 4, "good": 2, "agreed": 2, "let_in": 1, "turned_away": 1},
        {"method": "tutorship", "dealt": False, "rows": 1, "good": 1, "agreed": 1, "let_in": 0, "turned_away": 0},
    ]
    (answer,) = counted["filters"]
    assert (answer["filter"], answer["decided"], answer["agreed"], answer["caught"], answer["wrongly_failed"]) == (
        "answer", 5, 3, 1, 1,
    )  # fmt: skip
