"""The window's application: its addresses, behind the guard."""

from typing import TYPE_CHECKING

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from flows.report.page import style
from flows.window import models, nights, releases, reviewing, rows
from flows.window.guard import Guard, second_token
from flows.window.pages import HERE, page
from flows.window.shelf import Shelf
from storage.errors import NightschoolError

if TYPE_CHECKING:
    from starlette.types import ASGIApp


def create_app(shelf: Shelf, token: str, port: int) -> "ASGIApp":
    """Make the application.

    Args:
        shelf: What it shows.
        token: Token of the first address.
        port: Where it will listen.
    """
    app = Starlette(
        routes=[
            Route("/", nights.nights),
            Route("/live", nights.live),
            Route("/night/{date}/{recipe}", nights.night),
            Route("/reports/{name}", nights.report),
            Route("/rows", rows.rows),
            Route("/row/{id}", rows.row),
            Route("/row/{id}/lineage", rows.lineage),
            Route("/row/{id}/whole", rows.whole),
            Route("/releases", releases.releases),
            Route("/releases/diff", releases.diff),
            Route("/models", models.models),
            Route("/models/compare", models.compare),
            Route("/model/{id}", models.model),
            Route("/review", reviewing.review),
            Route("/reviews", reviewing.take, methods=["POST"]),
            Route("/style.css", _style),
            Mount("/static", StaticFiles(directory=HERE / "static")),
        ],
        exception_handlers={NightschoolError: _sentence, 404: _nowhere},
    )
    app.state.shelf, app.state.second_token = shelf, second_token(token)
    return Guard(app, token, port)


def _style(_: Request) -> Response:
    return Response(style(), media_type="text/css")


def _sentence(request: Request, error: Exception) -> Response:
    return page(request, "fault.html.jinja", status=404, fault=str(error))


def _nowhere(request: Request, _: Exception) -> Response:
    return page(request, "fault.html.jinja", status=404, fault=f"There is no page {request.url.path}.")
