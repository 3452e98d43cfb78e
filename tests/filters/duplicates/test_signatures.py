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
    signatures = make_signatures(table(row("b", ann, derivation(ann)), row("a", ann, "x")), context(ann)).to_pylist()
    assert [item["sample_id"] for item in signatures] == ["b", "a"]
    assert {item["scheme"] for item in signatures} == {SCHEME}
    assert [len(item["minhash"]) for item in signatures] == [2 * SLOTS] * 2
    assert signatures[0]["exact"] != signatures[1]["exact"]
    assert make_signatures(table(), context()).schema == SIGNATURES
