import random

import pytest

from filters import get_filter
from filters.benchmarks import Benchmark, BenchmarkManifest
from filters.leaks.benchmark_index import BenchmarkIndex
from filters.leaks.screen import Screen
from tests.filters.helpers import STAMPS, STAMPS_SOLUTION, arithmetic, context, row, table, word_problem

pytest.importorskip("numba")

ITEMS = [
    word_problem(solution=STAMPS_SOLUTION),
    word_problem(
        "Ben reads twenty pages a day. It rains. How many pages does he read in three weeks of eight days?", "9"
    ),
    word_problem("What is 17 times 23?", "391"),
    word_problem("Why? How? Who?", "1"),
    word_problem("½ plus ½ is what, said 王?", "1"),
    arithmetic("Ann"),
]
MANIFEST = BenchmarkManifest([Benchmark("b", "1", "test", ITEMS)])


def mangled(rng):
    """A text made of pieces of items, words changed, numbers changed, sentences moved."""
    text = rng.choice(ITEMS).prompt if rng.random() < 0.7 else STAMPS_SOLUTION
    sentences = text.split(". ")
    if rng.random() < 0.3:
        rng.shuffle(sentences)
    if rng.random() < 0.3:
        sentences = sentences[: rng.randrange(1, len(sentences) + 1)]
    words = ". ".join(sentences).split(" ")
    for _ in range(rng.choice([0, 0, 1, 2, 6])):
        words[rng.randrange(len(words))] = rng.choice(["7", "seven", "cat", "dozen", "½", "🎉", "12.5", "and", "of"])
    text = " ".join(words)
    return rng.choice([
        text, text.upper(), f"Here: {text} Good.", text.replace("9", "nine"), text.replace("11", "eleven and a half"),
        text.replace("13", "1\u20603"), text.replace("times", r"$\times$"), f"5 {text} 7", f"and {text} and a",
    ])  # fmt: skip


def test_the_quick_look_changes_no_verdict(monkeypatch):
    rng = random.Random(0)
    problems = [word_problem(mangled(rng), structure=f"{n}") for n in range(400)]
    rows = [
        row(
            f"{n:03}",
            problem,
            mangled(rng) if rng.random() < 0.5 else "no",
            messages=[{"role": "user", "content": "?"}],
        )
        for n, problem in enumerate(problems)
    ]
    rows += [row(f"x{n}", None, f"nothing of the kind {n}") for n in range(20)]
    around = context(
        *problems, manifest=MANIFEST, heldout_prompts=frozenset({"Ann goes out.", "is it? it is!", STAMPS})
    )
    fast = get_filter("decontamination")(table(*rows), around).to_pylist()
    monkeypatch.setenv("NIGHTSCHOOL_NUMBA", "0")
    assert get_filter("decontamination")(table(*rows), around).to_pylist() == fast
    assert {verdict["reason"] for verdict in fast} > {None, "exact_match", "contains_item", "ngram_8", "solution"}


def test_what_shares_nothing_needs_no_second_look():
    screen = Screen([BenchmarkIndex(MANIFEST.items(), frozenset({"arithmetic"}))])
    texts = [
        "Something else entirely, with ten words or more in it.",
        "",
        "17 times 23",
        STAMPS,
        "What is 17 times 23?!",
    ]
    assert screen.texts(texts).tolist() == [False, False, False, True, True]
    assert screen.texts(["What is 3 times nine?", "What is this?"]).tolist() == [True, False]
    assert Screen([]).texts(texts).tolist() == [False] * 5
