import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from filters.duplicates.loops import measure

pytest.importorskip("numba")
LINES = [
    "Wait, no.",
    "wait,  NO.",
    "a b c d",
    "",
    "  ",
    "½ of it all",
    "x\x0by",
    "…",
    "one\x1ftwo three",
    "ü ü ü ü\u2028 ü",
]


def both(texts, widths, monkeypatch):
    fast = measure(texts, widths)
    with monkeypatch.context() as patch:
        patch.setenv("NIGHTSCHOOL_NUMBA", "0")
        assert measure(texts, widths) == fast
    return fast


def test_both_paths_say_the_same(monkeypatch):
    rng = random.Random(0)
    texts = ["\n".join(rng.choices(LINES, k=rng.randrange(12))) for _ in range(400)]
    texts += ["\r\n".join(rng.choices(LINES, k=40)) * 5 for _ in range(20)] + ["", "a", "word " * 5_000, "x" * 9_000]
    both(texts, [rng.choice([2, 3, 20]) for _ in texts], monkeypatch)


def test_what_is_counted(monkeypatch):
    counts = both(["a b c\na B  c\n\nA b c\nother\na b c", "x y x y x y x"], [3, 2], monkeypatch)
    assert counts[0][:3] == (3, 4, 4)
    assert counts[1][:4] == (1, 1, 3, 13)


@settings(deadline=None, max_examples=60)
@given(st.lists(st.text(alphabet=st.characters(exclude_categories=()), max_size=60), max_size=4))
def test_any_text(texts):
    patch = pytest.MonkeyPatch()
    both(texts, [2] * len(texts), patch)
