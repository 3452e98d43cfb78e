"""Whether the attempt that a row speaks about says anything: at least one step and an answer.

Methods that teach from an attempt (tutorship, critique) note the attempt and whether it is readable. There is no lesson in noise.
"""

from filters.base import PASS, Context, Finding, Options, fail, row_filter
from filters.rows import Row


@row_filter("attempt", version="1")
def attempt(row: Row, context: Context, options: Options) -> Finding:
    """The attempt that the row speaks about has a step and an answer; rows about no attempt pass."""
    attempt = row.notes.attempt
    return fail("unreadable_attempt") if attempt is not None and not attempt.readable else PASS
