"""The views of the lake that people query, each with a comment; a group by what they are asked for is a file."""

from storage.views import judgement, models, nights

RENAMED_FILTERS = judgement.RENAMED_FILTERS
_GROUPS = (judgement, nights, models)
VIEWS: dict[str, tuple[str, str]] = {name: view for group in _GROUPS for name, view in group.VIEWS.items()}
"""Comment and query by view, each after those that it reads."""
COLUMN_COMMENTS: dict[str, dict[str, str]] = {
    name: columns for group in _GROUPS for name, columns in group.COLUMN_COMMENTS.items()
}
"""What a view's columns mean where no table has a column of that name, or another one."""
