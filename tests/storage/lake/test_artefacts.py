from storage.lake.artefacts import find_artefact, record_artefact


def kept(lake, key, value):
    return record_artefact(
        lake, key, value, night="2026-01-01/x", method="m", problem_ids=["p1"], call_ids=["c1"], prompts=["solve@1"]
    )


def test_the_first_one_under_a_key_is_kept(lake):
    assert find_artefact(lake, "k") is None
    assert kept(lake, "k", '{"a":1}') == '{"a":1}'
    assert kept(lake, "k", '{"a":2}') == '{"a":1}' == find_artefact(lake, "k"), "of two processes the first one's"
    assert kept(lake, "other", '{"a":2}') == '{"a":2}'
    (row, _) = lake.rows("from artefacts order by artefact_key")
    assert (row["problem_ids"], row["call_ids"], row["prompts"], row["method"]) == (["p1"], ["c1"], ["solve@1"], "m")
