"""Renders a report: one HTML file with its style and charts inside, no script, no address that a browser would fetch."""

import re
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from flows.report import charts, numbers
from flows.report.folding import folded
from flows.report.text import plain, shown
from storage.messages import said_in

_TEMPLATES = Path(__file__).parent / "templates"


def render(report: Mapping[str, Any], beside: Path | None = None) -> str:
    """Return the page of a report (`gather`).

    Args:
        report: What it says.
        beside: Folder of the workspace's reports, where the page is to stand among them: it links to the one before and to
            their list.
    """
    before = f"{report['since']['night'].replace('/', '-')}.html" if report["since"] else ""
    page = environment().get_template("page.html.jinja")
    pictures = {
        "night_charts": _night_charts(report["history"]),
        "curves": _curves((report["training"] or {}).get("curves") or []),
        "accuracy": _accuracy((report["training"] or {}).get("promotion")),
        "listed": beside is not None,
        "before": before if beside is not None and before and (beside / before).is_file() else None,
    }
    return page.render(report=report, lede=lede(report), style=Markup(style()), **pictures)  # noqa: S704 - our own file


def style() -> str:
    """Return the style that report and window share."""
    return (_TEMPLATES / "style.css").read_text(encoding="utf-8")


@cache
def environment(*folders: Path) -> Environment:
    """Make what renders pages: strict, with every text escaped, and with the figures as people read them.

    Args:
        *folders: Folders with further templates, which may use the report's (`parts.html.jinja`).
    """
    environment = Environment(
        autoescape=True,
        loader=FileSystemLoader([*folders, _TEMPLATES]),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    names = ("clock", "count", "day", "figure", "money", "percent", "seconds", "share", "reason_text")
    environment.filters |= {name: getattr(numbers, name) for name in names}
    environment.filters |= {
        "shown": shown,
        "plain": plain,
        "slug": _slug,
        "short": _short,
        "masked": _masked,
        "folded": folded,
        "said": said_in,
    }
    return environment


def _slug(text: object) -> str:
    return re.sub(r"[^a-z0-9]+", "-", str(text).lower()).strip("-") or "x"


def _short(identity: object) -> str:
    """Twelve digits of a digest are enough to find it; a name stays whole."""
    text = str(identity)
    return text[:12] if re.fullmatch(r"[0-9a-f]{32,}", text) else text


def _masked(row: str) -> list[tuple[str, bool]]:
    """Split a preflight's row into pieces without and with loss, which stand between >> and <<."""
    pieces = re.split(r">>(?!>)(.*?)<<(?!<)", row[:6000], flags=re.DOTALL)
    return [(piece, bool(index % 2)) for index, piece in enumerate(pieces) if piece]


def lede(report: Mapping[str, Any]) -> str:
    """The night in two or three sentences."""
    totals, release, training = report["totals"], report["release"], report["training"]
    sentences = [
        f"{numbers.count(totals['accepted'])} of {numbers.count(totals['made'])} rows were accepted"
        + (f" and stand in {release['release_id']}." if release else ".")
    ]
    if training is None or training["pinned"] is None:
        sentences.append("No training followed.")
    elif training["promotion"] is None:
        sentences.append("Training has not ended.")
    else:
        overall = training["promotion"]["figures"]["overall"]
        change = f"from {numbers.percent(overall['incumbent'])} to {numbers.percent(overall['candidate'])}"
        decision = training["promotion"]["decision"]
        sentences.append(f"Held-out accuracy went {change}: the new model {_DECIDED.get(decision, f'is {decision}')}.")
    wanted = sum(item["level"] == "act" for item in report["attention"])
    if wanted:
        sentences.append(f"{'One thing needs' if wanted == 1 else f'{wanted} things need'} a person.")
    return " ".join(sentences)


_DECIDED = {
    "promoted": "was promoted",
    "refused": "was refused",
    "undecided": "was not promoted, the items cannot tell",
    "waiting": "waits for approval",
}


def _night_charts(history: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Bar charts over the last nights; those of which nothing is known are left out."""
    wanted = (
        ("accepted", "Accepted rows", numbers.count),
        ("yield", "Accepted share of rows made", numbers.percent),
        ("tokens_per_accepted", "Tokens used per accepted word", numbers.figure),
        ("cost_per_thousand", "Cost per 1,000 accepted words", numbers.figure),
        ("accuracy", "Held-out accuracy of the candidate", numbers.percent),
        ("seconds", "Seconds of work", numbers.seconds),
    )
    drawn = []
    for key, title, form in wanted:
        bars = [(entry["night"].partition("/")[0], entry[key]) for entry in history]
        if any(value for _, value in bars):
            values = "; ".join(f"{name} {form(value)}" for name, value in bars)
            drawn.append({"title": title, "svg": charts.bar_chart(bars, label=f"{title}: {values}", y_format=form)})
    return drawn


def _curves(curves: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    pictures = []
    drawn = [curve for curve in curves if curve["points"]]
    stages = [curve["stage"] for curve in drawn]
    for index, curve in enumerate(drawn):
        points, stage = curve["points"], curve["stage"]
        number = f" {stages[: index + 1].count(stage)}" if stages.count(stage) > 1 else ""  # trained more than once
        title = f"{stage.upper()}{number}: {curve['measure']}"
        first, last = points[0][1], points[-1][1]
        label = f"{title} over {points[-1][0]:.0f} steps, from {numbers.figure(first)} to {numbers.figure(last)}"
        behaviour = [
            (name.replace("_", " "), numbers.figure(before), numbers.figure(after))
            for name, before, after in curve.get("behaviour", ())
        ]
        svg = charts.line_chart(points, label=label, x_label="step")
        pictures.append({"title": title, "svg": svg, "behaviour": behaviour})
    return pictures


def _accuracy(promotion: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """Both models on the same items: a table's rows, and the picture of it."""
    if promotion is None:
        return None
    figures = promotion["figures"]
    named = [*figures["groups"].items(), *figures.get("others", {}).items(), ("all items", figures["overall"])]
    rows = [
        {
            "group": name,
            "items": group["items"],
            **{
                when: charts.Estimate(group[model], *group[f"{model}_interval"])
                for when, model in (("before", "incumbent"), ("after", "candidate"))
            },
            "gained": group["gained"],
            "lost": group["lost"],
        }
        for name, group in named
    ]
    label = "Accuracy with 95 % intervals; the table beside it has the figures"
    picture = charts.interval_chart([(row["group"], row["before"], row["after"]) for row in rows], label=label)
    return {"rows": rows, "svg": picture}
