"""`nightschool why`: what every filter said of a row, the row it resembles beside it, and the calls it was made of."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Console, Group
from rich.panel import Panel
from rich.table import Table

from flows.report.numbers import figure
from flows.report.summary import print_table
from flows.report.terminal import cut, inert
from storage.lake.lake import Lake
from storage.lake.lineage import checkpoint_calls, checkpoint_lineage, is_checkpoint
from storage.lake.provenance import provenance_of
from storage.messages import said_in
from storage.models.registry import STUDENT, resolve
from storage.workspace import Workspace

_LONGEST = 4_000  # characters of a text on a terminal; --json has all of it


def why(workspace: Workspace, sample_id: str) -> dict[str, Any]:
    """Return where a sample comes from: verdicts, what it resembles, the calls behind it, who read it.

    Raises:
        LakeError: There is no such sample.
        WorkspaceError: The workspace has no lake yet.
    """
    with Lake(workspace, read_only=True) as lake:
        return provenance_of(lake, sample_id)


def lineage_of(workspace: Workspace, identity: str, *, rows: bool = False) -> dict[str, Any]:
    """Return what a checkpoint read (`read`, `models`, with `rows` every row and call), or who read a row (`checkpoints`).

    Raises:
        LakeError: No checkpoint and no row has that id, or several begin like this.
        CheckpointError: It is `student`, and no model has been promoted yet.
    """
    with Lake(workspace, read_only=True) as lake:
        if identity == STUDENT:
            identity = resolve(lake, STUDENT)
        if is_checkpoint(lake, identity):
            lineage = checkpoint_lineage(lake, identity)
            return {**lineage, "rows": checkpoint_calls(lake, identity)} if rows else lineage
        provenance = provenance_of(lake, identity)
        if "takedown" in provenance:
            return {"sample_id": identity, "checkpoints": provenance["takedown"]["read_by"]}
        return {"sample_id": provenance["sample"]["sample_id"], "checkpoints": provenance["checkpoints"]}


def print_lineage(lineage: Mapping[str, Any]) -> None:
    """Print lineage for people."""
    titles = {
        "read": f"rows that {lineage.get('checkpoint_id')} and its ancestors read",
        "beside": "problems without a row, and texts of corpora, that they read",
        "models": "who answered the calls behind them",
        "rows": "every row and call",
        "checkpoints": f"checkpoints that read {lineage.get('sample_id')}",
    }
    for name, title in titles.items():
        if name in lineage and (lineage[name] or name != "beside"):
            lines = lineage[name]
            print_table(list(lines[0]) if lines else ["none"], lines, title=title)


def print_why(provenance: Mapping[str, Any], console: Console | None = None) -> None:
    """Print where a sample comes from, for people."""
    console = console or Console()
    if takedown := provenance.get("takedown"):
        _print_takedown(takedown, console)
        return
    sample, decision = provenance["sample"], provenance["decision"]
    outcome = "not decided yet" if decision is None else f"{decision['outcome']} {decision['reason'] or ''}".strip()
    console.print(inert(f"{sample['sample_id']}: {outcome}", "bold"))
    console.print(inert(f"night {sample['night']}, {sample['method']} ({sample['kind']}), {sample['task']}"))
    table = Table("filter", "version", "outcome", "reason", "detail")
    for verdict in provenance["verdicts"]:
        detail = json.dumps(verdict["detail"], ensure_ascii=False) if verdict["detail"] else ""
        cells = (verdict["filter"], verdict["version"], verdict["outcome"], verdict["reason"] or "", detail)
        table.add_row(*(inert(str(cell)) for cell in cells))
    console.print(table)
    for item in provenance["items"]:
        console.print(inert(f"It holds {item['benchmark']}: {item['item']}."))
    rows = [
        ("this row", sample),
        *((f"kept: {match['sample_id']} of night {match['night']}", match) for match in provenance["matches"]),
        *(("held out", item) for item in provenance["items"] if item["text"]),
    ]
    beside = Table.grid(expand=True, padding=(0, 1))
    for _ in rows:
        beside.add_column(ratio=1)
    beside.add_row(*(Panel(_texts(row), title=inert(title), title_align="left") for title, row in rows))
    console.print(beside)
    _print_candidates(provenance, console)
    for number, call in enumerate(provenance["calls"], 1):
        title = f"call {number}: {call['role']} {call['act']}, {call['model']}, {call['call_id']}"
        thoughts = f"thoughts: {call['reasoning']}\n\n" if call["reasoning"] else ""
        text = cut(thoughts, _LONGEST) + cut(call["response"] or "", _LONGEST)
        console.print(Panel(inert(text), title=inert(title), title_align="left"))
    if not provenance["calls"]:
        console.print("No model call is behind this row, or its calls are not published yet.")
    _print_readers(provenance["checkpoints"], console)


def _print_candidates(provenance: Mapping[str, Any], console: Console) -> None:
    """Print the rows of the attempt with their scores, and the tree of the search."""
    if provenance["candidates"]:
        table = Table("row of the attempt", "answer", "outcome", "reason", "scores")
        for row in provenance["candidates"]:
            scores = ", ".join(
                f"{score['scorer']} {figure(score['value'])}" + (f" ({score['reason']})" if score["reason"] else "")
                for score in row["scores"]
            )
            cells = (row["sample_id"], cut(row["answer"] or "", 80), row["outcome"] or "", row["reason"] or "", scores)
            table.add_row(*(inert(cell) for cell in cells))
        console.print(table)
    for node in provenance["tree"]:
        ends = {True: ", right", False: ", wrong", None: ""}[node["right"]]
        said = f"{node['value']:.2f} of {node['visits']}{ends}: {cut(node['step'], 200)}"
        console.print(inert("  " * min(node["node"].count("."), 8) + said))


def _print_takedown(takedown: Mapping[str, Any], console: Console) -> None:
    day = f"{takedown['created_at']:%Y-%m-%d}"
    console.print(inert(f"{takedown['sample_id']}: taken down on {day} ({takedown['takedown_id']})", "bold"))
    console.print(inert(f"why: {takedown['because']}"))
    for row in takedown["releases"]:
        console.print(inert(f"{row['release_id']} was redacted; in its place: {row['successor'] or 'nothing'}"))
    console.print(inert(f"attempts that made what this takedown removed again, and failed: {takedown['made_again']:,}"))
    _print_readers(takedown["read_by"], console)


def _print_readers(checkpoints: Sequence[Mapping[str, Any]], console: Console) -> None:
    for checkpoint in checkpoints:
        through = "" if checkpoint["ancestor"] == checkpoint["checkpoint_id"] else f" through {checkpoint['ancestor']}"
        student = ", promoted" if checkpoint["promoted"] else ""
        console.print(
            inert(
                f"read by {checkpoint['checkpoint_id']} ({checkpoint['stage']}{student}) in {checkpoint['release_id']}{through}"
            )
        )


def _texts(row: Mapping[str, Any]) -> Group:
    parts = [("problem", row.get("prompt")), ("gold", row.get("gold"))]
    parts += [(message["role"], said_in(message)) for message in row.get("messages") or []]
    parts += [(name, row.get(name)) for name in ("response", "rejected", "text", "answer")]
    parts += [("steps", "\n".join(step or "" for step in row.get("steps") or []))]
    return Group(*(inert(f"{name}: ", "bold") + inert(cut(text, _LONGEST)) for name, text in parts if text))
