"""Every column with strings says who wrote them, and every table with text of models what it is taken down with."""

import pyarrow as pa
import pytest

from storage.schema import COMMITS, TABLES, comment, goes_with, ties, writer
from storage.upkeep.check import references

TEXT = "text of a model"


def strings(type_: pa.DataType) -> bool:
    """Whether a type holds strings, at any depth."""
    if pa.types.is_list(type_):
        return strings(type_.value_type)
    if pa.types.is_struct(type_):
        return any(strings(field.type) for field in type_)
    return pa.types.is_string(type_) or pa.types.is_large_string(type_)


def undeclared(name: str) -> list[str]:
    """What takedown and the check of the lake would not know of a table."""
    table = TABLES[name]
    wrong = [f"{name}.{field.name}: who writes it?" for field in table if strings(field.type) and not writer(field)]
    if not any(writer(field) == "model" for field in table):
        return wrong
    tied = [tie for tie in ties() if tie.table == name]
    if goes_with(table) != "redacted" and not tied:
        wrong.append(f"{name} holds text of models and does not say what it is taken down with")
    wrong += [f"{name} has no column {tie.column}" for tie in tied if tie.column not in table.names]
    checked = {entry.split(" of ")[0] for entry in references()}
    homes = {"problems", "calls"}
    return wrong + [
        f"{name} is not checked" for tie in tied if name not in homes and f"{name}.{tie.column}" not in checked
    ]


@pytest.mark.parametrize("name", sorted(TABLES))
def test_takedown_and_check_know_every_table_with_text(name):
    assert undeclared(name) == []


def test_only_runs_keep_rows_that_held_text():
    """`storage.takedown.carry_out` removes it from them, as `test_takedown` shows; another such table needs the same."""
    assert [name for name, table in TABLES.items() if goes_with(table) == "redacted"] == ["artefacts", "runs"]


@pytest.mark.parametrize(
    ("columns", "metadata", "sentence"),
    [
        ({"tree": pa.string(), "sample_id": pa.string()}, {}, "extra.tree: who writes it?"),
        ({"turns": pa.list_(pa.struct({"content": pa.string()}))}, {}, "extra.turns: who writes it?"),
        ({"tree": TEXT}, {}, "extra holds text of models and does not say what it is taken down with"),
        ({"tree": TEXT}, {"goes_with": "sample"}, "extra has no column sample_id"),
        ({"tree": TEXT}, {"goes_with": "review"}, "extra holds text of models"),
    ],
)
def test_a_new_table_that_says_less_is_found(monkeypatch, columns, metadata, sentence):
    fields = [
        pa.field(name, pa.string(), metadata={"writer": "model"}) if type_ == TEXT else pa.field(name, type_)
        for name, type_ in columns.items()
    ]
    monkeypatch.setitem(TABLES, "extra", pa.schema(fields, metadata))
    assert any(line.startswith(sentence) for line in undeclared("extra"))


def test_every_comment_is_there():
    for table in (COMMITS, *TABLES.values()):
        assert comment(table) and all(comment(field) for field in table)
