"""Everything a report says, as one plain dictionary: what `nightschool report --json` prints and the page is made of."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from filters.night.alarms import list_alarms
from flows.report.agreement import people_agree
from flows.report.attention import attention
from flows.report.changes import method_drift, pin_changes
from flows.report.experiments import experiments
from flows.report.window import window_url
from storage.browse.figures import compared
from storage.lake.expected import expected
from storage.lake.lake import Lake
from storage.lake.nights import pinned
from storage.lake.overview import Overview

READ = 10
"""Accepted rows of each method to read."""
EXAMPLES = 3
"""Rejected rows, and failed attempts, of each reason."""
REASONS = 24
"""Reasons with examples; the table has all of them."""
PAIRS = 8
"""Duplicates shown beside the row that was kept."""
ITEMS = 6
"""Held-out items gained, and items lost, that are shown."""
NIGHTS = 14
"""Nights to compare with, this one among them."""


def gather(lake: Lake, night: str) -> dict[str, Any]:
    """Return what there is to say about a night, as the lake stands at one moment.

    Args:
        lake: The lake, open for reading.
        night: The night, `date/recipe`.

    Raises:
        LakeError: A query failed.
    """
    with lake.one_state():
        return _gather(lake, night)


def _gather(lake: Lake, night: str) -> dict[str, Any]:
    overview = Overview(lake, night)
    runs = overview.runs()
    funnel, reasons = overview.funnel(), overview.reasons()
    history = [_past(entry) for entry in overview.history(NIGHTS)]
    report: dict[str, Any] = {
        "night": night,
        "date": night.partition("/")[0],
        "recipe": night.partition("/")[2],
        "run": runs.get("night"),
        "funnel": funnel,
        "totals": _totals(funnel),
        "reasons": reasons,
        "failures": overview.failures(EXAMPLES),
        "left_out": overview.left_out(),
        "costs": overview.costs(),
        "throughput": overview.throughput(),
        "expected": _expected(lake, night, funnel),
        "rubric_scores": overview.rubric_scores(),
        "calibrations": overview.calibrations(),
        "thought_lengths": overview.thought_lengths(),
        "alarms": [alarm for alarm in list_alarms(lake) if alarm["night"] == night],
        "release": overview.release(),
        "history": history,
        "lengths": overview.lengths(),
        "since": _since(lake, night, history, funnel),
        "items": _items(lake, overview.promotion()),
        "experiments": experiments(lake.workspace, night.partition("/")[2]),
        "training": _training(overview, runs.get("train")),
        "window": window_url(lake.workspace),
        "agreement": people_agree(lake, night),
        **_rows(overview, reasons),
    }
    report["spent"] = _spent(report["costs"], report["totals"]["accepted_words"])
    report["currency"] = ((report["run"] or {}).get("summary") or {}).get("currency", "")
    report["attention"] = attention(report)
    return report


def _since(
    lake: Lake, night: str, history: Sequence[Mapping[str, Any]], funnel: Sequence[Mapping[str, Any]]
) -> dict[str, Any] | None:
    """What is different from the night of this recipe before, None for the first: its id, what was pinned anew, the drift."""
    before = [entry for entry in history if entry["night"] < night]
    if not before:
        return None
    last = before[-1]
    pins = (pinned(lake, f"night/{name}") for name in (last["night"], night))
    return {"night": last["night"], "changes": pin_changes(*pins), "drift": method_drift(last["funnel"], funnel)}


def _items(lake: Lake, promotion: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """Held-out items that the new model gained and lost, some of them with both answers."""
    if promotion is None or not promotion["incumbent"]:
        return None
    both = compared(lake, promotion["incumbent"], promotion["candidate"])
    if both is None:
        return None
    return {
        **{name: len(both[name]) for name in ("gained", "lost")},
        "rows": {name: both[name][:ITEMS] for name in ("lost", "gained")},
    }


def _expected(lake: Lake, night: str, funnel: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """What `nightschool plan` would have said of the night beforehand, by role."""
    planned = {row["method"]: row["planned"] for row in funnel}
    return {role: asdict(figures) for role, figures in expected(lake, night, planned).items()}


def _totals(funnel: Sequence[Mapping[str, Any]]) -> dict[str, int]:
    names = ("planned", "done", "failed", "made", "accepted", "rejected", "accepted_words")
    return {name: sum(row[name] for row in funnel) for name in names}


def _spent(costs: Sequence[Mapping[str, Any]], accepted_words: int) -> dict[str, Any]:
    """What all calls took, and that per thousand accepted words."""
    total = {
        name: sum(row[name] for row in costs)
        for name in ("calls", "prompt_tokens", "completion_tokens", "thought_tokens", "seconds")
    }
    total["cost"] = sum(row["cost"] for row in costs)
    total["tokens"] = total["prompt_tokens"] + total["completion_tokens"]
    thousands = accepted_words / 1000
    per = {name: total[name] / thousands if thousands else None for name in ("cost", "tokens", "seconds")}
    return {**total, "per_thousand_accepted": per}


def _past(entry: Mapping[str, Any]) -> dict[str, Any]:
    """Figures of a night that is over, from what it ended with."""
    summary = entry["summary"] or {}
    funnel = summary.get("funnel") or []
    rows_made, accepted = (sum(row[name] for row in funnel) for name in ("made", "accepted"))
    paid = sum((row["prompt_tokens"] or 0) + (row["completion_tokens"] or 0) for row in summary.get("tokens") or [])
    cost = sum(row["cost"] or 0 for row in summary.get("costs") or [])
    accepted_words = summary.get("accepted_words", summary.get("accepted_tokens"))
    overall = ((entry["promotion"] or {}).get("figures") or {}).get("overall") or {}
    return {
        "night": entry["night"],
        "funnel": [{"method": row.get("method"), "accepted": row["accepted"]} for row in funnel],
        "made": rows_made,
        "accepted": accepted,
        "yield": accepted / rows_made if rows_made else None,
        "tokens": paid,
        "cost": cost,
        "accepted_words": accepted_words,
        "tokens_per_accepted": paid / accepted_words if accepted_words else None,
        "cost_per_thousand": 1000 * cost / accepted_words if accepted_words else None,
        "seconds": sum((summary.get("seconds") or {}).values()) or None,
        "accuracy": overall.get("candidate"),
        "decision": (entry["promotion"] or {}).get("decision"),
    }


def _rows(overview: Overview, reasons: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Rows to read: accepted ones by method, rejected ones by reason, duplicates with what they repeat."""
    named = list(dict.fromkeys(row["reason"] for row in reasons if row["what"] == "rejected" and row["reason"]))
    accepted, rejected = overview.accepted(READ), overview.rejected(EXAMPLES, named[:REASONS])
    pairs = overview.duplicates(PAIRS)
    ids = [*accepted, *rejected, *(pair[name] for pair in pairs for name in ("sample_id", "kept"))]
    rows = overview.rows(list(dict.fromkeys(ids)))
    to_read: dict[str, list[dict[str, Any]]] = {}
    for sample_id in accepted:
        to_read.setdefault(rows[sample_id]["method"], []).append(rows[sample_id])
    rare_first = [reason for reason in reversed(named) if reason in {_reason(rows[name]) for name in rejected}]
    refused: dict[str, list[dict[str, Any]]] = {reason: [] for reason in rare_first}
    for sample_id in rejected:
        refused.setdefault(_reason(rows[sample_id]), []).append(rows[sample_id])
    beside = [{**pair, "row": rows[pair["sample_id"]], "match": rows.get(pair["kept"])} for pair in pairs]
    return {"samples": to_read, "rejected": refused, "duplicates": beside}


def _reason(row: Mapping[str, Any]) -> str:
    return next((str(verdict["reason"]) for verdict in row["verdicts"] if verdict["filter"] == "policy"), "undecided")


def _training(overview: Overview, run: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """The training that followed: its stages with curves, both models' accuracies, the decision."""
    if run is None:
        return None
    return {
        **{name: run[name] for name in ("began", "ended", "pinned", "decided", "summary")},
        "curves": _curves(overview),
        "promotion": overview.promotion(),
    }


def _curves(overview: Overview) -> list[dict[str, Any]]:
    """Each stage's loss, or reward for reinforcement learning, over its steps, and how responses behaved at first and at last."""
    checkpoints = overview.checkpoints()
    logged = overview.curves([checkpoint["checkpoint_id"] for checkpoint in checkpoints])
    drawn = []
    for checkpoint in checkpoints:
        curves = logged.get(checkpoint["checkpoint_id"], {})
        measure = "reward" if "reward" in curves else "loss"
        behaviour = [
            [name.partition("/")[2], points[0][1], points[-1][1]]
            for name, points in sorted(curves.items())
            if name.startswith("behaviour/") and points
        ]
        line = {"stage": checkpoint["stage"], "measure": measure, "points": curves.get(measure, [])}
        drawn.append({**line, "behaviour": behaviour})
    return drawn
