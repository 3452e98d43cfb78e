"""Pages about nights: all of them, one of them, its report, and what runs now."""

from typing import Any

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from flows.report import gather, render, report_path
from flows.report.index import NAME as INDEX
from flows.service.runs import records
from flows.window.guard import REPORT_POLICY
from flows.window.pages import page, shelf_of
from flows.window.shelf import Shelf
from storage.browse import figures
from storage.errors import LakeError
from storage.ledger.pace import pace

_NOTHING = {"made": 0, "accepted": 0, "rejected": 0, "undecided": 0, "failed": 0, "planned": 0, "done": 0}


def nights(request: Request) -> Response:
    """Show every night, newest first: what it made, its release, what became of its model; and what runs now."""
    shelf = shelf_of(request)
    made = _totals(shelf)
    listed = [{**night, **made.get(night["night"], _NOTHING)} for night in figures.nights(shelf.lake)]
    return page(request, "nights.html.jinja", nights=listed, running=running(shelf))


def live(request: Request) -> Response:
    """Show what runs now, as a part of the page of nights."""
    return page(request, "live.html.jinja", running=running(shelf_of(request)))


def night(request: Request) -> Response:
    """Show one night: its funnel by method and reason, with the night before and after it."""
    shelf = shelf_of(request)
    identity = f"{request.path_params['date']}/{request.path_params['recipe']}"
    listed = figures.nights(shelf.lake)
    this = next((row for row in listed if row["night"] == identity), None)
    if this is None:
        raise LakeError(f"no night {identity!r}")
    same = [row["night"] for row in listed if row["night"].partition("/")[2] == request.path_params["recipe"]]
    at = same.index(identity)
    return page(
        request,
        "night.html.jinja",
        night={**this, **_totals(shelf).get(identity, _NOTHING)},
        methods=_methods(shelf, identity),
        newer=same[at - 1] if at else None,
        older=same[at + 1] if at + 1 < len(same) else None,
        report=report_path(shelf.workspace, identity).name,
    )


def report(request: Request) -> Response:
    """Show a morning report: the file that the night kept, or, where there is none, what it would be now."""
    shelf = shelf_of(request)
    name = request.path_params["name"]
    if name == INDEX:
        return RedirectResponse("/")
    nights_by_file = {
        report_path(shelf.workspace, row["night"]).name: row["night"] for row in figures.nights(shelf.lake)
    }
    if name not in nights_by_file:
        raise LakeError(f"no report {name!r}; the page of a night leads to its report")
    kept = report_path(shelf.workspace, nights_by_file[name])
    text = kept.read_bytes() if kept.is_file() else render(gather(shelf.lake, nights_by_file[name])).encode()
    return Response(text, media_type="text/html", headers={"content-security-policy": REPORT_POLICY})


def running(shelf: Shelf) -> list[dict[str, Any]]:
    """Return the runs whose process lives, with how far their nights are by the ledger and by the lake."""
    living = [record for record in records(shelf.workspace) if not record.dead]
    open_nights = [row["night"] for row in figures.nights(shelf.lake) if row["event"] == "pinned"] if living else []
    lines = []
    for record in living:
        flow, _, date = record.what.partition(" ")
        at_work = next((name for name in open_nights if name.partition("/")[0] == date), None)
        attempts = figures.attempts_of(shelf.lake, at_work) if at_work and flow == "nightly" else None
        calls = pace(shelf.workspace.ledger, at_work) if at_work else None
        lines.append({"flow": flow, "date": date, "night": at_work, "attempts": attempts, "calls": calls})
    return lines


def _totals(shelf: Shelf) -> dict[str, dict[str, Any]]:
    totals: dict[str, dict[str, Any]] = {}
    for row in shelf.rows.cube():
        night_ = totals.setdefault(row["night"], dict(_NOTHING))
        night_["made"] += row["n"]
        night_[row["outcome"]] += row["n"]
    for row in shelf.rows.attempts():
        totals.setdefault(row["night"], dict(_NOTHING))[row["status"]] += row["n"]
    return totals


def _methods(shelf: Shelf, identity: str) -> list[dict[str, Any]]:
    """What each method of a night made, with the reasons of what was rejected and of what failed."""
    methods: dict[str, dict[str, Any]] = {}

    def method(name: str) -> dict[str, Any]:
        return methods.setdefault(name, {"method": name, **_NOTHING, "reasons": [], "failures": []})

    for row in shelf.rows.cube():
        if row["night"] == identity:
            method(row["method"])["made"] += row["n"]
            method(row["method"])[row["outcome"]] += row["n"]
            if row["outcome"] == "rejected":
                method(row["method"])["reasons"].append({"reason": row["reason"], "rows": row["n"]})
    for row in shelf.rows.attempts():
        if row["night"] == identity:
            method(row["method"])[row["status"]] += row["n"]
            if row["status"] == "failed":
                method(row["method"])["failures"].append({"reason": row["reason"], "rows": row["n"]})
    for item in methods.values():
        rejected = [("rejected", reason["rows"]) for reason in item["reasons"]]
        item["pieces"] = [("accepted", item["accepted"]), *rejected, ("failed", item["failed"] + item["undecided"])]
    return sorted(methods.values(), key=lambda item: (-item["planned"], item["method"]))
