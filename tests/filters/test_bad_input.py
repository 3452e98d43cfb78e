"""What breaks other tools: none of it crashes, none of it makes different texts equal, none of it hangs.

How time grows with size is measured by `benchmarks/curation.py`.
"""

import numpy as np
import pyarrow as pa
import pytest

from filters import filter_kinds, get_filter
from filters.duplicates.first_wins import keep_first
from filters.duplicates.sketches import sketch_texts
from tests.filters.helpers import context, outcomes, row, table, word_problem

pytest.importorskip("numba")
pytestmark = pytest.mark.timeout(120)
PROBLEM = word_problem()
BIG = 5_000_000


def kept(texts):
    return keep_first(sketch_texts(texts)).tolist()


def test_empty_and_short_texts_equal_only_themselves():
    assert kept(["", " ", "a", "a b", "a  b", "b a", "?", "!", "5 + 3", "5 - 3"]) == [
        *(True, False, True, True, False, True, True, True, True, True)
    ]


def test_lone_surrogates_and_invalid_utf8():
    assert kept(["a \ud800 b", "a \udfff c", "plain"]) == [True, True, True]
    raw = pa.array([b"good", b"\xff\xfe bad", b"\xc3"], pa.binary()).buffers()
    text = pa.Array.from_buffers(pa.string(), 3, raw)
    samples = table(*(row(f"{number}", PROBLEM) for number in range(3)))
    samples = samples.set_column(samples.column_names.index("response"), samples.schema.field("response"), text)
    verdicts = outcomes(get_filter("structure")(samples, context(PROBLEM)))
    assert verdicts["1"] == verdicts["2"] == ("fail", "broken_text")
    assert outcomes(get_filter("near_duplicates")(samples, context(PROBLEM)))["0"] == ("pass", None)


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("several words that differ a little " * (BIG // 35), id="a text of 5 MB"),
        pytest.param("x" * BIG, id="a word of 5 MB"),
        pytest.param("7" * BIG, id="a number of 5 MB"),
        pytest.param("<<" * (BIG // 2), id="marks that never close"),
        pytest.param("1,234" * (BIG // 5), id="numbers with commas"),
        pytest.param("é" * (BIG // 2), id="one word that is not ASCII"),
    ],
)
def test_five_megabytes(text):
    is_kept = kept([text, text + " end", text[: BIG // 4], "short"])
    assert is_kept[0] and is_kept[3]


def test_every_filter_takes_a_large_row():
    samples = table(row("a", PROBLEM, "some words " * 100_000), row("b", PROBLEM, "y" * 1_000_000))
    for name in filter_kinds():
        assert get_filter(name)(samples, context(PROBLEM)).num_rows == 2, name


def test_a_hundred_thousand_equal_texts():
    texts = ["the same text as everybody else has here"] * 100_000
    assert sum(kept(texts)) == 1


def test_ten_thousand_texts_with_one_boilerplate():
    boilerplate = " ".join(f"word{'abcdefghij'[n % 10]}{'abcdefghij'[n // 10]}" for n in range(60))
    texts = [f"{boilerplate} {' '.join(f'own{n}x{m}' for m in range(60))}" for n in range(10_000)]
    assert all(kept(texts))


def test_order_and_sharding_change_nothing():
    rng = np.random.default_rng(1)
    words = [f"{a}{b}" for a in "bcdfg" for b in "aeiou"]
    rows = [row(f"{n:04}", PROBLEM, " ".join(words[: 20 + n % 5] + words[: n % 7])) for n in range(200)]
    judge = get_filter("near_duplicates", {"threshold": 0.7})
    expected = outcomes(judge(table(*rows), context(PROBLEM)))
    assert {outcome for outcome, _ in expected.values()} == {"pass", "fail"}
    order = rng.permutation(200).tolist()
    shards = [table(*(rows[n] for n in order[start : start + 50])) for start in range(0, 200, 50)]
    assert outcomes(judge(pa.concat_tables(shards), context(PROBLEM))) == expected
