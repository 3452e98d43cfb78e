"""The first of several near duplicates wins: buckets of kept rows, candidates confirmed by their exact similarity."""

import numpy as np

from filters.compiled.jit import jit


@jit
def _fill(hashes, start, end, table, stamps, stamp):
    """Put a set of hashes into a table, marked by `stamp`."""
    mask = len(table) - 1
    for at in range(start, end):
        slot = hashes[at] & mask
        while stamps[slot] == stamp:
            slot = (slot + 1) & mask
        stamps[slot] = stamp
        table[slot] = hashes[at]


@jit
def _shared(hashes, start, end, table, stamps, stamp):
    """Count hashes that are in the table."""
    mask, count = len(table) - 1, 0
    for at in range(start, end):
        slot = hashes[at] & mask
        while stamps[slot] == stamp:
            if table[slot] == hashes[at]:
                count += 1
                break
            slot = (slot + 1) & mask
    return count


@jit
def first_wins(keys, whole, hashes, offsets, may, skip, threshold, least_equal, cap, kept, similarities):
    """Say for each row, in order, which kept row before it it resembles most.

    Args:
        keys: Band keys, one row each.
        whole: Signatures of whole rows.
        hashes: Distinct shingle hashes of all parts, two parts per row; `offsets` says where each part begins.
        may: 1 for a row that may be kept; `skip` 1 for one that is not looked at.
        threshold: Similarity of both parts from which on a row is a duplicate.
        least_equal: Equal slots below which a candidate is not worth confirming.
        cap: Most rows of one bucket; a full one takes no more.
        kept: Gets the row that is resembled, -1 for none; `similarities` gets how alike they are.

    Returns:
        How many times a bucket was full when one more row came.
    """
    count, bands = keys.shape
    size = 16
    while size < count * bands:
        size *= 2
    heads = np.full(size, -1, np.int32)
    room = count * bands  # untouched pages cost nothing
    entry_key, entry_row, entry_next = np.empty(room, np.uint64), np.empty(room, np.int32), np.empty(room, np.int32)
    entries = full = 0
    longest = 1
    for part in range(len(offsets) - 1):
        longest = max(longest, offsets[part + 1] - offsets[part])
    places = 4
    while places < 2 * longest:
        places *= 2
    table = np.empty((2, places), np.uint32)
    stamps = np.zeros((2, places), np.int32)
    seen = np.full(count, -1, np.int32)
    held, first = np.empty(bands, np.int64), np.empty(bands, np.int32)
    mask = np.uint64(size - 1)
    for row in range(count):
        kept[row] = -1
        similarities[row] = 0.0
        if skip[row]:
            continue
        given, learned, end = offsets[2 * row], offsets[2 * row + 1], offsets[2 * row + 2]
        filled = False
        for band in range(bands):  # all at once, as each is far away in memory
            first[band] = heads[keys[row, band] & mask]
        for band in range(bands):
            held[band] = 0
            entry = first[band]
            while entry >= 0:
                if entry_key[entry] == keys[row, band]:
                    held[band] += 1
                    other = entry_row[entry]
                    if seen[other] != row:
                        seen[other] = row
                        equal = 0
                        for slot in range(whole.shape[1]):
                            equal += whole[row, slot] == whole[other, slot]
                        if equal >= least_equal:
                            if not filled:
                                filled = True
                                _fill(hashes, given, learned, table[0], stamps[0], row + 1)
                                _fill(hashes, learned, end, table[1], stamps[1], row + 1)
                            from_, middle, to = offsets[2 * other], offsets[2 * other + 1], offsets[2 * other + 2]
                            same = _shared(hashes, middle, to, table[1], stamps[1], row + 1)
                            either = (end - learned) + (to - middle) - same
                            alike = same / either if either else 1.0
                            if alike >= threshold:
                                same = _shared(hashes, from_, middle, table[0], stamps[0], row + 1)
                                either = (learned - given) + (middle - from_) - same
                                alike = min(alike, same / either if either else 1.0)
                            if alike > similarities[row] or (alike == similarities[row] and other < kept[row]):
                                similarities[row] = alike
                                kept[row] = other
                entry = entry_next[entry]
        if kept[row] >= 0 and similarities[row] >= threshold:
            continue
        kept[row] = -1
        if not may[row]:
            continue
        for band in range(bands):
            if held[band] >= cap:
                full += 1
                continue
            slot = keys[row, band] & mask
            entry_key[entries], entry_row[entries] = keys[row, band], row
            entry_next[entries] = heads[slot]
            heads[slot] = entries
            entries += 1
    return full
