import pyarrow as pa

from filters.base import VERDICTS
from filters.leaks.inherit import flagged_sources, inherit
from tests.filters.helpers import details, outcomes, row, table


def verdicts(*failed):
    rows = [
        {"sample_id": sample_id, "filter": "decontamination", "version": "1", "outcome": "fail", "reason": "x"}
        for sample_id in failed
    ]
    rows.append({"sample_id": "z", "filter": "answer", "version": "1", "outcome": "fail", "reason": "x"})
    return pa.Table.from_pylist(rows, schema=VERDICTS)


SAMPLES = table(
    row("a", parents=["solve"]),
    row("b", parents=["solve", "critique"]),
    row("c", parents=["critique", "revise"]),
    row("d", parents=["other", "critique of other"]),
    row("e", parents=[]),
    row("z", parents=["other"]),
)


def test_children_and_their_children_inherit():
    inherited = inherit(SAMPLES, verdicts("a"))
    assert outcomes(inherited) == {"b": ("fail", "inherited"), "c": ("fail", "inherited")}
    assert details(inherited) == {"b": {"from": "a"}, "c": {"from": "b"}}
    assert set(inherited["version"].to_pylist()) == {"1"}


def test_only_the_call_that_wrote_the_flagged_row_counts():
    assert outcomes(inherit(SAMPLES, verdicts("b"))) == {"c": ("fail", "inherited")}
    assert inherit(SAMPLES, verdicts()).num_rows == 0


def test_flags_of_other_nights():
    assert details(inherit(SAMPLES, verdicts(), {"other": "old"})) == {"d": {"from": "old"}, "z": {"from": "old"}}
    assert flagged_sources(SAMPLES, verdicts("a", "e")) == {"solve": "a"}
