"""Pages about rows: a list chosen by columns, text or condition, and one row with everything that is known of it."""

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from flows.report.json_text import to_json
from flows.report.terminal import visible
from flows.window.pages import page, shelf_of
from flows.window.shelf import Shelf
from storage.browse.figures import row_texts
from storage.browse.rows import FACETS, ORDERS, PAGE, Choice, Page
from storage.errors import LakeError, QueryError
from storage.lake import reviews
from storage.lake.provenance import observed, origin, sample_of, taken_down

_HIDDEN = ("outcome", "reason")
"""Columns that a reviewer of a fair sample does not see."""
_NUMBER = re.compile(r"[0-9]{1,12}")
_LONGEST = 200_000
"""Characters of a filter."""


def rows(request: Request) -> Response:
    """Show a page of rows, beside which one of them is read."""
    shelf = shelf_of(request)
    asked = {name: value for name, value in request.query_params.items() if value and len(value) < _LONGEST}
    draw = asked.get("draw")
    fault, listed = "", Page([], 0, {name: [] for name in FACETS})
    start = int(asked["start"]) if _NUMBER.fullmatch(asked.get("start", "")) else 0
    try:
        listed = shelf.rows.page(_choice(shelf, asked), start)
    except QueryError as error:
        fault = str(error)
    said = shelf.said([row["sample_id"] for row in listed.rows])
    kept = {name: value for name, value in asked.items() if name != "start"}

    def address(**changed: Any) -> str:
        return "/rows?" + urlencode(
            {name: value for name, value in {**kept, **changed}.items() if value not in ("", None, 0)}
        )

    return page(
        request,
        "rows.html.jinja",
        status=400 if fault else 200,
        listed=listed, said=said, asked=asked, fault=fault, start=start, size=PAGE, draw=draw, address=address,
        facets=[name for name in FACETS if not (draw and name in _HIDDEN)], orders=list(ORDERS),
    )  # fmt: skip


def _choice(shelf: Shelf, asked: Mapping[str, str]) -> Choice:
    among: list[str] | None = None
    without: list[str] = []
    if draw := asked.get("draw"):
        among = reviews.dealt(shelf.lake, draw)
    elif asked.get("reviewed") == "yes":
        among = shelf.reviewed()
    elif asked.get("reviewed") == "no":
        without = shelf.reviewed()
    hidden = _HIDDEN if draw else ()
    return Choice(
        {name: "" if asked[name] == "-" else asked[name] for name in FACETS if name in asked and name not in hidden},
        asked.get("q", ""), asked.get("where", ""), among, without, asked.get("order", "newest"),
    )  # fmt: skip


def row(request: Request) -> Response:
    """Show one row: its dialogue, verdicts, neighbours and reviews; with `part`, without the page around it."""
    shelf = shelf_of(request)
    draw = request.query_params.get("draw")
    identity = request.path_params["id"]
    night = shelf.rows.night_of(identity)
    with shelf.lake.one_state():
        try:
            provenance = observed(shelf.lake, identity, night)
        except LakeError:
            if takedown := taken_down(shelf.lake, identity):
                return page(request, "gone.html.jinja", takedown=takedown)
            raise
    identity = provenance["sample"]["sample_id"]
    for verdict in provenance["verdicts"]:
        verdict["detail"] = to_json(verdict["detail"]) if verdict["detail"] else ""
    said = shelf.said([identity]).get(identity)
    blind = draw is not None and said is None
    template = "row.html.jinja" if "part" in request.query_params else "row_page.html.jinja"
    return page(
        request, template, row=provenance["sample"], provenance=provenance, said=said, blind=blind,
        reviews=[] if blind else shelf.reviews_of(identity), draw=draw,
    )  # fmt: skip


def lineage(request: Request) -> Response:
    """Show what a row was made of and who read it, as a part of its page."""
    shelf, identity = shelf_of(request), request.path_params["id"]
    night = shelf.rows.night_of(identity)
    with shelf.lake.one_state():
        sample = sample_of(shelf.lake, identity, night)
        return page(request, "lineage.html.jinja", row=sample, **origin(shelf.lake, sample))


def whole(request: Request) -> Response:
    """Give every text of a row whole, as plain text in which nothing steers or hides."""
    texts = row_texts(shelf_of(request).lake, request.path_params["id"])
    if not texts:
        raise LakeError(f"no row {request.path_params['id']!r}")
    text = "\n\n".join(f"== {name} ==\n{visible(text)}" for name, text in texts)
    return PlainTextResponse(text.encode("utf-8", "replace"))
