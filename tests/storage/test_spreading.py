"""Work that is made ahead of its use, in a thread."""

import threading
from itertools import islice

import pytest

from storage.spreading import ahead


def test_items_come_in_their_order_and_the_next_one_is_made_meanwhile():
    made = threading.Event()

    def items():
        yield 1
        made.set()
        yield 2

    given = ahead(items())
    assert next(given) == 1 and made.wait(10) and list(given) == [2]
    assert list(ahead([])) == [] and list(ahead("abc")) == ["a", "b", "c"]


def test_what_goes_wrong_is_raised_where_the_item_would_be():
    def items():
        yield 1
        raise OSError("the disk is full")

    given = ahead(items())
    assert next(given) == 1
    with pytest.raises(OSError, match="the disk is full"):
        next(given)


def test_who_takes_no_more_leaves_no_thread_and_closes_what_was_given():
    closed = []

    def items():
        try:
            yield from range(10)
        finally:
            closed.append(True)

    given = ahead(items())
    assert list(islice(given, 3)) == [0, 1, 2] and threads() and not closed
    given.close()
    assert closed and not threads()


def threads() -> list[str]:
    return [thread.name for thread in threading.enumerate() if thread.name.startswith("ahead")]
