from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from storage.ids import canonical_json, digest, digest_files, seed_from

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


@settings(max_examples=40)
@given(st.dictionaries(st.text(), JSON))
def test_the_order_of_keys_does_not_matter(value):
    assert digest(value) == digest(dict(reversed(list(value.items()))))


@given(JSON, JSON)
def test_different_content_has_different_ids(first, other):
    assert (digest(first) == digest(other)) == (canonical_json(first) == canonical_json(other))


def test_parts_are_not_run_together():
    assert digest("ab", "c") != digest("a", "bc")


def test_seeds_of_neighbours_are_unrelated_and_fit_63_bits():
    seeds = [seed_from("x", number) for number in range(1000)]
    assert len(set(seeds)) == 1000 and all(0 <= seed < 2**63 for seed in seeds)


def test_what_json_cannot_say_is_refused():
    with pytest.raises(ValueError, match="Out of range"):
        digest(float("nan"))


def test_files_are_hashed_by_name_and_content(tmp_path: Path):
    (tmp_path / "a").write_text("1")
    (tmp_path / "b").write_text("2")
    both = digest_files(tmp_path.iterdir(), tmp_path)
    (tmp_path / "b").rename(tmp_path / "c")
    assert digest_files(tmp_path.iterdir(), tmp_path) != both
