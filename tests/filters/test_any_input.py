"""Whatever a row holds, no filter raises, and each gives exactly one verdict per row."""

import json

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from filters import filter_kinds, get_filter, run_filters
from filters.benchmarks import Benchmark, BenchmarkManifest
from filters.duplicates.signatures import make_signatures
from filters.night.policy import decide, eligible
from filters.text import clean
from tests.filters.helpers import STAMPS_SOLUTION, arithmetic, context, row, table, word_problem

ANN, STAMPS = arithmetic(), word_problem(solution=STAMPS_SOLUTION)
AROUND = context(
    ANN,
    STAMPS,
    manifest=BenchmarkManifest(
        [Benchmark("b", "1", "test", [STAMPS, word_problem("!!", "1"), word_problem("x", "1")])]
    ),
    heldout_prompts=frozenset({"", "?", ANN.prompt}),
)
WORD = st.sampled_from(
    ["5", "+", "####", "6", "\\boxed{", "<think>", "stamps", "…", "１", "\x00", "ﷺ", "é", "\n", "%", "-" * 9]
)
TEXT = st.one_of(
    st.text(alphabet=st.characters(exclude_categories=()), max_size=40).map(clean),
    st.lists(WORD, max_size=40).map(" ".join),
    st.sampled_from([STAMPS.prompt, ANN.prompt, ANN.prompt * 30]),
)
MAYBE = st.none() | TEXT
TURN = st.fixed_dictionaries({"role": st.sampled_from(["user", "assistant", "system", "?"]), "content": MAYBE})
CHANGE = st.fixed_dictionaries(
    {
        "kind": st.sampled_from(["sft", "preference", "prompt", "text", "stepwise", "other"]),
        "messages": st.none() | st.lists(TURN, max_size=4),
        "response": MAYBE,
        "rejected": MAYBE,
        "text": MAYBE,
        "steps": st.none() | st.lists(MAYBE, max_size=4),
        "labels": st.none() | st.lists(st.none() | st.booleans(), max_size=4),
        "answer": MAYBE,
        "notes": MAYBE | st.dictionaries(st.sampled_from(["judgement", "attempt", "complete"]), MAYBE).map(json.dumps),
        "attrs": MAYBE
        | st.sampled_from(["5", "null", "[]", '"complete"', "[" * 9])
        | st.dictionaries(st.sampled_from(["agrees", "student_attempt", "complete"]), MAYBE).map(json.dumps),
        "problem_id": st.sampled_from([ANN.id, STAMPS.id, None, "?"]),
        "task": st.sampled_from(["arithmetic", "math_word", "?"]),
    }
)


@pytest.mark.slow
@settings(deadline=None, max_examples=60)
@given(st.lists(CHANGE, max_size=5))
def test_one_verdict_per_row(changes):
    samples = table(*(row(f"{number}", **change) for number, change in enumerate(changes)))
    judges = [get_filter(name) for name in filter_kinds()]
    verdicts = run_filters(judges, samples, AROUND)
    assert verdicts.num_rows == len(judges) * len(changes)
    backwards = run_filters(judges, samples.take(pa.array(range(len(changes))[::-1], pa.int64())), AROUND)
    assert sorted(verdicts.to_pylist(), key=str) == sorted(backwards.to_pylist(), key=str)
    decisions = decide(samples, verdicts)
    assert decisions.num_rows == len(changes)
    assert eligible(samples, verdicts) <= set(samples["sample_id"].to_pylist())
    assert make_signatures(samples, AROUND).num_rows == len(changes)


@settings(deadline=None, max_examples=30)
@given(st.lists(st.binary(max_size=12), min_size=1, max_size=4))
def test_bytes_that_are_no_text(values):
    samples = table(*(row(f"{number}", ANN) for number in range(len(values))))
    raw = pa.array(values, pa.binary()).buffers()
    text = pa.Array.from_buffers(pa.string(), len(values), raw)
    samples = samples.set_column(samples.column_names.index("response"), samples.schema.field("response"), text)
    judges = [get_filter(name) for name in filter_kinds()]
    assert run_filters(judges, samples, AROUND).num_rows == len(judges) * len(values)
