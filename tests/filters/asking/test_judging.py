import asyncio
from importlib.resources import files

import pytest

from filters.asking.judge import JudgeOptions
from filters.asking.judging import judge_night, read_judgements, read_score
from storage.errors import LakeError, ModelServerError, RecipeError
from storage.lake.lake import Lake, table_of
from storage.ledger.ledger import Ledger
from storage.workspace import Workspace
from synth.calls.ask import Asker, Budget
from synth.calls.prompting import Prompts
from synth.engines.base import Answer, RequestRefused
from synth.sample import problem_row
from tests.filters.helpers import row, table, word_problem

NIGHT = "2026-01-01/x"
PROBLEM = word_problem()
OPTIONS = JudgeOptions(role="judge", audit=2)


class Judge:
    """Gives right answers 5; says nothing readable about `odd`, and refuses `long`."""

    reads_problem, concurrency, model = False, 8, "judge@1"

    def __init__(self, fails_after=10**9):
        self.asked, self.fails_after = [], fails_after

    async def answer(self, request):
        text = request.messages[-1]["content"]
        if len(self.asked) >= self.fails_after:
            raise ModelServerError("away")
        self.asked.append(text)
        if "long" in text:
            raise RequestRefused("prompt_too_long", "too long")
        return Answer("Hm." if "odd" in text else f"Well.\nScore: {5 if '#### 38' in text else 1}", "stop", 10, 5)

    async def close(self):
        return


@pytest.fixture
def lake(tmp_path):
    with Lake(Workspace.create(tmp_path / "w")) as opened:
        wrong = [row(f"w{n}", PROBLEM, "#### 37", night=NIGHT) for n in range(4)]
        rows = [
            row("good", PROBLEM, "#### 38", night=NIGHT), row("odd", PROBLEM, "odd", night=NIGHT),
            row("long", PROBLEM, "long", night=NIGHT), row("own", PROBLEM, "#### 38", night=NIGHT, models=["judge@1"]),
            row("ask", PROBLEM, night=NIGHT, kind="prompt"), *wrong,
        ]  # fmt: skip
        said = [("good", "pass"), *((one["sample_id"], "fail") for one in wrong)]
        verdicts = [
            {"sample_id": one, "filter": "answer", "version": "1", "outcome": outcome, "night": NIGHT}
            for one, outcome in said
        ]
        problems = table_of("problems", [problem_row(PROBLEM, split="train", night=NIGHT)])
        tables = {"samples": table(*rows), "verdicts": table_of("verdicts", verdicts), "problems": problems}
        opened.commit("one", "samples", tables, night=NIGHT)
        yield opened


def judge(lake, engine, options=OPTIONS, **more):
    with Ledger(lake.workspace.ledger) as ledger:
        asker = Asker(
            ledger, {"judge": engine}, Prompts(folders={"judge": files("filters.asking")}), night=NIGHT, **more
        )
        standing = {"good", "odd", "long", "own", "ask"}
        return asyncio.run(judge_night(lake, NIGHT, asker, options, standing, {PROBLEM.id: PROBLEM}))


def test_what_is_judged_and_what_is_kept(lake):
    engine = Judge()
    assert judge(lake, engine) == 5, "three that stand and two of the four wrong ones; not its own row, not a prompt"
    found = read_judgements(lake, NIGHT)
    assert found.scores["good"] == {"correctness": 5, "clarity": 5}
    assert found.scores["odd"] == {
        "correctness": None,
        "clarity": None,
    }
    wrong = [one for one in found.scores if one.startswith("w")]
    assert len(wrong) == 2 and all(found.scores[one]["correctness"] == 1 for one in wrong)
    assert found.known["good"] is True and found.known["w0"] is False and "odd" not in found.known
    reasons = {one["sample_id"]: one["reason"] for one in lake.rows("select * from judgements where score is null")}
    assert reasons == {"odd": "unreadable", "long": "prompt_too_long"}
    assert judge(lake, Judge(0)) == 0, "once per night"


def test_a_night_killed_before_its_commit_asks_nothing_again(lake, monkeypatch):
    def die(*_, **__):
        raise LakeError("killed")

    first, again = Judge(), Judge()
    with monkeypatch.context() as patch:
        patch.setattr(lake, "commit", die)
        with pytest.raises(LakeError):
            judge(lake, first)
    assert len(first.asked) > 6 and lake.rows("select * from judgements") == []
    assert judge(lake, again) == 5
    assert len(again.asked) == 2 and all("long" in text for text in again.asked), "refusals are no answers"
    assert read_judgements(lake, NIGHT).scores["good"]["clarity"] == 5


def test_a_judge_that_cannot_be_reached_stops_the_night_with_its_own_words(lake):
    with pytest.raises(ModelServerError, match="away"):
        judge(lake, Judge(3))
    assert lake.rows("select * from judgements") == []


def test_the_order_is_drawn_by_row_and_stays(lake):
    engine = Judge()
    judge(lake, engine, JudgeOptions(role="judge", audit=4))
    first = ["Reference answer" in text.split("Solution:")[0] for text in engine.asked if "Reference answer" in text]
    assert set(first) == {True, False}


def test_what_the_budget_has_no_room_for_is_told(lake):
    judge(lake, Judge(), budget=Budget(calls=3))
    reasons = [one["reason"] for one in lake.rows("select * from judgements")]
    assert reasons.count("budget") >= 4


def test_a_role_that_the_recipe_does_not_name(lake):
    with pytest.raises(RecipeError, match="did you mean 'judge'"):
        judge(lake, Judge(), JudgeOptions(role="juge"))


@pytest.mark.parametrize(
    ("text", "score"),
    [
        ("Fine.\nScore: 4", 4), ("**Score: 5**", 5), ("Score: 3/5", 3), ("Score: <1 to 5>\nscore = 2", 2), ("Score: 7", None),
        ("Score: 1 to 5", None), ("no", None), ("", None), ("<think>Score: 5</think>\nScore: 1", 1), ("Score: 45", None),
    ],
)  # fmt: skip
def test_scores_are_read_from_the_last_line_that_has_one(text, score):
    assert read_score(text) == score
