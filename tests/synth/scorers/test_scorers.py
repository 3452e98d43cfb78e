import pytest

from storage.errors import RecipeError
from synth.scorers import SCORERS, Candidate, Score, get_scorer, scorer


def candidates(*texts):
    return [Candidate(text, f"call {number}") for number, text in enumerate(texts)]


@pytest.mark.parametrize("name", SCORERS.names())
async def test_every_scorer_says_what_it_is_and_gives_one_score_each_in_order(name, problems):
    found = get_scorer(name)
    assert found.name == name and found.summary.endswith(".")
    texts = [f"#### {problems[0].gold}", "no answer", "#### -7"]
    scores = await found(problems[0], candidates(*texts), None)
    assert len(scores) == 3 and await found(problems[0], [], None) == []
    assert await found(problems[0], candidates(*texts[::-1]), None) == scores[::-1]


async def test_right_wrong_and_what_cannot_be_decided(problems):
    texts = [f"#### {problems[0].gold}", "#### -7", "#### the number of apples in the basket"]
    right, wrong, undecided = await get_scorer("answer")(problems[0], candidates(*texts), None)
    assert (right.value, right.reason) == (1.0, "correct") and wrong.value == 0.0
    assert undecided.value in (0.0, None) and undecided.value != 1.0 and undecided.reason


async def test_length_is_in_words(problems):
    scores = await get_scorer("length")(problems[0], candidates("one two\n three", ""), None)
    assert scores == [Score(3.0), Score(0.0)]


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
