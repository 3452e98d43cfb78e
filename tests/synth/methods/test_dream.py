import json

from synth.methods import get_method
from synth.problems.base import Problem
from tests.synth.conftest import Scripted
from tests.synth.methods.dialogue import run

DREAM = get_method("dream")
TEXT = "His heart was a stone when she left. Did he feel much? Answer yes or no."
PROBLEM = Problem("math_word", "figures", TEXT, "no", TEXT)
SCENE = {
    "consequence": "He does not weep.",
    "emotion": "He feels nothing.",
    "motivation": "He wants peace.",
    "rule": "A stone feels nothing.",
}


def reader(request):
    """Takes the figure at its word unless a scene says what is meant."""
    if request.act == "scene":
        return json.dumps(SCENE)
    return f"So it is.\n#### {'no' if SCENE['emotion'] in request.messages[-1]['content'] else 'yes'}"


async def test_the_scene_is_elaborated_in_four_directions_and_learned_with_the_answer(ledger):
    engine = Scripted(reader)
    (row,), _ = await run(ledger, DREAM, [PROBLEM], teacher=engine)
    assert row["answer"] == "no" and row["attrs"]["scene"] == SCENE
    assert all(sentence in row["response"] for sentence in SCENE.values()) and row["response"].endswith("#### no")
    assert not any(sentence in row["messages"][-1]["content"] for sentence in SCENE.values())


async def test_a_scene_that_has_begun_to_count_is_refused(ledger):
    """As a small model does it: "Natalia sold a total of 120 clips in April and May."."""
    counting = SCENE | {"consequence": "He sells 120 stones."}
    (row,), _ = await run(
        ledger, DREAM, [PROBLEM], teacher=Scripted(lambda r: json.dumps(counting) if r.act == "scene" else "#### no")
    )
    assert row["notes"].refused == "scene_adds_numbers"


async def test_an_ensemble_takes_the_answer_of_most_and_the_scene_that_it_came_from(ledger):
    def each(request):
        text = request.messages[-1]["content"]
        if request.act == "scene":
            return json.dumps(SCENE)
        alone = text.count("\n- ") == 1
        return f"So it is.\n#### {'no' if alone and SCENE['motivation'] not in text else 'yes'}"

    engine = Scripted(each)
    params = DREAM.params(ensemble=True)
    (row,), table = await run(ledger, DREAM, [PROBLEM], params, teacher=engine)
    assert row["answer"] == "no" and row["attrs"]["votes"] == 0.5 and row["attrs"]["view"] == "consequence"
    assert SCENE["consequence"] in row["response"] and SCENE["emotion"] not in row["response"]
    assert len(engine.requests) == DREAM.calls(params)["teacher"] == len(table["parents"].to_pylist()[0]) == 7


async def test_the_control_has_no_scene(ledger):
    engine = Scripted(reader)
    (row,), _ = await run(ledger, DREAM, [PROBLEM], DREAM.params(scene=False), teacher=engine)
    assert (
        row["answer"] == "yes" and row["attrs"]["scene"] is None and [one.act for one in engine.requests] == ["solve"]
    )
