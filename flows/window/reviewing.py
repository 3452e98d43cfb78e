"""Reviews by hand: the page with fair samples and agreement, and what takes a review."""

import json
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from flows.report.agreement import people_agree
from flows.window.guard import MOST_BYTES
from flows.window.pages import page, shelf_of
from storage.errors import LakeError, NightschoolError
from storage.lake import reviews

_MOST = 500
"""Reviews in one request."""


def review(request: Request) -> Response:
    """Show the fair samples with how far they are reviewed, and how far people agree with policy and filters."""
    shelf = shelf_of(request)
    methods = sorted({row["method"] for row in shelf.rows.cube()})
    return page(
        request, "review.html.jinja", draws=reviews.draws(shelf.lake), agreement=people_agree(shelf.lake),
        methods=methods, mine=len(shelf.said()), reviewed=len(shelf.reviewed()),
    )  # fmt: skip


async def take(request: Request) -> Response:
    """Take reviews: `{"reviews": [{"review_id", "sample_id", "verdict", "note", "draw_id"}]}`; they are durable when it answers."""
    body = await request.body()
    if len(body) > MOST_BYTES:
        return JSONResponse({"error": "too much at once"}, status_code=413)
    shelf = shelf_of(request)
    try:
        to_record = _read(body, shelf.reviewer)
        count = await run_in_threadpool(shelf.record, to_record)
    except LakeError as error:
        return JSONResponse({"error": str(error)}, status_code=400)
    except NightschoolError as error:
        return JSONResponse({"error": str(error)}, status_code=503)
    return JSONResponse({"recorded": count})


def _read(body: bytes, reviewer: str) -> list[reviews.Review]:
    """Read reviews; the reviewer is whoever started the window, whatever the request says.

    Raises:
        LakeError: It is something else.
    """
    try:
        listed = json.loads(body)["reviews"]
        read = [_one(item, reviewer) for item in listed]
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise LakeError(f"no reviews: {error}") from None
    if not 0 < len(read) <= _MOST:
        raise LakeError(f"between 1 and {_MOST} reviews at once")
    return read


def _one(item: dict[str, Any], reviewer: str) -> reviews.Review:
    texts = {name: item.get(name) for name in ("review_id", "sample_id", "verdict", "note", "draw_id")}
    if wrong := [name for name, value in texts.items() if not isinstance(value, str | None)]:
        raise TypeError(f"{wrong[0]} is no text")
    for value in texts.values():
        (value or "").encode()  # half a surrogate pair is a ValueError
    return reviews.Review(
        texts["review_id"] or "", texts["sample_id"] or "", reviewer, texts["verdict"], texts["note"], texts["draw_id"]
    )  # fmt: skip
