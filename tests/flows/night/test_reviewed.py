"""Answers that people told apart reach the judges of a night, with their problem and who wrote them."""

from flows.night.reviewed import reviewed_pairs
from storage.lake.lake import Lake
from storage.lake.reviews import Review, record_reviews
from tests.storage.small import build


def test_a_pair_is_an_answer_that_people_accept_and_one_that_they_reject_to_one_problem(tmp_path):
    with Lake(build(tmp_path / "w")) as lake:
        assert reviewed_pairs(lake) == ()
        verdicts = {"cot-00": "accept", "tutorship-00": "reject", "cot-02": "accept", "tutorship-04": "reject"}
        record_reviews(lake, [Review(name, name, "ada", verdict) for name, verdict in verdicts.items()])
        (pair,) = reviewed_pairs(lake)
        assert (pair.problem.prompt, pair.problem.gold) == ("What is 0 + 1?", "1")
        assert (pair.accepted.call_id, pair.rejected.call_id) == ("call-cot-00", "call-tutorship-00")
        assert pair.accepted.text == "It is 1." and pair.accepted.model == "teacher@1"
        record_reviews(lake, [Review("again", "tutorship-00", "bob", "accept")])  # one of two still rejects it
        assert len(reviewed_pairs(lake)) == 1
        record_reviews(lake, [Review("after all", "tutorship-00", "ada", "accept")])
        assert reviewed_pairs(lake) == ()
