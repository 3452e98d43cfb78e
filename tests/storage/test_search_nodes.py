"""The view of search trees: a row for each node, and nothing for rows whose notes hold no tree."""

import json

import duckdb

from storage.views import VIEWS

NODE = {"node": "0.1", "parent": "0", "step": "2 + 3 = 5", "value": 0.5, "visits": 4, "right": True}


def test_nodes_are_rows_and_what_is_no_tree_is_none():
    notes = [json.dumps({"tree": [NODE, {**NODE, "node": "0", "parent": None, "right": None}]}),
             json.dumps({"tree": 3}), 'broken "tree"', "{}"]  # fmt: skip
    with duckdb.connect() as connection:
        connection.execute(
            "create table samples (sample_id text, night text, method text, problem_id text, notes text)"
        )
        for number, text in enumerate(notes):
            connection.execute("insert into samples values (?, 'night', 'journey', 'p', ?)", [str(number), text])
        rows = connection.execute(VIEWS["search_nodes"][1]).fetchall()
    assert rows == [
        ("0", "night", "journey", "p", "0.1", "0", "2 + 3 = 5", 0.5, 4, True),
        ("0", "night", "journey", "p", "0", None, "2 + 3 = 5", 0.5, 4, None),
    ]
