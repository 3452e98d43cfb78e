import pytest

from filters import get_filter
from filters.base import Context
from tests.filters.helpers import details, outcomes, row, table


def judge(text, options=None, **more):
    return get_filter("language", options)(table(row("s", response=text, **more)), Context())


@pytest.mark.parametrize(
    "text",
    ["", "Plain text.", "It’s π ≈ 3.14, x² ∈ ℝ, café, Ωμέγα, 𝑥 = ½", "7 × 8 = 56 ✓", f"{'a long text ' * 60} 王"],
)
def test_one_script(text):
    assert outcomes(judge(text))["s"] == ("pass", None)


@pytest.mark.parametrize("text", ["所以答案是 5", "Итак, ответ 5", f"{'a long text ' * 20} 所以答案是五"])
def test_another_script(text):
    assert outcomes(judge(text))["s"] == ("fail", "other_script")
    assert details(judge(text))["s"]["part"] == "learned"
    assert outcomes(judge(text, {"latin": {"math_word": False}}))["s"] == ("pass", None)
    assert outcomes(judge(text, {"share": 1.0}))["s"] == ("pass", None)


def test_the_rejected_half_counts_too():
    assert outcomes(judge("x", kind="preference", rejected="所以"))["s"] == ("fail", "other_script")
