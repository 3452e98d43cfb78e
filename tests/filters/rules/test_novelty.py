"""A question that was asked before is refused with its neighbour's id; one made from a problem may resemble that problem."""

import pytest

from filters import get_filter
from filters.duplicates.questions import open_questions
from filters.duplicates.signatures import make_signatures
from storage.lake.lake import Lake, table_of
from storage.upkeep.files import damaged_index
from storage.workspace import Workspace
from synth.sample import problem_row
from tests.filters.helpers import STAMPS, context, details, outcomes, row, table, word_problem

OLD = word_problem()
SEED = word_problem("Tom has 4 dogs and each dog eats 2 bones a day. How many bones does he need for a week?", "56")
WRITTEN = (
    "A keeper of bees fills forty jars on Monday, twice as many on Tuesday, and gives away a quarter of all of them on Wednesday "
    "morning before the fair. How many jars are left for the fair?"
)
REFUSED = "How many stars are there in the sky of Kell tonight?"
REWORDED = WRITTEN.replace("keeper of bees", "bee keeper")


def question(text, gold="90"):
    return {"question": {"gold": gold, "text": text, "source": "vote"}}


@pytest.fixture(scope="module")
def lake(tmp_path_factory):
    """A night that drew two problems, and accepted a row about one of them with a question of its own."""
    with Lake(Workspace.create(tmp_path_factory.mktemp("asked") / "w")) as opened:
        night = "2026-01-01/x"
        problems = table_of("problems", [problem_row(problem, split="train", night=night) for problem in (OLD, SEED)])
        opened.commit(f"plan:{night}", "plan", {"problems": problems}, night=night)
        rows = table(
            {**row("old", SEED, "#### 90", notes=question(WRITTEN)), "night": night},
            {**row("lost", SEED, "#### 1", notes=question(REFUSED)), "night": night},
        )
        opened.commit(f"samples:{night}", "samples", {"samples": rows}, night=night)
        accepted = make_signatures(rows.slice(0, 1), context(OLD, SEED))
        opened.commit(f"curate:{night}", "curate", {"signatures": accepted}, night=night)
        yield opened


def judged(lake, *texts, problem=SEED):
    rows = [row(f"r{n}", problem, "#### 90", notes=question(text)) for n, text in enumerate(texts)]
    verdicts = get_filter("novelty")(table(*rows), context(OLD, SEED, questions=open_questions(lake)))
    return outcomes(verdicts), details(verdicts)


def test_what_an_earlier_night_asked_is_refused_with_its_id(lake):
    verdicts, found = judged(
        lake, REWORDED, STAMPS.replace("post office", "corner shop"), "What is new under the sun of Kell?"
    )
    assert [verdicts[name] for name in ("r0", "r1", "r2")] == [
        ("fail", "asked_before"),
        ("fail", "asked_before"),
        ("pass", None),
    ]
    assert (found["r0"]["neighbour"], found["r0"]["night"]) == ("old", "2026-01-01/x") and found["r0"][
        "similarity"
    ] >= 0.8
    assert found["r1"]["neighbour"] == OLD.id


def test_the_problem_that_it_was_made_from_is_no_neighbour_and_a_refused_row_asked_nothing(lake):
    verdicts, _ = judged(lake, SEED.prompt, REFUSED)
    assert {outcome for outcome, _ in verdicts.values()} == {"pass"}
    assert judged(lake, SEED.prompt, problem=OLD)[0]["r0"] == ("fail", "asked_before")


def test_rows_without_a_question_of_their_own_pass_and_the_index_is_sound(lake):
    rows = table(row("a", OLD), row("b", OLD, notes={"question": {"gold": "1"}}))
    verdicts = get_filter("novelty")(rows, context(OLD, questions=open_questions(lake)))
    assert {outcome for outcome, _ in outcomes(verdicts).values()} == {"pass"}
    assert {outcome for outcome, _ in outcomes(get_filter("novelty")(rows, context(OLD))).values()} == {"pass"}
    assert list(damaged_index(lake)) == []


def test_it_grows_by_what_was_committed_since(lake):
    before = sum(run.rows for run in open_questions(lake).runs)
    assert before == 3, "two problems and one accepted row"
    night = "2026-01-02/x"
    fresh = word_problem(
        "Ivo paints nine doors an hour for seven hours and rests for two. How many doors does he paint?", "63"
    )
    problems = table_of("problems", [problem_row(fresh, split="train", night=night)])
    lake.commit(f"plan:{night}", "plan", {"problems": problems}, night=night)
    index = open_questions(lake)
    assert [run.rows for run in index.runs] == [3, 1]
    assert judged(lake, fresh.prompt + " Count.")[0]["r0"] == ("fail", "asked_before")
