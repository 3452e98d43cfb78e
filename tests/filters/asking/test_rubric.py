import pytest

from filters import get_filter
from filters.asking.rubric import RubricOptions, agreement_of, read
from filters.asking.rubric.agreement import agreement
from filters.questions import Evidence, Reading
from storage.errors import RecipeError
from tests.filters.asking.asking import NIGHT, Grader, ask, evidence, make_night
from tests.filters.helpers import context, details, outcomes, row, table, word_problem

PROBLEM = word_problem()
OPTIONS = {"role": "grader", "audit": 2}
STANDING = {"good", "odd", "long", "own", "ask"}


def graded(right=40, wrong=40, mistakes=0, clarity=5):
    """Scores by a grader that gives right rows 5 and wrong rows 1, but for some of each; and which rows are right."""
    scores, correct = {}, {}
    for name, count, truth in (("r", right, True), ("w", wrong, False)):
        for number in range(count):
            called_right = truth if number >= mistakes else not truth
            scores[f"{name}{number:02}"] = {"correctness": 5 if called_right else 1, "clarity": clarity}
            correct[f"{name}{number:02}"] = truth
    return scores, correct


def run(scores_and_truth, options=None):
    scores, correct = scores_and_truth
    scores = {**scores, "asked": {"correctness": 5, "clarity": 2}, "mute": {"correctness": 5, "clarity": None}}
    items = {
        name: {aspect: Evidence(value, None, "grader@1") for aspect, value in by_aspect.items()}
        for name, by_aspect in scores.items()
    }
    samples = table(*(row(name) for name in ("r39", "w39", "new", "asked", "mute")))
    return get_filter("rubric", {"role": "grader", **(options or {})})(
        samples, context(evidence={"rubric": items}, correct=correct)
    )


def test_a_grader_that_agrees_with_checked_answers_rejects():
    verdicts = run(graded())
    assert outcomes(verdicts) == {
        "r39": ("pass", None), "w39": ("fail", "low_correctness"), "new": ("pass", None), "asked": ("fail", "low_clarity"),
        "mute": ("unknown", "no_score"),
    }  # fmt: skip
    detail = details(verdicts)["w39"]
    assert detail["may_reject"] and detail["kappa"] == 1.0 and detail["known"] == 80 and detail["correctness"] == 1


@pytest.mark.parametrize(
    ("scores_and_truth", "options"),
    [
        pytest.param(graded(mistakes=20), {}, id="it guesses"),
        pytest.param(graded(mistakes=6), {}, id="kappa .7, but its lower end is below"),
        pytest.param(graded(right=20, wrong=20), {}, id="too few answers are known"),
        pytest.param(graded(wrong=0), {}, id="nothing wrong to catch"),
        pytest.param((graded()[0], {}), {}, id="nothing is known"),
        pytest.param(graded(), {"least_known": 100}, id="the recipe wants more"),
    ],
)
def test_a_grader_that_has_not_proved_itself_only_observes(scores_and_truth, options):
    verdicts = run(scores_and_truth, options)
    assert {outcome for outcome, _ in outcomes(verdicts).values()} == {"pass"}
    assert details(verdicts)["asked"]["may_reject"] is False and details(verdicts)["asked"]["clarity"] == 2


def test_without_a_grader_every_row_passes():
    assert {outcome for outcome, _ in outcomes(run(graded(), {"role": None})).values()} == {"pass"}


def test_agreement_is_cohens_kappa_with_an_interval():
    # 40 right (36 called right), 40 wrong (8 called right): observed .85, by chance .5, so kappa .7
    pairs = [(True, n < 36) for n in range(40)] + [(False, n < 8) for n in range(40)]
    measured = agreement(pairs)
    assert (measured.kappa, measured.balanced_accuracy) == (pytest.approx(0.7), pytest.approx(0.85))
    low, high = measured.kappa_interval
    assert 0.5 < low < 0.62 and 0.78 < high < 0.9 and measured.least == 40
    assert measured == agreement(pairs)
    assert agreement([]).kappa == 0.0 and agreement([]).least == 0


def test_a_grader_that_always_says_yes_is_worth_nothing():
    assert agreement([(n < 40, True) for n in range(80)]).kappa == 0.0


def test_a_missing_score_calls_nothing_right():
    measured = agreement_of({"a": {"correctness": None}}, {"a": True}, RubricOptions())
    assert (measured.right, measured.balanced_accuracy) == (1, 0.0)


@pytest.fixture
def lake(workspace):
    wrong = [row(f"w{n}", PROBLEM, "#### 37", night=NIGHT) for n in range(4)]
    rows = [
        row("good", PROBLEM, "#### 38", night=NIGHT), row("odd", PROBLEM, "odd", night=NIGHT),
        row("long", PROBLEM, "long", night=NIGHT), row("own", PROBLEM, "#### 38", night=NIGHT, models=["grader@1"]),
        row("ask", PROBLEM, night=NIGHT, kind="prompt"), *wrong,
    ]  # fmt: skip
    answers = {"good": "pass", **{item["sample_id"]: "fail" for item in wrong}}
    with make_night(workspace, PROBLEM, rows, answers) as opened:
        yield opened


def test_what_is_graded_and_what_is_kept(lake):
    engine = Grader()
    assert ask(lake, "rubric", OPTIONS, engine, STANDING, PROBLEM) == 5, (
        "three that stand and two of the four wrong ones; not its own row, not a prompt"
    )
    grades = evidence(lake, "rubric")
    assert {aspect: item.value for aspect, item in grades["good"].items()} == {"correctness": 5, "clarity": 5}
    assert [item.text for item in grades["odd"].values()] == ["unreadable"] * 2
    assert [item.text for item in grades["long"].values()] == ["prompt_too_long"] * 2
    wrong = [name for name in grades if name.startswith("w")]
    assert len(wrong) == 2 and all(grades[name]["correctness"].value == 1 for name in wrong)
    scores = lake.rows(
        "select distinct aspect, score, reason, model from judgements where sample_id = 'good' order by all"
    )
    assert scores == [
        {"aspect": aspect, "score": 5, "reason": None, "model": "grader@1"} for aspect in ("clarity", "correctness")
    ]
    (row_,) = lake.rows(
        "select version, len(call_ids) as calls from evidence where subject_id = 'good' and name = 'clarity'"
    )
    assert row_ == {"version": get_filter("rubric", OPTIONS).version, "calls": 1}
    assert ask(lake, "rubric", OPTIONS, Grader(0), STANDING, PROBLEM) == 0, "once per night"


def test_the_order_is_drawn_by_row_and_stays(lake):
    engine = Grader()
    ask(lake, "rubric", {"role": "grader", "audit": 4}, engine, STANDING, PROBLEM)
    first = ["Reference answer" in text.split("Solution:")[0] for text in engine.asked if "Reference answer" in text]
    assert set(first) == {True, False}


@pytest.mark.parametrize(
    ("text", "score"),
    [
        ("Fine.\nScore: 4", 4), ("**Score: 5**", 5), ("Score: 3/5", 3), ("Score: <1 to 5>\nscore = 2", 2), ("Score: 7", None),
        ("Score: 1 to 5", None), ("no", None), ("", None), ("<think>Score: 5</think>\nScore: 1", 1), ("Score: 45", None),
        ("Score: 3.5", None), ("Score: 3 out of 10", None), ("Score: -3", None), ("Score: 3,5", None),
        ("Score: 3%", None), ("Score: 3/9", None),
    ],
)  # fmt: skip
def test_scores_are_read_from_the_last_line_that_has_one(text, score):
    assert read(text) == (Reading(None, "unreadable") if score is None else Reading(score))


def test_the_name_of_before_is_answered_with_the_name_of_today():
    with pytest.raises(RecipeError, match="the filter 'judge' is called 'rubric' now"):
        get_filter("judge", {"role": "grader"})
