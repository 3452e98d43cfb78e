import pytest

from filters import get_filter
from filters.base import Context
from synth.answers.format import FORMATS
from synth.calls.prompting import Prompts
from tests.filters.helpers import arithmetic, table

PROBLEM = arithmetic()
WRITTEN = {name: f"5 + 3 = 8\n{FORMATS[name].write('6')}" for name in ("hash", "boxed", "phrase", "tags")}


def verdict(prompt, response, **more):
    row = {"sample_id": "a", "messages": [{"role": "user", "content": prompt}], "response": response, **more}
    [judged] = get_filter("answer_format")(table({"kind": "sft", **row}), Context()).to_pylist()
    return judged["outcome"], judged["reason"]


@pytest.mark.parametrize("asked", WRITTEN)
@pytest.mark.parametrize("written", WRITTEN)
def test_a_row_obeys_the_built_in_prompt_in_its_own_form_only(asked, written):
    prompt = Prompts(form=FORMATS[asked]).text("solve", {"problem": PROBLEM})
    expected = ("pass", None) if asked == written else ("fail", "format_disobeyed")
    assert verdict(prompt, WRITTEN[written]) == expected


@pytest.mark.parametrize(
    ("prompt", "response", "outcome"),
    [
        ("What is 2 + 3?", "five, no form", "pass"),
        ("What is 2 + 3?\nPlease put your final answer within \\boxed{}.", "So \\boxed{5}.", "pass"),
        ("What is 2 + 3?\nPlease put your final answer within \\boxed{}.", "<think>\\boxed{5}</think>\nIt is 5.", "fail"),
        ("What is 2 + 3?\nPlease put your final answer within \\boxed{}.", "**The final answer is** $\\boxed{5}$", "pass"),
        ("What is 2 + 3?\nPlease put your final answer within \\boxed{}.", "no answer at all", "fail"),
        ('2 + 3? End with "The answer is ...".', "The answer is 5.", "pass"),
        ("2 + 3? Write #### <answer> last.", "2 + 3 = 5 #### 5", "pass"),
        ("2 + 3? Write #### <answer> last.", "#### Step 1\n2 + 3 = 5, so the answer is 5", "fail"),
        ("An attempt:\n#### 7\n\\boxed{7}\nCheck it.", "The attempt is wrong.", "pass"),
        ("Use \\boxed{}, or end with ####, followed by ... #### answer", "It is 5.", "pass"),
    ],
)  # fmt: skip
def test_what_a_prompt_asks_for(prompt, response, outcome):
    assert verdict(prompt, response)[0] == outcome


@pytest.mark.parametrize("kind", ["text", "prompt", "stepwise"])
def test_rows_without_an_answer_of_their_own_pass(kind):
    assert verdict("Answer within \\boxed{}.", None, kind=kind) == ("pass", None)
