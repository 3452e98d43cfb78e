"""Rows that somebody names by a condition: of takedowns, and of what judges history again."""

from storage.errors import QueryError
from storage.sql.inspection import inspect_condition
from storage.sql.run import run_sql
from storage.workspace import Workspace


def sample_ids_where(workspace: Workspace, condition: str) -> list[str]:
    """Run a condition where anybody's SQL runs, and return the rows that it selects.

    Args:
        workspace: Whose lake.
        condition: Over the columns of `samples` and of the problem (`prompt`, `gold`, `license`, `structure_id`).

    Raises:
        QueryError: It is more than a condition, or fails.
    """
    try:
        inspect_condition(condition, "samples")
    except QueryError as error:
        raise QueryError(f"--where: {error}") from None
    statement = (
        "select sample_id from (select s.*, p.prompt, p.gold, p.license, p.structure_id from samples s "
        f"left join problems p using (problem_id)) s where ({condition}\n)"
    )
    return [str(sample_id) for sample_id in run_sql(workspace, statement)["sample_id"].to_pylist()]
