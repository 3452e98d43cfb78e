import pytest

from synth.answers.responses.thoughts import without_thoughts


@pytest.mark.parametrize(
    ("response", "text", "thinking"),
    [
        ("<think>a</think>b", "b", False),
        ("a</think>b", "b", False),
        ("b<|im_end|>c", "b", False),
        ("b</s>", "b", False),
        ("before <think>a", "before ", False),
        ("<think>a", "", True),
        ("<think>a <answer>5</answer> b", "<answer>5</answer>", False),
        ("x<|channel|>final<|message|>b<|return|>", "b", False),
        ("plain", "plain", False),
    ],
)
def test_what_is_said_after_the_thoughts(response, text, thinking):
    assert without_thoughts(response) == (text, thinking)
