"""Keeps the report of a night as a file of the workspace."""

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from flows.report.gather import gather
from flows.report.index import write_index
from flows.report.page import render
from flows.report.progress import Progress
from storage.atomic import write_text
from storage.browse.figures import nights
from storage.errors import LakeError, NightschoolError
from storage.faults import explain
from storage.lake.lake import Lake
from storage.workspace import Workspace

_NIGHT = re.compile(r"\d{4}-\d{2}-\d{2}/[a-z0-9][a-z0-9_-]*")


def report_path(workspace: Workspace, night: str) -> Path:
    """Return where the report of a night is kept: `reports/2026-11-23-nightly.html`.

    Raises:
        LakeError: It is no night's id.
    """
    if not _NIGHT.fullmatch(night):
        raise LakeError(f"night {night!r}: an id is a date and a recipe, 2026-11-23/nightly")
    return workspace.root / "reports" / f"{night.replace('/', '-')}.html"


def write_report(lake: Lake, night: str, out: Path | None = None) -> Path:
    """Write the report of a night, all or nothing, and return its file.

    Args:
        lake: The lake, open for reading.
        night: The night, `date/recipe`.
        out: Where to; None takes the workspace's `reports/`.

    Raises:
        LakeError: A query failed, or the file cannot be written.
    """
    if out is not None:
        return _write(render(gather(lake, night)), out)
    return _write_beside(lake, gather(lake, night))


def _write_beside(lake: Lake, report: Mapping[str, Any]) -> Path:
    """Write a report among those of the workspace, and their list anew."""
    path = report_path(lake.workspace, report["night"])
    _write(render(report, path.parent), path)
    listed = [{**row, "file": report_path(lake.workspace, row["night"]).name} for row in nights(lake)]
    try:
        write_index(path.parent, listed)
    except OSError as error:
        raise LakeError(
            f"the list of reports cannot be written to {path.parent}: {explain(error, lake.workspace.root)}"
        ) from error
    return path


def _write(page: str, path: Path) -> Path:
    if path.is_dir():
        raise LakeError(f"the report cannot be written to {path}: it is a folder; name a file")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_text(path, page)
    except OSError as error:
        raise LakeError(f"the report cannot be written to {path}: {explain(error, path.parent)}") from error
    return path


@contextmanager
def reported(lake: Lake, night: str, progress: Progress) -> Iterator[None]:
    """Write the night's report when the body ends, also when it ends in an error that a person has to look at."""
    try:
        yield
    except NightschoolError:
        keep_report(lake, night, progress)
        raise
    keep_report(lake, night, progress)


def keep_report(lake: Lake, night: str, progress: Progress) -> None:
    """Write the report at the end of a night or a training. What happened is recorded by then: a report that fails is
    said aloud and costs nothing, since `nightschool report` writes it again.
    """
    from flows.report.artifacts import publish_night

    try:
        report = gather(lake, night)
        path = _write_beside(lake, report)
    except Exception as error:  # whatever it is, it must not undo a night that is recorded
        progress.say(f"no report ({type(error).__name__}: {error}); write it with `nightschool report {night}`")
        return
    publish_night(report, path, progress)
    progress.say(f"report: {path}")
