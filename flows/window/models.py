"""Pages about models: each with its exams, two of them with the items gained and lost and both answers."""

from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from flows.report import charts
from flows.window.pages import page, shelf_of
from storage.browse import figures
from storage.lake.lineage import checkpoint_lineage
from storage.models.curves import read_curves
from storage.models.registry import describe, list_checkpoints, resolve
from train_stages.promotion.statistics import mcnemar, wilson

_ANSWERS = 60
"""Items gained, and items lost, on one page."""


def models(request: Request) -> Response:
    """Show every model, newest first, with its last exam."""
    shelf = shelf_of(request)
    exams = figures.exams(shelf.lake)
    listed = [{**row, "exam": _total(exams.get(row["checkpoint_id"], []))} for row in list_checkpoints(shelf.lake)]
    return page(request, "models.html.jinja", models=listed)


def model(request: Request) -> Response:
    """Show one model: what it was trained on, its curves, its exams, the decisions about it, whom to compare it with."""
    shelf = shelf_of(request)
    identity = resolve(shelf.lake, request.path_params["id"])
    known = describe(shelf.lake, identity)
    exam = figures.exams(shelf.lake).get(identity, [])
    rivals = [
        row["incumbent"] for row in reversed(known["decisions"]) if row["candidate"] == identity and row["incumbent"]
    ]
    return page(
        request, "model.html.jinja", model=known, lineage=checkpoint_lineage(shelf.lake, identity),
        exam=[{**row, "share": wilson(row["correct"], row["items"])} for row in exam],
        rivals=list(dict.fromkeys([*rivals, *known["ancestors"]]))[:6], curves=_curves(shelf.lake, identity),
    )  # fmt: skip


def compare(request: Request) -> Response:
    """Show two models on the same items: what the second gained and lost, with both answers."""
    shelf = shelf_of(request)
    before, after = (resolve(shelf.lake, request.query_params.get(name, "")) for name in ("before", "after"))
    found = figures.compared(shelf.lake, before, after)
    test = None
    if found is not None:
        wins = (len(found["gained"]), len(found["lost"]))
        test = mcnemar(
            [True] * found["both"] + [False] * wins[0] + [True] * wins[1] + [False] * found["neither"],
            [True] * found["both"] + [True] * wins[0] + [False] * wins[1] + [False] * found["neither"],
        )
    return page(request, "compare.html.jinja", before=before, after=after, found=found, test=test, most=_ANSWERS)


def _total(exam: list[dict[str, Any]]) -> dict[str, Any] | None:
    items = sum(row["items"] for row in exam)
    return {"items": items, "share": wilson(sum(row["correct"] for row in exam), items)} if items else None


def _curves(lake: Any, identity: str) -> list[dict[str, Any]]:
    drawn = []
    for metric, points in read_curves(lake, identity).items():
        if metric in ("loss", "reward") and points:
            label = f"{metric} over {points[-1][0]:.0f} steps"
            drawn.append({"title": metric, "svg": charts.line_chart(points, label=label, x_label="step")})
    return drawn
