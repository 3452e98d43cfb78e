import json

import pytest

from storage.errors import LakeError
from storage.lake.lake import table_of
from storage.releases.making import create_release

ASK = {
    "boxed": "Put your final answer within \\boxed{}.",
    "hash": "End with a last line of #### followed by the final answer alone.",
    "phrase": 'End with a line that says "The answer is", followed by the final answer.',
    None: "What is 2 + 3?",
}


def accept(lake, rows) -> None:
    """Commit accepted rows of `(task, form that the prompt asks for, origin, response)`."""
    samples = [
        {"sample_id": f"s{index}", "problem_id": f"p{index}", "task": task, "method": "cot", "kind": "sft", "response": response,
         "words": 2, "origin": origin, "source": "s", "night": "2026-01-01/r",
         "messages": [{"role": "user", "content": ASK[asked]}]}
        for index, (task, asked, origin, response) in enumerate(rows)
    ]  # fmt: skip
    problems = [{"problem_id": row["problem_id"], "split": "train", "license": "MIT", "gold": "5"} for row in samples]
    verdicts = [{"sample_id": row["sample_id"], "filter": "policy", "outcome": "accepted"} for row in samples]
    tables = {"samples": samples, "problems": problems, "verdicts": verdicts}
    lake.commit("rows", "test", {name: table_of(name, content) for name, content in tables.items()})


def test_a_release_that_mixes_formats_within_a_task_is_refused_unless_it_is_asked_for(lake):
    accept(lake, [
        ("math_word", "boxed", "model", "\\boxed{5}"), ("math_word", "boxed", "model", "\\boxed{6}"),
        ("math_word", None, "gold", "2 + 3 = 5\n#### 5"), ("puzzles", "phrase", "model", "The answer is 5."),
    ])  # fmt: skip
    with pytest.raises(LakeError) as error:
        create_release(lake, "set", night="n")
    for part in ("'math_word'", "boxed (2), hash (1)", "mixed_formats", "--mixed-formats"):
        assert part in str(error.value)
    assert "puzzles" not in str(error.value)
    release = create_release(lake, "set", night="n", mixed_formats=True)
    assert release is not None and release.rows == 4
    manifest = json.loads((release.path / "manifest.json").read_text())
    assert manifest["answer_formats"] == {"math_word": {"boxed": 2, "hash": 1}, "puzzles": {"phrase": 1}}


def test_tasks_may_have_different_formats_and_what_a_model_wrote_unasked_says_nothing(lake):
    accept(lake, [
        ("math_word", "hash", "model", "#### 5"), ("puzzles", "boxed", "model", "\\boxed{5}"),
        ("math_word", None, "model", "It is \\boxed{5}."), ("math_word", None, "rule", "The attempt is correct."),
        ("math_word", "hash", "rule", "so \\boxed{5}\n#### 5"),
    ])  # fmt: skip
    release = create_release(lake, "set", night="n")
    assert release is not None and release.rows == 5
