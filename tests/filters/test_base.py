import pytest

from filters import filter_kinds, get_filter, run_filters
from filters.base import VERDICTS, BoundFilter, Context, FilterError, Finding, Options, night_filter
from storage.errors import RecipeError
from storage.schema import TABLES
from tests.filters.helpers import row, table


def broken(findings):
    return BoundFilter("broken", "1", "row", Options(), lambda rows, context, options: findings)


GOOD = Finding("pass")


def test_every_filter_has_its_scope():
    scopes = {name: kind.scope for name, kind in filter_kinds().items()}
    assert {name for name, scope in scopes.items() if scope == "night"} >= {"exact_duplicates", "near_duplicates"}
    assert {name for name, scope in scopes.items() if scope == "last"} >= {"caps"}
    assert set(scopes) >= {
        *("answer", "decontamination", "exact_duplicates", "length", "near_duplicates", "repetition", "structure")
    }
    assert all(kind.summary.endswith(".") for kind in filter_kinds().values())


def test_verdicts_fit_the_lake():
    lake = TABLES["verdicts"]
    assert all(lake.field(name).type == VERDICTS.field(name).type for name in VERDICTS.names)


@pytest.mark.parametrize(
    ("findings", "sample"), [({"a": GOOD}, "b"), ({"a": GOOD, "b": GOOD, "c": GOOD}, "c"), ({}, "a")]
)
def test_one_finding_per_row(findings, sample):
    with pytest.raises(FilterError, match=f"'broken': its finding for sample '{sample}'"):
        run_filters([broken(findings)], table(row("a"), row("b")), Context())


def test_verdicts_come_filter_after_filter_in_the_order_of_the_table():
    two = broken({"a": GOOD, "b": GOOD})
    verdicts = run_filters([two, two], table(row("b"), row("a")), Context())
    assert verdicts["sample_id"].to_pylist() == ["b", "a", "b", "a"]


def test_unknown_outcomes_are_refused():
    with pytest.raises(FilterError, match="'broken' gave the outcome 'maybe'"):
        run_filters([broken({"a": Finding("maybe")})], table(row("a")), Context())


def test_repeated_sample_ids_are_refused():
    with pytest.raises(FilterError, match="'a' is not the id of exactly one row"):
        run_filters([], table(row("a"), row("a")), Context())


def test_no_rows_and_no_filters():
    assert run_filters([get_filter(name) for name in filter_kinds()], table(), Context()).num_rows == 0
    assert run_filters([], table(row("a")), Context()).schema == VERDICTS


def test_unknown_names_get_the_nearest():
    with pytest.raises(RecipeError, match="did you mean 'near_duplicates'"):
        get_filter("near_duplicate")
    with pytest.raises(
        RecipeError, match=r"filters\.near_duplicates: unknown option 'treshold'; did you mean 'threshold'"
    ):
        get_filter("near_duplicates", {"treshold": 0.7})
    with pytest.raises(RecipeError, match=r"filters.near_duplicates.threshold: .* \(given: 3\)"):
        get_filter("near_duplicates", {"threshold": 3})
    with pytest.raises(RecipeError, match=r"filters\.answer: it has no option 'x'"):
        get_filter("answer", {"x": 3})


def test_options_are_part_of_the_version():
    plain, same = get_filter("near_duplicates"), get_filter("near_duplicates", {"threshold": 0.8})
    other = get_filter("near_duplicates", {"threshold": 0.7})
    assert plain.version == same.version == "1"
    assert other.version.startswith("1+")


def test_a_night_filter_sees_its_rows_sorted():
    seen = []

    @night_filter("looker", version="1")
    def looker(rows, context, options):
        """Look."""
        seen.extend(row.sample_id for row in rows)
        return {row.sample_id: GOOD for row in rows}

    run_filters([looker.bind()], table(row("b"), row("c"), row("a")), Context())
    assert seen == ["a", "b", "c"]
