"""What every page of the window has: the shelf it reads, and how it is rendered. Templates escape every text."""

from pathlib import Path
from typing import Any

from starlette.requests import Request
from starlette.responses import HTMLResponse

from flows.report.page import environment
from flows.window.shelf import Shelf

HERE = Path(__file__).parent
PLACES = (("/", "Nights"), ("/rows", "Rows"), ("/review", "Review"), ("/releases", "Releases"), ("/models", "Models"))
"""What stands at the head of each page."""


def shelf_of(request: Request) -> Shelf:
    """Return what the application holds open."""
    shelf: Shelf = request.app.state.shelf
    return shelf


def page(request: Request, template: str, status: int = 200, **values: Any) -> HTMLResponse:
    """Render a page, or a part of one.

    Args:
        request: What was asked.
        template: Name of the template.
        status: Status of the answer.
        **values: What the template shows.
    """
    shelf = shelf_of(request)
    common = {
        "reviewer": shelf.reviewer, "second_token": request.app.state.second_token, "places": PLACES,
        "workspace": shelf.workspace.root.name, "here": request.url.path,
    }  # fmt: skip
    text = environment(HERE / "templates").get_template(template).render(**common, **values)
    return HTMLResponse(text.encode("utf-8", "replace"), status_code=status)
