import os

from storage.processes import started


def test_a_process_is_known_by_its_start():
    assert started(os.getpid()) == started(os.getpid()) != started(1)
    assert started(2**22 + 1) is None
