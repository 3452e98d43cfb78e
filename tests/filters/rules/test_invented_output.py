import pytest

from filters import get_filter
from filters.base import Context
from tests.filters.helpers import table

CODE = "```python\nprint(3 * 4)\n```\n"


def verdict(response, *roles):
    messages = [{"role": role, "content": "x"} for role in ("user", *roles)]
    row = {"sample_id": "a", "kind": "sft", "messages": messages, "response": response}
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
