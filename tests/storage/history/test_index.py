import shutil
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pyarrow as pa
import pytest

from storage.history.index import GROWTH, HistoryIndex, next_merge
from storage.history.run import Entries, Run
from storage.lake.lake import Lake, table_of
from storage.workspace import Workspace

SLOTS, BANDS = 8, 3
NIGHTS = 13


def read(table, samples=None, problems=()):
    """Each row has the shingles 0, 1, ... (one per letter of its id) and the sum of its letters."""
    sets = [
        part
        for sample_id in table["sample_id"].to_pylist()
        for part in (range(len(sample_id)), [sum(sample_id.encode())])
    ]
    shingles = [np.zeros(0, np.uint32), *(np.array(part, np.uint32) for part in sets)]
    slots = np.array(table["minhash"].to_pylist(), np.uint32).reshape(table.num_rows, SLOTS)
    exact = np.array([(int(hexadecimal, 16), 7) for hexadecimal in table["exact"].to_pylist()], np.uint64).reshape(
        -1, 2
    )
    return Entries(
        table["sample_id"].to_pylist(), table["night"].to_pylist(), exact, slots[:, :BANDS].astype(np.uint64), slots,
        shingles, np.cumsum([len(part) for part in sets], dtype=np.uint64),
    )  # fmt: skip


def signatures(ids, scheme="s"):
    return pa.table(
        {
            "sample_id": ids,
            "method": ["m"] * len(ids),
            "task": ["t"] * len(ids),
            "exact": [f"{sum(sample_id.encode()):032x}" for sample_id in ids],
            "scheme": [scheme] * len(ids),
            "minhash": pa.array(
                [[sum(sample_id.encode()) + slot for slot in range(SLOTS)] for sample_id in ids], pa.list_(pa.uint32())
            ),
        }
    )


def accept(lake, night, ids, scheme="s"):
    samples = table_of("samples", [{"sample_id": sample_id, "night": night} for sample_id in ids])
    lake.commit(f"samples:{night}", "samples", {"samples": samples}, night=night)
    lake.commit(f"curate:{night}", "curate", {"signatures": signatures(ids, scheme)}, night=night)


@pytest.fixture
def lake(tmp_path):
    with Lake(Workspace.create(tmp_path / "w")) as opened:
        yield opened


def opened(lake, scheme="s"):
    index = HistoryIndex(lake, scheme, read)
    index.refresh()
    return index


def known(index):
    return {(run.id(row), run.night(row)) for run in index.runs for row in range(run.rows)}


def test_an_empty_lake(lake):
    assert opened(lake).runs == []


def test_what_was_accepted_is_found_with_its_night(lake):
    accept(lake, "2026-01-01/a", ["a", "bb"])
    accept(lake, "2026-01-02/a", ["ccc"])
    lake.commit("other", "release", {}, night=None)
    index = opened(lake)
    assert known(index) == {("a", "2026-01-01/a"), ("bb", "2026-01-01/a"), ("ccc", "2026-01-02/a")}
    wanted = read(signatures(["bb"]).append_column("night", [["?"]]))
    hits = [(run.id(row), query) for run in index.runs for query, row in run.same(wanted.exact)]
    assert hits == [("bb", 0)]
    run = index.runs[0]
    queries, rows, full = run.candidates(wanted.bands, 10)
    assert ([run.id(row) for row in rows], queries.tolist(), full) == (["bb"], [0], 0)
    assert [slots.tolist() for _, slots in run.slots(rows)] == [wanted.slots.tolist()]


def test_a_refresh_adds_only_what_is_new(lake):
    accept(lake, "1", ["a", "aa", "aaa"])
    first = opened(lake)
    folders = {path.name: path.stat().st_mtime_ns for path in first.folder.iterdir()}
    accept(lake, "2", ["b"])
    assert known(opened(lake)) == {("a", "1"), ("aa", "1"), ("aaa", "1"), ("b", "2")}
    assert folders.items() <= {path.name: path.stat().st_mtime_ns for path in first.folder.iterdir()}.items()


@pytest.mark.parametrize(
    ("rows", "at"),
    [
        ([], None),
        ([5], None),
        ([5, 2], None),
        ([4, 2], 0),
        ([9, 4, 2], 1),
        ([9, 3, 1], None),
        ([6, 3, 1], 0),
        ([1, 0], None),
    ],
)
def test_a_run_becomes_one_with_the_next_unless_it_is_over_twice_as_large(rows, at):
    assert next_merge(rows) == at


@pytest.mark.slow
def test_many_nights_are_merged(lake):
    for night in range(NIGHTS):
        accept(lake, f"{night:02}", [f"{night}-{row}" for row in range(night + 1)])
        index = opened(lake)
        rows = [run.rows for run in index.runs]
        assert all(older > GROWTH * newer for older, newer in pairwise(rows)) and sum(rows) == sum(range(night + 2))
    assert len(known(index)) == sum(range(NIGHTS + 1))
    for run in index.runs:
        for row, (first, second) in enumerate(run.sets(range(run.rows))):
            name = run.id(row)
            assert (first.tolist(), second.tolist()) == (list(range(len(name))), [sum(name.encode())])
    assert {night for _, night in known(index)} == {f"{night:02}" for night in range(NIGHTS)}


@pytest.mark.parametrize(
    "damage", ["lost", "one run lost", "a file cut", "no manifest", "half a merge", "half written"]
)
def test_a_damaged_index_is_made_again(lake, damage, monkeypatch, tmp_path):
    for night in range(3):
        accept(lake, f"{night}", [f"{night}-{row}" for row in range(9 // 3**night)])
        index = opened(lake)
    expected, folder = known(index), index.folder
    runs = sorted(folder.iterdir())
    if damage == "lost":
        shutil.rmtree(folder.parent)
    elif damage == "one run lost":
        shutil.rmtree(runs[0])
    elif damage == "a file cut":
        (runs[1] / "slots.u32").write_bytes(b"")
    elif damage == "no manifest":
        (runs[1] / "run.json").unlink()
    elif damage == "half a merge":
        shutil.copytree(runs[0], tmp_path / "kept")
        monkeypatch.setattr("storage.history.index.GROWTH", 100)
        assert len(opened(lake).runs) == 1
        shutil.copytree(tmp_path / "kept", runs[0])
    else:
        (folder / "making-9-9").mkdir()
    assert known(opened(lake)) == expected
    assert not list(folder.glob("making*"))


def test_another_lake_under_the_same_index(lake, tmp_path):
    accept(lake, "1", ["a"])
    index = opened(lake)
    with Lake(Workspace.create(tmp_path / "v")) as other:
        accept(other, "1", ["z"])
        shutil.copytree(index.folder, other.workspace.root / "index" / index.folder.name)
        assert known(opened(other)) == {("z", "1")}


def test_other_schemes_are_left_out_and_told(lake):
    accept(lake, "1", ["a"], scheme="old")
    accept(lake, "2", ["b"])
    index = opened(lake)
    assert known(index) == {("b", "2")}
    assert index.left_out == 1


def test_a_run_in_memory_has_the_same_answers():
    table = signatures(["a", "b", "a"]).append_column("night", [["1", "2", ""]])
    run = Run.of(read(table))
    queries, rows, full = run.candidates(read(table).bands, 1)
    assert (queries.tolist(), rows.tolist()) == ([0, 1, 2], [0, 1, 0])
    assert full == 2 * BANDS
    assert [run.night(row) for row in range(3)] == ["1", "2", None]
    assert np.array_equal(run.keys(), read(table).bands) and [run.id(row) for row in range(3)] == ["a", "b", "a"]


def test_a_row_that_the_lake_has_no_longer_is_not_indexed(lake):
    lake.commit("samples:1", "samples", {"samples": table_of("samples", [{"sample_id": "a", "night": "1"}])}, night="1")
    lake.commit("curate:1", "curate", {"signatures": signatures(["a", "b"])}, night="1")
    assert known(opened(lake)) == {("a", "1")}


def test_sets_are_not_known_everywhere():
    table = signatures(["a", "b"]).append_column("night", [["1", "2"]])
    entries = replace(read(table), shingles=(), ends=np.zeros(0, np.uint64))
    assert list(Run.of(entries).sets([0, 1])) == [None, None]
    assert [part.tolist() for part in next(iter(Run.of(read(table)).sets([1])))] == [[0], [98]]


def test_a_run_that_is_merged_away_is_still_read_by_who_has_it_open(lake):
    accept(lake, "1", ["a", "bb"])
    (run,) = opened(lake).runs
    shutil.rmtree(run.folder)
    ((_, slots),) = run.slots(np.array([0, 1]))
    assert slots.shape == (2, SLOTS) and [first.tolist() for first, _ in run.sets([0, 1])] == [[0], [0, 1]]
    assert run.id(1) == "bb"


def test_a_candidate_shares_as_many_bands_as_are_asked_for():
    table = signatures(["a", "b", "c"]).append_column("night", [["1", "1", "1"]])
    entries = read(table)
    run = Run.of(replace(entries, bands=np.array([[1, 2, 3], [1, 2, 9], [1, 8, 9]], np.uint64)))
    wanted = np.array([[1, 2, 3]], np.uint64)
    assert [run.candidates(wanted, 10, least)[1].tolist() for least in (1, 2, 3)] == [[0, 1, 2], [0, 1], [0]]
