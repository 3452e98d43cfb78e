import json
import math
from collections import Counter

import pytest

from storage.errors import RecipeError
from synth.calls.ask import Asker
from synth.calls.models import Models
from synth.calls.prompting import Prompts
from synth.engines.base import Answer
from synth.engines.families import families
from synth.engines.profile import Profile
from synth.scorers import SCORERS, Candidate, Score, get_scorer, scorer
from tests.synth.conftest import Scripted


def candidates(*texts):
    return [Candidate(text, f"call {number}", role="teacher", model="writer") for number, text in enumerate(texts)]


class Head(Scripted):
    scores_chats = True

    async def answer(self, request):
        self.requests.append(request)
        return Answer(json.dumps({"score": 0.9 if "####" in request.messages[-1]["content"] else 0.2}), "stop", 1, 0)


def grading(request):
    """A grader that likes long answers, in whichever form it is asked."""
    inputs = request.inputs
    if request.act == "additive":
        return json.dumps({"reason": "r", "score": min(5, len(inputs["answer"]) // 5)})
    if request.act == "compare":
        return json.dumps({"reason": "r", "better": "A" if len(inputs["first"]) >= len(inputs["second"]) else "B"})
    lengths = [len(answer) for answer in inputs["answers"]]
    return json.dumps({"reason": "r", "best": lengths.index(max(lengths)) + 1})


def asking(ledger, problem, grader=None, profiles=None):
    engines = {
        "grader": grader or Scripted(grading, "grader-weights"),
        "verifier": Head(lambda _: "", "head"),
        "student": Scripted(lambda request: f"#### {len(request.inputs['solution'])}", "student-weights"),
    }
    return Models(Asker(ledger, engines, Prompts(), night="2026-01-01/t", profiles=profiles), problem, 0)


@pytest.mark.parametrize("name", SCORERS.names())
async def test_every_scorer_says_what_it_is_and_gives_one_score_each_in_order(name, problems, ledger):
    rated_by, models = get_scorer(name), asking(ledger, problems[0])
    assert rated_by.name == name and rated_by.summary.endswith(".")
    texts = [f"#### {problems[0].gold}", "no answer to give", "#### -7"]
    scores = await rated_by(problems[0], candidates(*texts), models)
    assert len(scores) == 3 and await rated_by(problems[0], [], models) == []
    backwards = await rated_by(problems[0], candidates(*texts)[::-1], models)
    assert [score.value for score in backwards] == [score.value for score in scores[::-1]]
    asked = [reply.call_id for reply in models.replies]
    assert bool(asked) == bool(rated_by.roles) and len(set(asked)) <= rated_by.calls(3) * max(len(rated_by.roles), 1)
    for score in scores:
        assert (score.model is not None) == bool(rated_by.roles) and set(score.call_ids) <= set(asked)
        assert not rated_by.roles or score.call_ids, "what a model said names its call"


async def test_right_wrong_and_what_cannot_be_decided(problems):
    texts = [f"#### {problems[0].gold}", "#### -7", "#### the number of apples in the basket"]
    right, wrong, undecided = await get_scorer("answer")(problems[0], candidates(*texts), None)
    assert (right.value, right.reason) == (1.0, "correct") and wrong.value == 0.0
    assert undecided.value in (0.0, None) and undecided.value != 1.0 and undecided.reason


async def test_length_is_in_words(problems):
    scores = await get_scorer("length")(problems[0], candidates("one two\n three", ""), None)
    assert scores == [Score(3.0), Score(0.0)]


async def test_agreement_is_with_other_models_alone(problems):
    texts = [("#### 7", "a"), ("#### 5", "a"), ("#### 7.0", "b"), ("no idea", "b"), ("#### 5", "a")]
    candidates = [Candidate(text, str(number), model=model) for number, (text, model) in enumerate(texts)]
    scores = await get_scorer("agreement")(problems[0], candidates, None)
    assert [score.value for score in scores] == [0.5, 0.0, pytest.approx(1 / 3), 0.0, 0.0]
    alone = await get_scorer("agreement")(problems[0], candidates[:2], None)
    assert {(score.value, score.reason) for score in alone} == {(None, "no_other_model")}


async def test_votes_count_equal_answers_as_one(problems):
    scores = await get_scorer("vote")(
        problems[0], candidates("#### 0.5", "#### 1/2", "#### 3", "I give up", "#### 0.50"), None
    )
    assert [score.value for score in scores] == [0.6, 0.6, 0.2, 0.0, 0.6] and scores[3].reason == "no_answer"


@pytest.mark.parametrize(("answers", "bits"), [("AAA", 0.0), ("AAB", 0.918), ("ABC", 1.585)])
async def test_entropy_of_lists_as_the_paper_has_it(problems, answers, bits):
    texts = [f"#### {ord(letter)}" for letter in answers]
    scores = await get_scorer("entropy")(problems[0], candidates(*texts, "I give up"), None)
    assert len(scores) == 4 and all(math.isclose(score.value, bits, abs_tol=5e-4) for score in scores)
    (alone,) = await get_scorer("entropy")(problems[0], candidates("I give up"), None)
    assert alone == Score(None, "no_answer")


async def test_similarity_is_of_words(problems):
    first, second, third = await get_scorer("similarity")(problems[0], candidates("a b", "b A", "c"), None)
    assert (first.value, second.value, third.value) == (0.5, 0.5, 0.0)


async def test_pairs_are_judged_in_both_orders_and_a_judge_that_names_the_first_says_nothing(problems, ledger):
    first = Scripted(lambda request: json.dumps({"reason": "r", "better": "A"}), "first")
    scores = await get_scorer("pairwise")(problems[0], candidates("a", "bb", "ccc"), asking(ledger, problems[0], first))
    assert len(first.requests) == 6 and [score.value for score in scores] == [0.5, 0.5, 0.5]
    scores = await get_scorer("pairwise")(problems[0], candidates("a", "bb", "ccc"), asking(ledger, problems[0]))
    assert [score.value for score in scores] == [0.0, 0.5, 1.0]


async def test_a_grade_is_the_mean_of_what_can_be_read(problems, ledger):
    replies = iter(['{"reason": "r", "score": 4}', "Score: 5", '{"reason": "r", "score": 5}', *["?"] * 3])
    (read, unread) = await get_scorer("rubric")(
        problems[0], candidates("a", "b"), asking(ledger, problems[0], Scripted(lambda _: next(replies), "g"))
    )
    assert (read.value, len(read.call_ids)) == (4.5, 2) and unread == Score(None, "unreadable")


async def test_the_one_that_is_named_is_found_whatever_the_order_shown(problems, ledger):
    places = Counter()
    for number in range(20):
        offered = [Candidate(text, f"{number} {text}") for text in ("short", "the longest of them", "middling")]
        grader = Scripted(grading, f"g{number}")
        scores = await get_scorer("genselect")(problems[0], offered, asking(ledger, problems[0], grader))
        assert [score.value for score in scores] == [0.0, 1.0, 0.0]
        places[grader.requests[0].inputs["answers"].index("the longest of them")] += 1
    assert len(places) == 3 and min(places.values()) >= 3, "each place is as likely"
    offered = candidates("a", "b")
    beyond = Scripted(lambda _: json.dumps({"reason": "r", "best": 3}), "beyond")
    assert (
        await get_scorer("genselect")(problems[0], offered, asking(ledger, problems[0], beyond))
        == [Score(None, "unreadable")] * 2
    )


async def test_a_judge_says_that_it_judges_its_own(problems, ledger):
    family = next(iter(families()))
    same = {"grader": Profile(family=family), "teacher": Profile(family=family)}
    for profiles, grader, reason in (
        (same, "other weights", "own_family"),
        ({"teacher": Profile(family=family)}, "other weights", None),
        (None, "writer", "own_family"),
    ):
        models = asking(ledger, problems[0], Scripted(grading, grader), profiles)
        for name in ("rubric", "pairwise", "genselect"):
            scores = await get_scorer(name)(problems[0], candidates("a", "b b"), models)
            assert {(score.model, score.reason) for score in scores} == {(grader, reason)}


async def test_a_scorer_that_leaves_one_out_is_an_error(problems):
    @scorer("short", version="1")
    async def short(problem, candidates, models):
        """Too few."""
        return [Score(1.0)]

    with pytest.raises(ValueError, match="scorer short gave 1 scores for 2 candidates"):
        await short(problems[0], candidates("a", "b"), None)


def test_an_unknown_one_is_named():
    with pytest.raises(RecipeError, match="unknown scorer 'lenght'; did you mean 'length'"):
        get_scorer("lenght")
