"""Pages about releases: all of them, and what came in and went out between two."""

from starlette.requests import Request
from starlette.responses import Response

from flows.window.pages import page, shelf_of
from storage.browse import figures
from storage.browse.rows import Choice
from storage.catalog.duck import quote
from storage.errors import LakeError
from storage.releases.checks import diff_releases
from storage.releases.reading import get_release

_EXAMPLES = 12
"""Rows that came in, and that went out, on the page of a difference."""


def releases(request: Request) -> Response:
    """Show every release, newest first."""
    return page(request, "releases.html.jinja", releases=figures.releases(shelf_of(request).lake))


def diff(request: Request) -> Response:
    """Show what changed from one release to another: rows in and out by method, lengths, drift, and some of the rows."""
    shelf = shelf_of(request)
    old, new = (get_release(shelf.lake, request.query_params.get(name, "")).id for name in ("old", "new"))
    if old == new:
        raise LakeError("name two releases")
    change = figures.release_change(shelf.lake, old, new, most=_EXAMPLES)
    rows = {
        name: shelf.rows.page(Choice(among=ids), size=len(ids) or 1).rows if ids else []
        for name, ids in change["moved"].items()
    }
    return page(
        request, "diff.html.jinja", changes=diff_releases(shelf.lake, old, new), change=change, rows=rows,
        releases=[row["release_id"] for row in figures.releases(shelf.lake)],
        conditions={"in": _only_in(new, old), "out": _only_in(old, new)},
    )  # fmt: skip


def _only_in(release: str, other: str) -> str:
    """The condition, as people write them on the page of rows, of what one release holds and the other does not."""
    held, left = (
        f"(select sample_id from release_rows where release_id = '{quote(name)}')" for name in (release, other)
    )
    return f"sample_id in {held} and sample_id not in {left}"
