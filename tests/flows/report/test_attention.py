"""What needs a person is true: said where it is so, not said where it is over, and its command is whole."""

import json

import pytest

from benchmarks.soaking.plain import plain_nights
from flows.recipe.recipe import load_recipe
from flows.report.attention import attention
from flows.report.gather import gather
from flows.report.progress import Progress
from flows.train import run_training
from storage.lake.lake import Lake, table_of
from storage.workspace import Workspace
from tests.flows.report.written import BEGAN, write_night, write_training


def items(lake, night):
    return {item["title"]: item for item in gather(lake, night)["attention"]}


@pytest.fixture(scope="module")
def lake(tmp_path_factory):
    with Lake(Workspace.create(tmp_path_factory.mktemp("attention"))) as opened:
        yield opened


def test_a_method_of_whose_few_rows_none_was_accepted(lake):
    wrong = {"method": "tutorship", "reason": "answer:wrong_answer"}
    night = write_night(lake, "2025-01-01", [wrong, wrong, {"method": "cot"}])
    item = items(lake, night)["No row of tutorship was accepted"]
    assert item["level"] == "look" and "2 were made: answer: wrong answer 2" in item["text"]
    assert not [title for title in items(lake, night) if "cot" in title]


def test_an_exhausted_source_a_night_of_no_rows_and_too_few_rows(lake):
    sources = [{"source": "mine", "problems": 0, "wanted": 500}, {"source": "sums", "problems": 9, "wanted": 9}]
    night = write_night(lake, "2025-02-01", [], summary={"sources": sources, "release": None, "until": 40})
    listed = items(lake, night)
    assert listed["The source mine has nothing left"]["level"] == "act"
    assert "none of 500 problems" in listed["The source mine has nothing left"]["text"]
    assert listed["There is no release"]["text"] == "No row was made."
    assert listed["0 rows were accepted of 40 wanted"]["level"] == "look"
    assert not [title for title in listed if "sums" in title]


def test_an_approval_that_a_person_has_given_is_over(lake):
    night = write_night(lake, "2025-03-01", [{}])
    write_training(lake, night, "waiting", before=0.5, after=0.7, history=[])
    waiting = gather(lake, night)
    candidate = waiting["training"]["promotion"]["candidate"]
    (item,) = [item for item in waiting["attention"] if item["title"] == "A better model waits for approval"]
    assert item["command"] == f"nightschool model promote {candidate[:12]} --reason '...'"
    decided = {
        **{name: waiting["training"]["promotion"][name] for name in ("candidate", "incumbent")}, "decision": "refused",
        "night": None, "reason": "me refused it: too slow", "created_at": BEGAN, "figures": json.dumps({}),
    }  # fmt: skip
    lake.commit("by hand", "promotion", {"promotions": table_of("promotions", [decided])})
    after = gather(lake, night)
    assert "A better model waits for approval" not in {item["title"] for item in after["attention"]}
    assert after["training"]["promotion"]["reason"] == "me refused it: too slow"
    assert after["training"]["promotion"]["figures"]["overall"]["items"] == 200


@pytest.mark.slow
async def test_dropped_and_conflicting_rows_and_what_comes_after_them(workspace, tmp_path):
    lines = [{"q": f"Ann has {n} pears and buys 3. How many has she?", "a": str(n + 3)} for n in range(11, 14)]
    lines += [{**lines[0], "a": "99"}, {"q": "How many are 2 and 2?", "a": ""}]
    (tmp_path / "mine.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    file = tmp_path / "mine.yaml"
    file.write_text(
        "name: mine\ndataset: mine\nmethods: [{method: gold}]\nproblems:\n  sources:\n"
        "    - {name: mine, kind: file, options: {path: mine.jsonl, mapping: {question: q, answer: a}}}\n"
    )
    recipe = load_recipe(file, ["problems.limit=50"])
    await plain_nights(recipe, ["2026-01-01", "2026-01-02"], workspace.root)
    with Lake(workspace, read_only=True) as lake:
        first, second = (items(lake, f"{date}/mine") for date in ("2026-01-01", "2026-01-02"))
    (conflict,) = [item for title, item in first.items() if "conflict" in title or "contradict" in title]
    command = f"nightschool plan {file} --date 2026-01-01 --set problems.limit=50 --left-out"
    assert conflict["level"] == "look" and conflict["command"] == command
    assert "The source mine has nothing left" in second and "There is no release" in second

    result = run_training(recipe, "2026-01-02", workspace, Progress(quiet=True))
    assert not result["trained"] and "has no `train.plan`" in result["decision_to_train"]


def test_one_that_made_no_row_is_not_said_twice():
    row = {"method": "gold", "planned": 2, "done": 2, "failed": 0, "made": 0, "accepted": 0, "rejected": 0}
    report = {"night": "n", "date": "d", "run": None, "alarms": [], "reasons": [], "training": None, "funnel": [row]}
    assert [item["title"] for item in attention(report) if item["level"] == "look"] == ["gold made no row"]
