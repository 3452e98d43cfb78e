import pyarrow as pa
import pytest

from storage.errors import TrainingError
from train_stages.promotion.evaluate import ROWS, summarise
from train_stages.promotion.promote import PromoteConfig, compare, keep_rl
from train_stages.promotion.text_loss import compare_texts


def rows(greedy, tiers=None, sampled=None):
    """`greedy`: right or wrong per problem; `sampled`: right ones of four per problem."""
    scores = []
    for number, right in enumerate(greedy):
        about = {"problem_id": f"p{number:03}", "task": "arithmetic", "tier": tiers[number] if tiers else 1}
        scores.append({**about, "mode": "greedy", "sample_number": 0, "outcome": "correct" if right else "wrong"})
        for k in range(4 if sampled else 0):
            outcome = "correct" if k < sampled[number] else "unverifiable"
            scores.append({**about, "mode": "sampled", "sample_number": k, "outcome": outcome})
    return pa.Table.from_pylist(scores, schema=ROWS)


def test_promoted_on_evidence():
    decision = compare(rows([False] * 20 + [True] * 20), rows([True] * 30 + [False] + [True] * 9))
    assert decision.outcome == "promoted"
    assert (decision.overall.test.gained, decision.overall.test.lost) == (20, 1)
    assert "0.500" in decision.reason and "n=40" in decision.reason


def test_undecided_when_the_items_cannot_tell():
    assert compare(rows([False] * 4 + [True] * 6), rows([True] * 10)).outcome == "undecided"


def test_refused_when_worse():
    decision = compare(rows([True] * 30), rows([False] * 10 + [True] * 20))
    assert decision.outcome == "refused" and "worse" in decision.reason


def test_a_gain_overall_does_not_pay_for_a_drop_in_one_group():
    tiers = [1] * 20 + [2] * 40
    decision = compare(rows([True] * 20 + [False] * 40, tiers), rows([False] * 8 + [True] * 12 + [True] * 40, tiers))
    assert decision.outcome == "refused" and "arithmetic tier 1" in decision.reason
    assert [drop.group for drop in decision.groups] == [("arithmetic", 1), ("arithmetic", 2)]


def test_a_small_drop_in_one_group_is_tolerated_as_the_config_says():
    tiers = [1] * 200 + [2] * 100
    before = rows([True] * 200 + [False] * 100, tiers)
    after = rows([False] * 5 + [True] * 195 + [True] * 100, tiers)
    assert compare(before, after).outcome == "promoted"
    assert compare(before, after, PromoteConfig(guard_effect=0)).outcome == "refused"


def test_a_gain_below_the_minimum_is_refused():
    before, after = rows([False] * 8 + [True] * 192), rows([True] * 200)
    assert compare(before, after).outcome == "promoted"
    decision = compare(before, after, PromoteConfig(min_effect=0.05))
    assert decision.outcome == "refused" and "min_effect=0.05" in decision.reason


def test_different_items_are_an_error():
    with pytest.raises(TrainingError, match="same items: 3 and 4, of which 3 in common"):
        compare(rows([True] * 3), rows([True] * 4))
    with pytest.raises(TrainingError, match="same items"):
        compare(rows([]), rows([]))


def test_rl_is_kept_only_when_not_worse():
    same = [True] * 30
    assert keep_rl(rows(same, sampled=[2] * 30), rows(same, sampled=[3] * 30)).keep
    assert keep_rl(rows(same, sampled=[2] * 30), rows(same, sampled=[2] * 30)).keep
    lower = keep_rl(rows(same, sampled=[2] * 30), rows(same, sampled=[1] + [2] * 29))
    assert not lower.keep and "sampled answers are worse" in lower.reason
    broken = keep_rl(rows(same, sampled=[2] * 30), rows([False] * 9 + [True] * 21, sampled=[3] * 30))
    assert not broken.keep and "greedy answers are worse" in broken.reason


def test_rl_without_samples_is_kept_by_its_greedy_answers():
    some = [True] * 10 + [False] * 10
    assert keep_rl(rows(some), rows(some)).keep
    better = keep_rl(rows(some), rows([True] * 12 + [False] * 8))
    assert better.keep and (better.before, better.after) == (0.5, 0.6) and "greedy 0.500 to 0.600" in better.reason
    worse = keep_rl(rows(some), rows([True] * 9 + [False] * 11))
    assert not worse.keep and "greedy answers are worse" in worse.reason
    with pytest.raises(TrainingError, match="same items: 20 and 0"):
        keep_rl(rows(some, sampled=[1] * 20), rows(some))


def test_scores_count_samples_per_problem():
    summary = summarise(rows([True, False, True, True], sampled=[4, 0, 1, 3]))
    (score,) = summary.scores
    assert (score.problems, score.greedy.value, score.average_at_k, score.samples) == (4, 0.75, 0.5, 4)
    assert score.pass_at_k.value == 0.75


def test_refused_when_a_gain_would_have_shown():
    same = [True, False] * 300
    decision = compare(rows(same), rows(same))
    assert decision.outcome == "refused" and "not better by min_effect=0.01" in decision.reason


def test_a_person_may_have_the_last_word():
    before, after = rows([False] * 20 + [True] * 20), rows([True] * 40)
    decision = compare(before, after, PromoteConfig(approval="person"))
    assert decision.outcome == "waiting" and "nightschool model promote" in decision.reason
    assert compare(after, before, PromoteConfig(approval="person")).outcome == "refused", (
        "a person is not asked in vain"
    )


def test_a_spent_level_asks_for_more():
    before, after = rows([False] * 7 + [True] * 40), rows([True] * 47)
    assert compare(before, after).outcome == "promoted"
    decision = compare(before, after, level=0.001)
    assert decision.outcome == "undecided" and "after earlier looks" in decision.reason


def test_other_tasks_and_benchmarks_can_refuse_and_never_promote():
    better = rows([False] * 20 + [True] * 20), rows([True] * 40)
    lost = rows([True] * 30), rows([False] * 10 + [True] * 20)
    decision = compare(*better, others={"gsm8k": lost})
    assert decision.outcome == "refused" and "worse at gsm8k" in decision.reason
    assert compare(*lost, others={"gsm8k": better}).outcome == "refused"


def test_forgotten_text_refuses():
    better = rows([False] * 20 + [True] * 20), rows([True] * 40)
    before = [(2.0 * n, n) for n in range(50, 90)]
    worse = compare_texts(before, [(bits * 1.1, n) for bits, n in before])
    decision = compare(*better, text=worse)
    assert decision.outcome == "refused" and "forgot general text: 2.000 to 2.200 bits per byte" in decision.reason
    slightly = compare_texts(before, [(bits * 1.01, n) for bits, n in before])
    assert slightly.low > 0 and compare(*better, text=slightly).outcome == "promoted"


def test_sampled_answers_decide_where_the_recipe_says_so():
    same = [True, False] * 60
    before, after = rows(same, sampled=[2] * 120), rows(same, sampled=[2, 4] * 60)
    config = PromoteConfig(metric="sampled")
    decision = compare(before, after, config)
    assert decision.outcome == "promoted" and decision.sampled.after == 0.75
    assert compare(after, before, config).outcome == "refused"
    broken = rows([False] * 120, sampled=[4] * 120)
    assert compare(before, broken, config).outcome == "refused", "greedy answers are guarded all the same"


def test_what_each_kind_is_too_small_to_show_the_exam_together_does():
    """Ten kinds of 40 items, each of which loses two: nothing alone, twenty of 400 together."""
    task = (rows([False] * 30 + [True] * 30), rows([True] * 60))
    kinds = {f"kind {n}": (rows([True] * 40), rows([False] * 2 + [True] * 38)) for n in range(10)}
    assert compare(*task, others=kinds).outcome == "promoted"
    together = (rows([True] * 400), rows([False] * 20 + [True] * 380))
    decision = compare(*task, others={"general ability": together})
    assert decision.outcome == "refused" and "worse at general ability" in decision.reason
