"""What the Prefect page of a run shows: a progress bar while attempts run, then the night in words, its funnel, a chart.

Artifacts are a copy for people. The lake is the truth, so one that cannot be made is said aloud and changes nothing.
"""

import base64
import contextvars
import re
import threading
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from flows.report import charts
from flows.report.page import lede
from flows.report.progress import Progress, Stage
from flows.report.text import plain

_EVERY_S = 5.0


def publish_night(report: Mapping[str, Any], page: Path, progress: Progress) -> None:
    """Put a night's figures on the page of the Prefect run that is at work; outside a run nothing happens.

    Args:
        report: What `flows.report.gather` says of the night.
        page: Its morning report.
        progress: Where a failure is said.
    """
    from prefect.artifacts import (
        create_image_artifact,
        create_link_artifact,
        create_markdown_artifact,
        create_table_artifact,
    )

    name = re.sub(r"[^a-z0-9]+", "-", report["night"])
    window = report["window"]
    _said(
        progress,
        lambda: create_markdown_artifact(  # type: ignore[call-arg, unused-ignore]
            markdown=_summary(report, page), key=f"night-{name}", description="The night", _sync=True
        ),
        lambda: create_table_artifact(  # type: ignore[call-arg, unused-ignore]
            table=_funnel(report), key=f"funnel-{name}", description="Attempts and rows by method", _sync=True
        ),
        lambda: create_image_artifact(  # type: ignore[call-arg, unused-ignore]
            image_url=_chart(report), key=f"nights-{name}", description="Accepted rows, the last nights", _sync=True
        ),
        lambda: create_link_artifact(  # type: ignore[call-arg, unused-ignore]
            link=f"{window}/reports/{page.name}", link_text=f"Morning report of {report['night']}", key=f"report-{name}",
            description="The whole report, in the window (nightschool ui)", _sync=True,
        ),
        lambda: create_link_artifact(  # type: ignore[call-arg, unused-ignore]
            link=f"{window}/night/{report['night']}", link_text=f"Rows of {report['night']}", key=f"rows-{name}",
            description="Funnel, reasons and rows, in the window (nightschool ui)", _sync=True,
        ),
    )  # fmt: skip


@contextmanager
def progress_artifact(stage: Stage, progress: Progress) -> Iterator[None]:
    """Show a stage's progress on the page of the run, renewed every few seconds by a thread of its own."""
    from prefect.artifacts import create_progress_artifact, update_progress_artifact

    artifact_ids: list[Any] = []
    key = f"progress-{re.sub(r'[^a-z0-9]+', '-', stage.name.lower())}"
    _said(
        progress,
        lambda: artifact_ids.append(create_progress_artifact(0.0, key=key, description=stage.name, _sync=True)),  # type: ignore[call-arg, unused-ignore]
    )
    if not artifact_ids:
        yield
        return
    ended = threading.Event()

    def renew() -> None:
        share = 100.0 * stage.done / (stage.total or 1)
        text = f"{stage.name}: {stage.done:,} of {stage.total or 0:,}"
        _said(progress, lambda: update_progress_artifact(artifact_ids[0], share, description=text, _sync=True))  # type: ignore[call-arg, unused-ignore]

    def follow() -> None:
        while not ended.wait(_EVERY_S):
            renew()

    thread = threading.Thread(target=contextvars.copy_context().run, args=(follow,), daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()
        renew()


def _said(progress: Progress, *makers: Callable[[], Any]) -> None:
    from prefect.context import FlowRunContext

    if FlowRunContext.get() is None:
        return
    with ThreadPoolExecutor(len(makers)) as pool:  # each is a request to the server
        made = [pool.submit(contextvars.copy_context().run, make) for make in makers]
    errors = [error for future in made if (error := future.exception()) is not None]
    if errors:  # a page that is not there must not stop a night
        progress.say(f"no Prefect artifact ({type(errors[0]).__name__}: {errors[0]})")


def _funnel(report: Mapping[str, Any]) -> list[dict[str, Any]]:
    names = ("method", "planned", "done", "failed", "made", "accepted", "rejected")
    return [{name: row[name] for name in names} for row in report["funnel"]]


def _summary(report: Mapping[str, Any], page: Path) -> str:
    lines = [f"# {report['date']} {report['recipe']}", "", _safe(lede(report)), ""]
    if report["attention"]:
        lines += ["## What needs a person", ""]
        for item in report["attention"]:
            command = f" `{item['command']}`" if item["command"] else ""
            lines.append(f"- **{item['level']}: {_safe(item['title'])}.** {_safe(item['text'])}{command}")
        lines.append("")
    window = report["window"]
    lines.append(
        f"[Morning report]({window}/reports/{page.name}), [funnel and rows]({window}/night/{report['night']}) in the window "
        f"(`nightschool ui`), or `nightschool report {report['night']}`"
    )
    if report["release"]:
        lines.append(f"\nRelease: `{report['release']['release_id']}`, {report['release']['rows']:,} rows")
    return "\n".join(lines)


def _safe(text: str) -> str:
    """Text inside Markdown stays text."""
    return re.sub(r"([\\`*_\[\]<>|#])", r"\\\1", plain(text, 600))


def _chart(report: Mapping[str, Any]) -> str:
    bars = [(entry["night"].partition("/")[0], entry["accepted"]) for entry in report["history"]]
    drawn = charts.standalone(charts.bar_chart(bars, label="Accepted rows, the last nights"))
    return f"data:image/svg+xml;base64,{base64.b64encode(drawn.encode()).decode()}"
