"""A run that is merged from two has what one of all rows has."""

import json

import numpy as np
import pytest

from storage.history import merging
from storage.history.run import Entries, Run, changed_files, write_run

BANDS, SLOTS = 3, 4


def entries(rng, first, count, *, texts=True):
    sizes = rng.integers(0, 4, 2 * count)
    return Entries(
        [f"row {number}" for number in range(first, first + count)],
        [f"night {night}" for night in rng.integers(0, 3, count)],
        rng.integers(0, 9, (count, 2), dtype=np.uint64),
        rng.integers(0, 5, (count, BANDS), dtype=np.uint64),
        rng.integers(0, 99, (count, SLOTS), dtype=np.uint32),
        rng.integers(0, 99, int(sizes.sum()) if texts else 0, dtype=np.uint32),
        np.cumsum(sizes, dtype=np.uint64) if texts else np.zeros(0, np.uint64),
    )


def together(left, right):
    blocks = (np.concatenate([getattr(left, name), getattr(right, name)]) for name in ("exact", "bands", "slots"))
    shift = left.ends[-1] if len(left.ends) else np.uint64(0)
    shingles, ends = [left.shingles, right.shingles], np.concatenate([left.ends, right.ends + shift])
    return Entries([*left.ids, *right.ids], [*left.nights, *right.nights], *blocks, shingles, ends)


@pytest.mark.parametrize(("counts", "at_once"), [((7, 12), 3), ((12, 7), 5), ((1, 30), 1), ((20, 20), 1000)])
@pytest.mark.parametrize("texts", [True, False])
def test_it_equals_a_run_of_all_rows(tmp_path, monkeypatch, counts, at_once, texts):
    monkeypatch.setattr(merging, "_AT_ONCE", at_once)
    rng = np.random.default_rng(counts[0])
    left, right = entries(rng, 0, counts[0], texts=texts), entries(rng, counts[0], counts[1], texts=texts)
    runs = [write_run(part, tmp_path / name) for name, part in (("left", left), ("right", right))]
    (tmp_path / "merged").mkdir()
    merging.merge_runs(*runs, tmp_path / "merged", commit="c")
    merged, whole = Run.open(tmp_path / "merged"), Run.of(together(left, right))
    assert merged.rows == whole.rows and merged.nights == whole.nights
    assert {name: column.tolist() for name, column in merged.columns.items()} == {
        name: column.tolist() for name, column in whole.columns.items()
    }
    assert json.loads((tmp_path / "merged" / "run.json").read_text())["commit"] == "c"


def test_a_file_that_changed_at_the_same_length_is_found(tmp_path):
    rng = np.random.default_rng(1)
    runs = [write_run(entries(rng, 12 * part, 12), tmp_path / str(part)) for part in range(2)]
    (tmp_path / "merged").mkdir()
    merging.merge_runs(*runs, tmp_path / "merged")
    for folder in (tmp_path / "0", tmp_path / "merged"):
        assert changed_files(folder) == []
        files = [file for file in sorted(folder.iterdir()) if file.name != "run.json"]
        assert len(files) == 11
        for file in files:
            kept = file.read_bytes()
            file.write_bytes(kept[:-1] + bytes([kept[-1] ^ 1]))
            assert changed_files(folder) == [file.name]
            file.write_bytes(kept)
