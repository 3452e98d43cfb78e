"""Judges of known accuracy and position bias against the closed form of what is measured of them and of choosing by them."""

import json
import math
import random

import pytest

from synth.calls.ask import Asker
from synth.calls.models import Models
from synth.calls.prompting import Prompts
from synth.choosers import Choosing, get_chooser
from synth.night.preparing import _NO_PROBLEM
from synth.problems import open_source
from synth.scorers import Candidate, Score, get_scorer
from synth.scorers.calibration import ATTACKS, KnownPair, calibrate, most_calls, wilson
from synth.scorers.pairwise import Comparison, both_orders, win_rates
from tests.synth.conftest import Scripted

COUNT = 120


@pytest.fixture(scope="module")
def pairs():
    problems = open_source("arithmetic", {"tiers": [1]}).draw(COUNT, seed=3, tier=1)
    return [
        KnownPair(
            problem,
            Candidate(f"It is so.\n#### {problem.gold}", f"r{number}", role="teacher"),
            Candidate("It is so.\n#### -7", f"w{number}", role="teacher"),
        )
        for number, problem in enumerate(problems)
    ]


def judge_of_pairs(accuracy, bias, obeys=0.0):
    """Names the first with probability `bias`, else the right one with `accuracy`; or obeys an answer that addresses it."""

    def answer(request):
        draw = random.Random(json.dumps(request.messages))
        first_right = "#### -7" not in request.inputs["first"]
        right = "A" if first_right else "B"
        wrong = "B" if first_right else "A"
        attacked = any(attack in request.inputs[name] for name in ("first", "second") for attack in ATTACKS)
        if attacked and draw.random() < obeys:
            return json.dumps({"reason": "told", "better": wrong})
        if draw.random() < bias:
            return json.dumps({"reason": "first", "better": "A"})
        return json.dumps({"reason": "looked", "better": right if draw.random() < accuracy else wrong})

    return Scripted(answer, "judge-weights")


def judge_of_answers(hit, false_alarm):
    """Gives a right answer 5 points with probability `hit`, a wrong one with probability `false_alarm`, else none."""

    def answer(request):
        draw = random.Random(json.dumps([request.inputs["answer"][:20], request.problem.id]))
        likes = draw.random() < (false_alarm if "#### -7" in request.inputs["answer"] else hit)
        return json.dumps({"reason": "r", "score": 5 if likes else 0})

    return Scripted(answer, "judge-weights")


async def measured(ledger, grader, pairs, name="pairwise"):
    models = Models(Asker(ledger, {"grader": grader}, Prompts(), night="2026-01-01/t"), _NO_PROBLEM, 0)
    quality = await calibrate(get_scorer(name), pairs, models)
    assert len(grader.requests) <= most_calls(get_scorer(name), len(pairs))
    return quality


async def test_a_pair_judge_of_80_percent_with_a_bias_of_a_fifth(ledger, pairs):
    accuracy, bias = 0.8, 0.2
    quality = await measured(ledger, judge_of_pairs(accuracy, bias), pairs)
    right_first, right_second = bias + (1 - bias) * accuracy, (1 - bias) * accuracy
    low, high = quality.agreement_interval
    assert low <= (right_first + right_second) / 2 <= high and high - low < 0.12
    low, high = quality.position_bias_interval
    assert low <= bias <= high and high - low < 0.25
    consistent = right_first * right_second + (1 - right_first) * (1 - right_second)
    assert abs(quality.consistency - consistent) < 3 * math.sqrt(consistent * (1 - consistent) / COUNT)
    assert quality.models == ("judge-weights",) and quality.pairs == COUNT and quality.fault is None


@pytest.mark.parametrize(
    ("judge", "count", "fault"),
    [
        (judge_of_pairs(1.0, 0.0), COUNT, None),
        (judge_of_pairs(1.0, 0.0), 19, "uncalibrated_judge"),  # too few to say
        (judge_of_pairs(0.5, 0.0), COUNT, "judge_disagrees"),
        (judge_of_pairs(1.0, 1.0), COUNT, "judge_disagrees"),  # always the first: a coin
        (judge_of_pairs(1.0, 0.0, obeys=0.6), COUNT, "judge_obeys_answers"),
        (Scripted(lambda _: "A is better", "mute"), 40, "judge_disagrees"),
    ],
)
async def test_which_judge_may_decide(ledger, pairs, judge, count, fault):
    quality = await measured(ledger, judge, pairs[:count])
    assert quality.fault == fault


async def test_a_judge_that_obeys_is_measured_apart(ledger, pairs):
    quality = await measured(ledger, judge_of_pairs(1.0, 0.0, obeys=0.6), pairs)
    assert quality.agreement == 1.0
    low, high = quality.attacked_interval
    assert low <= 0.4 <= high


async def test_a_judge_of_single_answers_agrees_as_often_as_its_rates_say(ledger, pairs):
    hit, false_alarm = 0.8, 0.3
    quality = await measured(ledger, judge_of_answers(hit, false_alarm), pairs, "rubric")
    ahead = hit * (1 - false_alarm)
    tied = hit * false_alarm + (1 - hit) * (1 - false_alarm)
    low, high = quality.agreement_interval
    assert low <= ahead + tied / 2 <= high
    assert quality.position_bias is None and quality.consistency is None


async def test_without_known_answers_nothing_is_known(ledger):
    quality = await measured(ledger, judge_of_pairs(1.0, 0.0), [])
    assert quality.agreement is None and quality.fault == "uncalibrated_judge"


def test_wilson_against_published_values():
    assert [round(bound, 3) for bound in wilson(0.5, 10)] == [0.237, 0.763]
    assert [round(bound, 3) for bound in wilson(1.0, 20)] == [0.839, 1.0]


def test_choosing_by_a_judge_of_answers_yields_the_closed_form():
    """k candidates, each right with p: the first that the judge likes, else the first."""
    p, hit, false_alarm, k, runs = 0.4, 0.8, 0.3, 4, 20_000
    draw, chosen_right, by_lot = random.Random(1), 0, 0
    for run in range(runs):
        right = [draw.random() < p for _ in range(k)]
        scores = {"rubric": [Score(float(draw.random() < (hit if is_right else false_alarm))) for is_right in right]}
        offered = [Candidate("x", str(number)) for number in range(k)]
        chosen_right += right[get_chooser("best")(offered, scores, Choosing(by="rubric")).taken[0]]
        by_lot += right[get_chooser("random")(offered, scores, Choosing(run)).taken[0]]
    likes = p * hit + (1 - p) * false_alarm
    none = (1 - likes) ** k
    expected = (1 - none) * p * hit / likes + none * p * (1 - hit) / (1 - likes)
    assert abs(chosen_right / runs - expected) < 0.012 and abs(by_lot / runs - p) < 0.012


def test_choosing_by_a_judge_of_pairs_yields_the_closed_form():
    """One right and one wrong, in either place: both orders must agree, a tie takes the first."""
    accuracy, bias, runs = 0.8, 0.2, 20_000
    draw, chosen_right = random.Random(2), 0
    for run in range(runs):
        right = run % 2
        preferences = []
        for first, second in both_orders(2):
            better = right if draw.random() < accuracy else 1 - right
            preferences.append(Comparison(first, second, first if draw.random() < bias else better, "c", "m"))
        scores = {"pairwise": [Score(rate) for rate in win_rates(2, preferences)]}
        offered = [Candidate("x", "0"), Candidate("x", "1")]
        chosen_right += get_chooser("best")(offered, scores, Choosing(by="pairwise")).taken[0] == right
    first, second = bias + (1 - bias) * accuracy, (1 - bias) * accuracy
    expected = first * second + (first * (1 - second) + (1 - first) * second) / 2
    assert abs(chosen_right / runs - expected) < 0.012
