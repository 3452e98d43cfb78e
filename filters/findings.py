"""What a night filter found, in as little memory as the night allows: of a large night a finding is made when it is asked for."""

from collections.abc import Callable, Mapping, Sequence

from filters.base import PASS, Finding
from filters.night_ids import ByNumber, NightIds


def by_number(ids: Sequence[str], of: Callable[[int], Finding]) -> Mapping[str, Finding]:
    """Return the findings of rows, given from their number to the finding.

    Args:
        ids: Ids of the rows, from `filters.row_blocks.ids_of`.
        of: For a large night it is called later, and again.
    """
    if isinstance(ids, NightIds):
        return ByNumber(ids, of)
    return {sample_id: of(number) for number, sample_id in enumerate(ids)}


def pass_but(ids: Sequence[str], others: Mapping[str, Finding]) -> Mapping[str, Finding]:
    """Return findings that all rows pass, but for some; these are ids of rows.

    Args:
        ids: Ids of the rows, from `filters.row_blocks.ids_of`.
        others: What was found of the others.
    """
    if not isinstance(ids, NightIds):
        return {**dict.fromkeys(ids, PASS), **others}
    numbered = {ids.index(sample_id): finding for sample_id, finding in others.items()}
    return ByNumber(ids, lambda number: numbered.get(number, PASS))
