"""Judged answers from rows of a release: the judge's labels, each text once, steps up to the first wrong one."""

import json

from synth.notes import Attempt, Question, SftNotes, StepwiseNotes, to_json
from synth.problems.arithmetic import Arithmetic
from train_stages.stages.rl import bare_prompt
from train_stages.verifying.rows import is_heldout, judged_answers, judged_pairs, judged_steps

(PROBLEM,) = Arithmetic([1]).draw(1, seed=4)
RIGHT, WRONG = f"#### {PROBLEM.gold}", f"#### {int(PROBLEM.gold) + 1}"


def row(sample_id, kind="sft", notes=None, response=None, **more):
    return {
        "sample_id": sample_id, "problem_id": PROBLEM.id, "kind": kind, "task": PROBLEM.task, "source": "arithmetic",
        "tier": 1, "prompt": PROBLEM.prompt, "gold": PROBLEM.gold, "license": None, "structure": None, "solution": None,
        "problem_attrs": json.dumps(PROBLEM.attrs), "attrs": "{}", "notes": to_json(notes) if notes else None,
        "response": response, "messages": None, "steps": None, "labels": None, "chosen": None, "rejected": None, "text": None,
        "method": "m", **more,
    }  # fmt: skip


def test_whole_answers_have_the_label_of_the_judge_and_each_text_stands_once():
    rows = [
        row("a", response=RIGHT),
        row("b", response=RIGHT),
        row("c", response="a lesson about it", notes=SftNotes(attempt=Attempt(text=WRONG))),
        row("d", response="", notes=SftNotes(attempt=Attempt(text="It is two answers: #### 1 or #### 2"))),
        row("e", response=RIGHT + " ", notes=SftNotes(question=Question(gold="3"))),
    ]
    judged = judged_answers(rows, bare_prompt)
    by_text = {answer["messages"][-1]["content"]: (answer["label"], answer["sample_ids"]) for answer in judged}
    assert by_text[RIGHT] == (1.0, ["a"]) and by_text[WRONG] == (0.0, ["c"])
    assert "a lesson about it" not in by_text and RIGHT + " " not in by_text, "neither answers the problem"
    assert judged[0]["messages"][0] == {"role": "user", "content": PROBLEM.prompt}


def test_steps_are_judged_up_to_the_first_wrong_one_and_softly_where_the_row_can():
    attempt = Attempt(text="one\ntwo\nthree\n#### 1")
    plain = row(
        "a", "stepwise", StepwiseNotes(attempt=attempt), steps=["one", "two", "three"], labels=[True, False, True]
    )
    soft = row("b", "stepwise", StepwiseNotes(attempt=attempt, values=(0.75, 0.25, 0.0)), steps=["one", "two", "three"],
               labels=[True, True, False])  # fmt: skip
    rows = [plain, soft, row("c", response=RIGHT)]
    assert [answer["labels"] for answer in judged_steps(rows, bare_prompt, soft=False)] == [[1.0, 0.0], [1.0, 1.0, 0.0]]
    assert [answer["labels"] for answer in judged_steps(rows, bare_prompt, soft=True)] == [
        [1.0, 0.0],
        [0.75, 0.25, 0.0],
    ]
    assert judged_steps([plain], bare_prompt, soft=True)[0]["steps"] == ["one", "two"]


def test_pairs_are_those_of_preference_training():
    rows = [row("a", response=RIGHT), row("b", response="x", notes=SftNotes(attempt=Attempt(text=WRONG)))]
    (pair,) = judged_pairs(rows, bare_prompt)
    assert pair["chosen"][0]["content"] == RIGHT and pair["rejected"][0]["content"] == WRONG


def test_the_same_problems_are_held_out_always_and_about_as_many_as_wanted():
    held = [number for number in range(4000) if is_heldout(str(number), 0.1)]
    assert 320 < len(held) < 480 and set(held) <= {number for number in range(4000) if is_heldout(str(number), 0.2)}
