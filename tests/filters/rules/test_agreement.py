import pytest

from filters import get_filter
from filters.base import Context
from tests.filters.helpers import row, table


def verdict(share, **options):
    notes = None if share is None else {"agreement": share}
    bound = get_filter("agreement", options)
    [judged] = bound(table(row("a", notes=notes)), Context()).to_pylist()
    return judged["outcome"], judged["reason"]


@pytest.mark.parametrize(
    ("share", "least", "passes"), [(0.5, 0, True), (0.5, 0.5, True), (0.25, 0.5, False), (None, 1, True)]
)
def test_rows_pass_whose_question_has_enough_answers_like_theirs(share, least, passes):
    assert verdict(share, least=least) == (("pass", None) if passes else ("fail", "answers_disagree"))
