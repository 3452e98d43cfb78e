import pytest
from hypothesis import given
from hypothesis import strategies as st

from synth.problems.steps import content_lines, prefixes, split_steps

NUMBERED = """Let's solve this step by step.

1. **Calculate the eggs left:**
   16 - 3 - 4 = 9

2. **Calculate the money:**
   \\[
   9 \\times 2 = 18
   \\]

Therefore, Janet makes 18 dollars.

The final answer is \\(\\boxed{18}\\)."""
HEADINGS = """### Step 1: Understand the problem
The ducks lay 16 eggs.

### Step 2: Compute
She uses 3 + 4 = 7 eggs.

That leaves 16 - 7 = 9 eggs.

### Final Answer

18"""
FORMS = {
    "lines": ("5 + 3 = 8\n8 - 2 = 6\n#### 6", ["5 + 3 = 8", "8 - 2 = 6"]),
    "numbered items": (
        NUMBERED,
        [
            "1. **Calculate the eggs left:**\n   16 - 3 - 4 = 9",
            "2. **Calculate the money:**\n   \\[\n   9 \\times 2 = 18\n   \\]",
            "Therefore, Janet makes 18 dollars.",
        ],
    ),
    "items of one line": (
        "To find it, do this:\n1. 5 + 3 = 8\n2. 8 - 2 = 6\nAnswer: 6",
        ["1. 5 + 3 = 8", "2. 8 - 2 = 6"],
    ),
    "headings": (
        HEADINGS,
        [
            "### Step 1: Understand the problem\nThe ducks lay 16 eggs.",
            "### Step 2: Compute\nShe uses 3 + 4 = 7 eggs.",
            "That leaves 16 - 7 = 9 eggs.",
        ],
    ),
    "paragraphs with a display": (
        "She has 16.\n\nShe eats 3:\n\n\\[16 - 3 = 13\\]\n\nSo 13.\n\n\\boxed{13}",
        ["She has 16.", "She eats 3:\n\n\\[16 - 3 = 13\\]", "So 13."],
    ),
    "paragraphs of several lines": ("5 + 3 = 8\nis eight.\n\n8 - 2 = 6", ["5 + 3 = 8\nis eight.", "8 - 2 = 6"]),
    "a preamble": ("Sure! Here is the solution:\n5 + 3 = 8\n#### 8", ["5 + 3 = 8"]),
    "a preamble of a paragraph": (
        "To find how many are left, we need to subtract.\n\n5 - 3 = 2\n\n#### 2",
        ["5 - 3 = 2"],
    ),
    "an opening that computes is a step": ("To find it: 5 + 3 = 8\n8 - 2 = 6", ["To find it: 5 + 3 = 8", "8 - 2 = 6"]),
    "a plan before the solution": (
        "We follow these steps:\n\n1. Calculate the eggs left.\n2. Multiply them by 2 to get the money.\n\n"
        "First, 16 - 7 = 9.\n\nThen 9 * 2 = 18.",
        ["First, 16 - 7 = 9.", "Then 9 * 2 = 18."],
    ),
    "a plan and numbered steps": (
        "1. Find the eggs left.\n2. Find the money.\n\n"
        "Step 1: Find the eggs left.\n16 - 7 = 9\n\nStep 2: Find the money.\n9 * 2 = 18",
        ["Step 1: Find the eggs left.\n16 - 7 = 9", "Step 2: Find the money.\n9 * 2 = 18"],
    ),
    "items that calculate are no plan": (
        "1. Subtract 7 from 16 to get 9.\n2. Multiply 9 by 2 to get 18.",
        ["1. Subtract 7 from 16 to get 9.", "2. Multiply 9 by 2 to get 18."],
    ),
    "a paragraph that announces the next": (
        "16 - 7 = 9\n\nNext, we need to find the money.\n\nIt is 9 * 2 = 18.",
        ["16 - 7 = 9", "Next, we need to find the money.\n\nIt is 9 * 2 = 18."],
    ),
    "thoughts": ("<think>\n5 + 3 = 9?\n</think>\n5 + 3 = 8\n#### 8", ["5 + 3 = 8"]),
    "thoughts without their opening": ("5 + 3 = 9?\n</think>\n5 + 3 = 8\n#### 8", ["5 + 3 = 8"]),
    "channels": ("5 + 3 = 9?<|channel|>final<|message|>5 + 3 = 8\n#### 8", ["5 + 3 = 8"]),
    "an answer of several lines": ("Because.\n<answer>\nAnn is a knight\nBen is a knave\n</answer>", ["Because."]),
    "nothing but an answer": ("**Answer:** 5", []),
    "a number alone": ("21", []),
    "a number below a step": ("5 + 3 = 8\n8", ["5 + 3 = 8"]),
    "nothing": ("", []),
}


@pytest.mark.parametrize("form", FORMS)
def test_steps_are_what_people_call_steps(form):
    text, steps = FORMS[form]
    assert split_steps(text) == steps
    assert len(prefixes(text, steps)) == len(steps)


def test_a_prefix_is_the_solution_up_to_the_end_of_a_step():
    text = "Sure:\n\n5 + 3 = 8\n\n8 - 2 = 6\n\n#### 6"
    assert prefixes(text, split_steps(text)) == ["Sure:\n\n5 + 3 = 8\n\n", "Sure:\n\n5 + 3 = 8\n\n8 - 2 = 6\n\n"]
    assert prefixes(text, ["5 + 3 = 8", "not there", "8 - 2 = 6"]) == ["Sure:\n\n5 + 3 = 8\n\n"]


def test_lines_with_content_are_found_whatever_the_layout():
    assert content_lines(NUMBERED)[2:4] == ["16 - 3 - 4 = 9", "2. **Calculate the money:**"]


@given(
    st.lists(
        st.sampled_from(
            [
                "1. a",
                "Step 2: b",
                "\n",
                "x:",
                "\\[",
                "\\]",
                "#### 5",
                "### Answer",
                "<answer>",
                "</think>",
                "c = d",
                " ",
            ]
        )
    ).map("\n".join)
)
def test_every_step_is_a_part_of_the_text_and_in_order(text):
    at = 0
    for step in split_steps(text):
        assert step and step == step.strip()
        assert (at := text.find(step, at) + len(step)) >= len(step)
