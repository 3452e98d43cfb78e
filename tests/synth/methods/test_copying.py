import pytest

from synth.methods.copying import copied_line

TEMPLATE = """Problem:
{{ problem.prompt }}

Reply in this form:
Why: one sentence that explains the mistake
Question 1: the new problem, complete in itself
{% if x %}When it is right, write the one line "Check: correct".{% endif %}"""


@pytest.mark.parametrize(
    "line",
    [
        "Why: one sentence that explains the mistake",
        "**Why:** <one sentence that explains the mistake; leave it out>",
        "What is the new problem, complete in itself?",
    ],
)
def test_a_line_of_the_form_is_copied(line):
    assert copied_line(f"Check: wrong\n{line}\n#### 5", TEMPLATE) == line


@pytest.mark.parametrize(
    "reply",
    [
        "",
        "Check: correct",
        "Why: 5 + 3 is 8, not 9.",
        "Why: the fee was forgotten in the second step",
        "right or wrong",
    ],
)
def test_an_answer_is_not_copied(reply):
    assert copied_line(reply, TEMPLATE) is None


def test_what_is_rendered_into_a_prompt_may_be_repeated():
    assert (
        copied_line("Ann has five apples and eats two of them.", "{{ 'Ann has five apples and eats two of them.' }}")
        is None
    )


def test_thoughts_may_repeat_the_form():
    assert copied_line("one sentence that explains the mistake</think>\nCheck: correct", TEMPLATE) is None
