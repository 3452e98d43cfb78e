from itertools import count, islice

import pytest

from storage.errors import ProblemError
from synth.problems.base import Problem
from synth.problems.drawing import ReadProblem, equal_shares, in_order, unseen


def problem(name):
    return Problem("math_word", "s", str(name), "", str(name))


def test_a_stream_that_has_ended_leaves_its_share_to_the_others():
    streams = [iter(map(problem, "ab")), iter(map(problem, range(9)))]
    assert [one.prompt for one in equal_shares(streams, 7)] == ["a", "0", "b", "1", "2", "3", "4"]
    assert equal_shares([iter([])], 3) == []


def test_a_stream_ends_after_so_many_draws_in_a_row_that_are_nothing_new():
    made = (problem(number % 3) if number % 2 else None for number in count())
    assert [one.prompt for one in unseen(made, {problem(2).structure_id}, 9)] == ["1", "0"]
    assert len(list(islice(unseen(map(problem, count()), set(), 1), 5))) == 5


def test_rows_in_order_each_once_and_why_others_are_left_out():
    read = [ReadProblem(n, problem(name), "length" if name == "x" else None) for n, name in enumerate("axabc", 1)]
    dropped = []
    drawn = in_order(read, 2, frozenset({problem("b").structure_id}), dropped, "nothing")
    assert [one.prompt for one in drawn] == ["a", "c"]
    assert [(row.line, row.reason, row.kept) for row in dropped] == [(2, "length", 0), (3, "duplicate", 1)]
    with pytest.raises(ProblemError, match="nothing"):
        in_order([], 2, frozenset(), dropped, "nothing")
