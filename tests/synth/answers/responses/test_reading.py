import json
from pathlib import Path

import pytest

from synth.answers.responses.reading import State, bare_answer, final_answer, final_part, read_answer

CASES = json.loads((Path(__file__).parent / "reading.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize(("text", "expected"), CASES)
def test_what_is_marked_is_read_and_nothing_else(text, expected):
    assert final_answer(text) == expected


def test_an_unfinished_mark_revives_no_earlier_one():
    assert read_answer("\\boxed{5} and then \\boxed{11").state is State.UNFINISHED
    assert read_answer("\\boxed{5} and then \\boxed{}").state is State.UNFINISHED
    assert read_answer("#### 5\n<answer>7").state is State.UNFINISHED
    assert read_answer("\\boxed{11 so the final answer is 10.").text == "10"


def test_special_tokens_and_thoughts_say_nothing():
    assert final_answer("the answer is 3</think>#### 4<|im_end|>\n#### 5") == "4"
    assert final_answer("<think>so \\boxed{3}") is None
    assert final_answer("<think>so \\boxed{3} <answer>4</answer>") == "4"
    assert final_answer("analysis<|message|>7<|end|><|start|>assistant<|channel|>final<|message|>#### 8") == "8"


def test_a_part_has_all_lines_and_a_bare_text_is_an_answer():
    assert final_part("The answer is:\n- Ann\n- Ben") == "- Ann\n- Ben"
    assert final_part("**5**") is None
    assert bare_answer("(3, 4)").text == "(3, 4)"
    assert bare_answer("so \\boxed{4}").text == "4"


@pytest.mark.parametrize(
    "text", ["B", "(b)", "B) 12 cows", "Option C.", "31", "$31", "$\\frac{1}{2}$", "a</think>\n31", "Yes."]
)
def test_a_response_that_is_nothing_but_an_answer_is_read(text):
    assert read_answer(text).state is State.READ
    assert final_answer(text) == text.rpartition("</think>")[2].strip()


@pytest.mark.parametrize("text", ["She has 31", "31 and 32", "A bird", "I think so", "Nothing"])
def test_other_texts_without_a_mark_are_not(text):
    assert final_answer(text) is None
