import pytest

from filters import get_filter
from filters.base import Context
from tests.filters.helpers import outcomes, row, table

GOOD = (
    "The river that runs through the valley has been the home of many birds, and people have lived there with them. "
    * 1
    + (
        "In spring the water rises to the meadows; farmers move their sheep up the hill and wait for a month. "
        "Nobody remembers when the old bridge was built, but every child can tell you which king crossed it first."
    )
)
ON = {"enabled": True}


def judge(text, options=ON):
    return outcomes(
        get_filter("web_quality", options)(table(row("s", kind="text", text=text, response=None)), Context())
    )["s"]


def test_off_unless_asked_for():
    assert judge("x", None) == ("pass", None)
    assert judge(GOOD) == ("pass", None)
    answer = table(row("s", response="#### 38"))
    assert outcomes(get_filter("web_quality", ON)(answer, Context()))["s"] == ("pass", None)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("Too short.", "words"),
        ("", "words"),
        ("a b " * 40, "word_length"),
        (GOOD + " #" * 20, "hashes"),
        (GOOD + " wait..." * 20, "ellipses"),
        (" ".join(f"{n}00" for n in range(60)), "letters"),
        ("Bananas " * 60, "stop_words"),
        (f"{GOOD}\n{GOOD}\n{GOOD}", "duplicate_lines"),
        (GOOD.replace(" ", "\n"), "lines_without_punctuation"),
    ],
)
def test_published_rules(text, reason):
    assert judge(text) == ("fail", reason)
