import pytest

from filters import get_filter
from filters.asking.judge import JudgeOptions, agreement, agreement_of
from filters.evidence import Judgements
from tests.filters.helpers import context, details, outcomes, row, table


def judged(right=40, wrong=40, mistakes=0, clarity=5):
    """A judge that scores right rows 5 and wrong rows 1, but for some of each."""
    scores, known = {}, {}
    for name, count, truth in (("r", right, True), ("w", wrong, False)):
        for number in range(count):
            one = f"{name}{number:02}"
            said = truth if number >= mistakes else not truth
            scores[one], known[one] = {"correctness": 5 if said else 1, "clarity": clarity}, truth
    return Judgements(scores, known)


def run(judgements, options=None):
    samples = table(*(row(one) for one in ("r39", "w39", "new", "asked", "mute")))
    extra = {"asked": {"correctness": 5, "clarity": 2}, "mute": {"correctness": 5, "clarity": None}}
    given = Judgements({**judgements.scores, **extra}, judgements.known)
    return get_filter("judge", {"role": "judge", **(options or {})})(samples, context(judgements=given))


def test_a_judge_that_agrees_with_checked_answers_rejects():
    found = run(judged())
    assert outcomes(found) == {
        "r39": ("pass", None), "w39": ("fail", "low_correctness"), "new": ("pass", None), "asked": ("fail", "low_clarity"),
        "mute": ("unknown", "no_score"),
    }  # fmt: skip
    said = details(found)["w39"]
    assert said["may_reject"] and said["kappa"] == 1.0 and said["known"] == 80 and said["correctness"] == 1


@pytest.mark.parametrize(
    ("judgements", "options"),
    [
        pytest.param(judged(mistakes=20), {}, id="it guesses"),
        pytest.param(judged(mistakes=6), {}, id="kappa .7, but its lower end is below"),
        pytest.param(judged(right=20, wrong=20), {}, id="too few answers are known"),
        pytest.param(judged(wrong=0), {}, id="nothing wrong to catch"),
        pytest.param(Judgements(judged().scores, {}), {}, id="nothing is known"),
        pytest.param(judged(), {"least_known": 100}, id="the recipe wants more"),
    ],
)
def test_a_judge_that_has_not_proved_itself_only_observes(judgements, options):
    found = run(judgements, options)
    assert {outcome for outcome, _ in outcomes(found).values()} == {"pass"}
    assert details(found)["asked"]["may_reject"] is False and details(found)["asked"]["clarity"] == 2


def test_without_a_judge_every_row_passes():
    assert {outcome for outcome, _ in outcomes(run(judged(), {"role": None})).values()} == {"pass"}


def test_agreement_is_cohens_kappa_with_an_interval():
    # 40 right (36 called right), 40 wrong (8 called right): observed .85, by chance .5, so kappa .7
    made = agreement([(True, n < 36) for n in range(40)] + [(False, n < 8) for n in range(40)])
    assert (made.kappa, made.balanced_accuracy) == (pytest.approx(0.7), pytest.approx(0.85))
    low, high = made.kappa_interval
    assert 0.5 < low < 0.62 and 0.78 < high < 0.9
    assert made == agreement([(True, n < 36) for n in range(40)] + [(False, n < 8) for n in range(40)])
    assert agreement([]).kappa == 0.0 and not agreement([]).trusted(JudgeOptions())


def test_a_judge_that_always_says_yes_is_worth_nothing():
    assert agreement([(n < 40, True) for n in range(80)]).kappa == 0.0


def test_a_missing_score_calls_nothing_right():
    found = agreement_of(Judgements({"a": {"correctness": None}}, {"a": True}), JudgeOptions())
    assert (found.right, found.balanced_accuracy) == (1, 0.0)
