import asyncio

import pytest

from filters.asking.perplexity import PerplexityOptions
from filters.asking.scoring import read_scores, score_night
from storage.errors import LakeError, ModelServerError, RecipeError
from storage.lake.lake import Lake
from storage.ledger.ledger import Ledger
from storage.workspace import Workspace
from synth.calls.ask import Asker, Budget
from synth.calls.prompting import Prompts
from synth.engines.base import Answer, RequestRefused
from synth.engines.scoring import Score
from tests.filters.helpers import row, table, word_problem

NIGHT = "2026-01-01/x"
PROBLEM = word_problem()
OPTIONS = PerplexityOptions(role="scorer")
STANDING = {"one", "same", "steps", "text", "long", "empty", "ask"}


class Scorer:
    """Says -1 for each letter; refuses `long`."""

    reads_problem, scores_text, concurrency, model = False, True, 8, "scorer@1"

    def __init__(self, fails_after=10**9):
        self.asked, self.fails_after = [], fails_after

    async def answer(self, request):
        if len(self.asked) >= self.fails_after:
            raise ModelServerError("away")
        assert request.scores
        text = request.messages[-1]["content"]
        self.asked.append(text)
        if text == "long":
            raise RequestRefused("prompt_too_long", "too long")
        return Answer(Score(-1.0 * len(text), len(text)).to_json(), "stop", len(text))

    async def close(self):
        return


@pytest.fixture
def lake(tmp_path):
    with Lake(Workspace.create(tmp_path / "w")) as opened:
        rows = [
            row("one", PROBLEM, "abc", night=NIGHT), row("same", PROBLEM, "abc", night=NIGHT),
            row("steps", PROBLEM, "e", night=NIGHT, kind="stepwise", steps=["c", "d"]),
            row("text", PROBLEM, None, night=NIGHT, kind="text", text="whole"), row("long", PROBLEM, "long", night=NIGHT),
            row("empty", PROBLEM, " ", night=NIGHT), row("ask", PROBLEM, None, night=NIGHT, kind="prompt"),
            row("rejected", PROBLEM, "rejected before", night=NIGHT),
        ]  # fmt: skip
        opened.commit("one", "samples", {"samples": table(*rows)}, night=NIGHT)
        yield opened


def score(lake, engine, options=OPTIONS, **more):
    with Ledger(lake.workspace.ledger) as ledger:
        asker = Asker(ledger, {"scorer": engine}, Prompts(), night=NIGHT, **more)
        return asyncio.run(score_night(lake, NIGHT, asker, options, STANDING))


def test_what_is_scored_and_what_is_kept(lake):
    engine = Scorer()
    assert score(lake, engine) == 5
    assert sorted(engine.asked) == ["abc", "c\nd\ne", "long", "whole"], "equal texts are one call"
    found = read_scores(lake, NIGHT)
    assert {one: item.score and item.score.tokens for one, item in found.items()} == {
        "one": 3, "same": 3, "steps": 5, "text": 5, "long": None,
    }  # fmt: skip
    assert found["long"].reason == "prompt_too_long" and found["one"].model == "scorer@1"
    assert found["one"].score.logprob == -3.0
    again = Scorer()
    assert score(lake, again) == 0 and again.asked == [], "once per night"


def test_a_night_killed_before_its_commit_asks_nothing_again(lake, monkeypatch):
    def die(*_, **__):
        raise LakeError("killed")

    first, again = Scorer(), Scorer()
    with monkeypatch.context() as patch:
        patch.setattr(lake, "commit", die)
        with pytest.raises(LakeError):
            score(lake, first)
    assert len(first.asked) == 4 and read_scores(lake, NIGHT) == {}
    assert score(lake, again) == 5
    assert again.asked == ["long"], "refusals are no answers"


def test_a_server_that_is_away_stops_the_night_and_a_full_budget_does_not(lake):
    with pytest.raises(ModelServerError, match="away"):
        score(lake, Scorer(1))
    assert read_scores(lake, NIGHT) == {}
    score(lake, Scorer(), budget=Budget(calls=2))
    assert "budget" in {item.reason for item in read_scores(lake, NIGHT).values()}


def test_a_role_that_the_recipe_does_not_name(lake):
    with pytest.raises(RecipeError, match=r"filters.perplexity.role.*did you mean 'scorer'"):
        score(lake, Scorer(), PerplexityOptions(role="scorr"))
