from filters.duplicates.signatures import SIGNATURES, make_signatures
from filters.duplicates.sketch import SCHEME, SLOTS
from storage.schema import TABLES
from tests.filters.helpers import arithmetic, context, derivation, row, table


def test_signatures_fit_the_lake():
    lake = TABLES["signatures"]
    assert [field.name for field in lake if field.name != "commit_id"] == SIGNATURES.names
    assert all(lake.field(name).type == SIGNATURES.field(name).type for name in SIGNATURES.names)


def test_one_row_each():
    ann = arithmetic()
    made = make_signatures(table(row("b", ann, derivation(ann)), row("a", ann, "x")), context(ann)).to_pylist()
    assert [item["sample_id"] for item in made] == ["b", "a"]
    assert {item["scheme"] for item in made} == {SCHEME}
    assert [len(item["minhash"]) for item in made] == [2 * SLOTS] * 2
    assert made[0]["exact"] != made[1]["exact"]
    assert make_signatures(table(), context()).schema == SIGNATURES
