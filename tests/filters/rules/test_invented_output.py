import pytest

from filters import get_filter
from filters.base import Context
from tests.filters.helpers import table

CODE = "```python\nprint(3 * 4)\n```\n"


def verdict(response, *roles, task="math_word", asked="x"):
    messages = [{"role": "user", "content": asked}, *({"role": role, "content": "x"} for role in roles)]
    row = {"sample_id": "a", "kind": "sft", "task": task, "messages": messages, "response": response}
    [judged] = get_filter("invented_output")(table(row), Context()).to_pylist()
    return judged["outcome"], judged["reason"]


@pytest.mark.parametrize(
    "response",
    [
        f"{CODE}```output\n12\n```\nSo it is 12.",
        f"{CODE}```Output: 12```",
        f"{CODE}**Code output:** 12",
        f"{CODE}### Execution output\n12",
        ">>> 3 * 4\n12",
        "In[1]: 3 * 4\nOut[1]: 12",
    ],
)
def test_an_output_that_nobody_had_is_refused(response):
    assert verdict(response) == ("fail", "invented_output")
    assert verdict(response, "assistant", "tool") == ("pass", None)


def test_a_step_that_shows_one_is_refused_too():
    steps = ["4 * 12 = 48", f"{CODE}```output\n48\n```"]
    row = {"sample_id": "a", "kind": "stepwise", "messages": [], "steps": steps, "labels": [True, True]}
    assert get_filter("invented_output")(table(row), Context()).to_pylist()[0]["reason"] == "invented_output"


@pytest.mark.parametrize(
    "response",
    [
        "The machine's output is 3 * 4 = 12 parts.",
        "The code outputs are not needed: 3 * 4 = 12.",
        CODE,
        "```\n3 * 4 = 12\n```",
        "5 >> 4 >>> 3",
        "",
    ],
)
def test_what_is_only_said_or_written_passes(response):
    assert verdict(response) == ("pass", None)


@pytest.mark.parametrize(
    "response",
    [
        "Let us use Python code to verify our solution.\n3 * 4 = 12",
        "We break it down and verify the result using Python.\n12",
    ],
)
def test_a_program_that_is_called_on_stands_there(response):
    assert verdict(response) == ("fail", "missing_program")
    assert verdict(f"{response}\n{CODE}") == ("pass", None)


@pytest.mark.parametrize(
    "asked, response",
    [
        ("How long is a python?", "With 3 pythons of 4 feet, in all 12 feet."),
        ("She writes code in Python 4 hours a day for 3 days.", "She wrote 4 * 3 = 12 hours in Python."),
        ("x", "<think>I could write Python for it.</think>3 * 4 = 12"),
    ],
)
def test_what_only_speaks_of_programs_passes(asked, response):
    assert verdict(response, asked=asked) == ("pass", None)
    assert verdict("You can read the file with Python.", task="instructions") == ("pass", None)
