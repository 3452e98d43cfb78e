"""A night that is decided in blocks and shares keeps what it keeps when all rows are looked at at once."""

import random

import numpy as np
import pyarrow.parquet as pq
import pytest

from filters.base import Context
from filters.duplicates.first_wins import first_wins
from filters.duplicates.sketch import EXACT_STRUCTURE
from filters.duplicates.sketches import sketch_rows
from filters.duplicates.tonight import first_of_night, keys_of, sketch_night
from filters.row_blocks import Block, RowBlocks
from filters.rows import read_rows
from storage.lake.lake import table_of
from storage.spreading import here, in_processes
from tests.filters.helpers import row, table

ROWS, SIZE = 150, 40


def night_table(seed):
    """Rows of which some are copies with a few words changed, some exact copies, and some nearly all alike."""
    rng = random.Random(seed)
    vocabulary = [f"{a}{b}" for a in "bcdfgkl" for b in ("am", "en", "os", "ut")]
    texts = []
    while len(texts) < ROWS:
        words = rng.choices(vocabulary, k=rng.randrange(40, 90))
        for _ in range(rng.choice((1, 1, 2, 5, 14))):
            texts.append(" ".join(words))
            words[rng.randrange(len(words))] = rng.choice(vocabulary)
    rng.shuffle(texts)
    return table(*(row(f"{n:04}", response=text) for n, text in enumerate(texts[:ROWS])))


def blocks_of(samples, folder, size):
    problems, verdicts = table_of("problems", []), table_of("verdicts", [])
    blocks = []
    for start in range(0, samples.num_rows, size):
        part = samples.slice(start, size)
        paths = [folder / f"{name}-{start}.parquet" for name in ("samples", "problems", "verdicts")]
        for path, content in zip(paths, (part, problems, verdicts), strict=True):
            pq.write_table(content, path)
        blocks.append(Block(part.num_rows, *paths))
    return RowBlocks(blocks, folder)


def outcome(duplicates):
    return duplicates.kept.tolist(), duplicates.similarity.tolist(), duplicates.full


@pytest.mark.parametrize(("seed", "cap"), [(1, 256), (2, 3), (3, 1)])
def test_any_number_of_shares_says_the_same(tmp_path, seed, cap):
    samples = night_table(seed)
    rows, rng = read_rows(samples), np.random.default_rng(seed)
    may, skip = (rng.random(ROWS) < share for share in (0.9, 0.05))
    may, skip = may.astype(np.uint8), skip.astype(np.uint8)
    sketches = sketch_rows(rows, Context(), EXACT_STRUCTURE)
    at_once = first_wins(sketches, keys_of(rows, sketches), may, skip, threshold=0.8, cap=cap)
    assert 20 < (at_once.kept >= 0).sum() < 110 and (at_once.full > 0) == (cap < 10)
    for size in (SIZE, 7):
        (folder := tmp_path / str(size)).mkdir()
        night = sketch_night(blocks_of(samples, folder, size), Context(), EXACT_STRUCTURE)
        assert np.array_equal(np.concatenate([block.keys for block in night]), keys_of(rows, sketches))
        for shares in (1, 2, 7):
            parts = first_of_night(night, may, skip, threshold=0.8, cap=cap, spread=here, shares=shares)
            assert outcome(parts) == outcome(at_once), (size, shares)


def test_what_is_there_is_not_made_again(tmp_path):
    night = blocks_of(night_table(4), tmp_path, SIZE)
    made = []

    def counting(work, arguments):
        made.append((work.__name__, len(arguments)))
        return here(work, arguments)

    def dying(work, arguments):
        yield from here(work, arguments[:2])
        raise KeyboardInterrupt

    everyone = np.ones(ROWS, np.uint8)
    with pytest.raises(KeyboardInterrupt):
        sketch_night(night, Context(spread=dying), EXACT_STRUCTURE)
    sketched = sketch_night(night, Context(spread=counting), EXACT_STRUCTURE)
    first = first_of_night(sketched, everyone, 1 - everyone, threshold=0.8, cap=2, spread=counting, shares=2)
    assert made == [("sketch_block", 2), ("hold_together", 2)]
    for run in sketched.runs:
        (run / "bands.u64").write_bytes(bytes((run / "bands.u64").stat().st_size))
    assert sketch_night(night, Context(spread=counting), EXACT_STRUCTURE).runs == sketched.runs
    assert made[2:] == [("sketch_block", 0)]
    assert len(list(sketched.folder.glob("together-*.npy"))) == 2 and first.full > 0


@pytest.mark.slow
def test_in_processes(tmp_path):
    night = blocks_of(night_table(5), tmp_path, SIZE)
    everyone = np.ones(ROWS, np.uint8)
    sketched = sketch_night(night, Context(spread=in_processes), EXACT_STRUCTURE)
    spread = first_of_night(sketched, everyone, 1 - everyone, threshold=0.8, cap=256, spread=in_processes, shares=3)
    alone = first_of_night(sketched, everyone, 1 - everyone, threshold=0.8, cap=256, spread=here, shares=1)
    assert outcome(spread) == outcome(alone)
