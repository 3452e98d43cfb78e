from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from storage.errors import RecipeError
from storage.releases.making import create_release
from storage.releases.mixture import read_mixture, targets
from tests.storage.releases.test_releases import accept


@pytest.mark.parametrize(
    ("parts", "message"),
    [
        (["cot"], "write method:cot=5000"),
        (["colour:red=5"], "write method:cot=5000"),
        (["cot=many"], "'many' is neither"),
        (["cot=0%"], "neither"),
        (["cot=120%"], "neither"),
        (["cot=70%", "gold=40%"], "110%"),
        (["cot=70%", "source:gsm8k=10%"], "of one column"),
    ],
)
def test_a_mixture_that_cannot_be_read_is_a_sentence(parts, message):
    with pytest.raises(RecipeError, match=message):
        read_mixture(parts)


def test_caps_and_shares_are_read():
    mixture = read_mixture(["cot=5000", "source:gsm8k=30%", "source:svamp=12.5%"])
    assert mixture.caps == {("method", "cot"): 5000} and mixture.column == "source"
    assert mixture.to_json() == {"method:cot": "5000", "source:gsm8k": "30%", "source:svamp": "12.5%"}


@given(
    st.dictionaries(st.sampled_from("abcd"), st.integers(1, 10_000), min_size=1),
    st.dictionaries(st.sampled_from("abcd"), st.integers(1, 25), min_size=1),
)
def test_the_largest_set_with_the_shares_is_taken(counts, percents):
    shares = {name: Fraction(percent, 100) for name, percent in percents.items() if name in counts}
    if not shares:
        return
    kept = targets(counts, shares)
    assert all(0 <= kept[name] <= counts[name] for name in kept)
    total = sum(kept.values())
    if set(counts) - set(shares) and total > 100:  # something fills the rest, so that the shares are of the whole
        for name, share in shares.items():
            assert abs(kept[name] / total - share) < 0.02
    full = [name for name in counts if kept[name] >= counts[name] - 1]
    assert full, "something is used up, or the set could have been larger"


@pytest.mark.slow
def test_rows_are_chosen_by_their_ids_and_a_larger_cap_keeps_them(lake):
    accept(lake, *(f"r{n:03d}" for n in range(40)))
    small = create_release(lake, "small", night=None, mixture=read_mixture(["cot=10"]))
    large = create_release(lake, "large", night=None, mixture=read_mixture(["cot=20"]))
    again = create_release(lake, "again", night=None, mixture=read_mixture(["method:cot=10"]))
    ids = {release.name: set(release.table()["sample_id"].to_pylist()) for release in (small, large, again)}
    assert len(ids["small"]) == 10 and ids["small"] < ids["large"] and ids["small"] == ids["again"]
    assert small.manifest["mixture"] == {"method:cot": "10"} and small.content_hash == again.content_hash
    with pytest.raises(RecipeError, match="no row has source 'gsm8k'; there are s"):
        create_release(lake, "none", night=None, mixture=read_mixture(["source:gsm8k=10%"]))
