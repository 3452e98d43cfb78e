"""What people read at the end: the funnel, tokens, time, accuracy before and after, what was promoted and why."""

import json
import textwrap
from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from flows.report.terminal import inert

_WIDEST = 80
_QUESTION = 200
"""Characters of a question in a table."""


def print_table(columns: Sequence[str], rows: Sequence[Mapping[str, Any]], title: str | None = None) -> None:
    """Print rows as a table; wide where the output is not a terminal."""
    console = Console()
    if not console.is_terminal:
        console = Console(width=max(console.width, 160))
    table = Table(title=title and inert(title, "table.title"), title_justify="left", show_lines=False)
    for column in columns:
        numeric = bool(rows) and all(isinstance(row.get(column), int | float) for row in rows)
        table.add_column(inert(column), justify="right" if numeric else "left", overflow="fold")
    for row in rows:
        table.add_row(*(_cell(row.get(column)) for column in columns))
    console.print(table)


def _cell(value: Any) -> Text:
    if value is None:
        return Text()
    if isinstance(value, float):
        return Text(f"{value:.4g}")
    if isinstance(value, list | dict):
        value = json.dumps(value, ensure_ascii=False, default=str)
    text = str(value)
    return inert(text if len(text) <= 10 * _WIDEST else text[: 10 * _WIDEST] + "...")


def print_night(summary: Mapping[str, Any]) -> None:
    """Print a night's figures."""
    console = Console()
    console.print(f"\n[bold]Night {summary['night']}[/bold]" + (" (finished before)" if summary.get("again") else ""))
    if summary["funnel"]:
        print_table(list(summary["funnel"][0]), summary["funnel"])
    if summary["reasons"]:
        print_table(["method", "what", "reason", "rows"], summary["reasons"][:15])
    for part in summary["tokens"]:
        estimated = part.get("estimated")
        console.print(
            inert(
                f"{part['role']}: {part['calls']:,} calls, {part['prompt_tokens']:,} tokens read, "
                f"{part['completion_tokens']:,} written (model {part['model'][:12]})"
                + (
                    f"; of {estimated:,} the tokens are estimates, the server told none that can be true"
                    if estimated
                    else ""
                )
            )
        )
    if summary.get("budget"):
        console.print(inert(f"stopped early: {summary['budget']}", "yellow"))
    if summary.get("failures"):
        console.print(inert(summary["failures"], "yellow"))
    nothing = f"none, nothing was {'accepted' if any(row['made'] for row in summary['funnel']) else 'made'}"
    console.print(inert(f"release: {summary['release'] or nothing}, {summary['release_rows']:,} rows"))
    console.print("seconds: " + ", ".join(f"{name} {seconds:g}" for name, seconds in summary["seconds"].items()))


def print_training(summary: Mapping[str, Any]) -> None:
    """Print a training's figures."""
    console = Console()
    console.print(
        f"\n[bold]Training {summary['night']}[/bold]" + (" (finished before)" if summary.get("again") else "")
    )
    console.print(inert(summary["decision_to_train"]))
    if not summary["trained"]:
        return
    if summary["stages"]:
        print_table(list(summary["stages"][0]), summary["stages"])
    if summary["accuracy"]:
        print_table(
            list(summary["accuracy"][0]), summary["accuracy"], title="Held-out problems, greedy (95 % intervals)"
        )
    console.print(inert(summary["decision"], "bold") + inert(f": {summary['reason']}"))
    console.print("seconds: " + ", ".join(f"{name} {seconds:g}" for name, seconds in summary["seconds"].items()))


def _rounded(figures: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value if name == "cost" or value is None else round(value) for name, value in figures.items()}


def print_left_out(plan: Mapping[str, Any]) -> None:
    """Print every row of the sources that makes no problem; of two that ask the same with different answers, both answers."""
    rows = [
        {
            **row, "row": row["line"], "kept row": row["kept"] or None, "kept gold": row["kept_gold"] or None,
            "question": textwrap.shorten(row["question"], _QUESTION), "gold": row["gold"] or None, "why": row["detail"] or None,
        }
        for row in plan["left_out_rows"]
    ]  # fmt: skip
    columns = ["source", "row", "reason", "question", "gold", "kept row", "kept gold", "why"]
    if rows:
        print_table(columns, rows, title=f"{len(rows):,} rows make no problem")
    else:
        Console().print("no source leaves a row out, as far as the night would read")


def print_plan(plan: Mapping[str, Any]) -> None:
    """Print what a night would ask and cost at most."""
    console = Console()
    console.print(f"Night {plan['night']}, at most (answers found in the ledger cost nothing):")
    print_table(
        ["source", "problems"], [{"source": name, "problems": count} for name, count in plan["problems"].items()]
    )
    if plan["rounds"] > 1:
        console.print(
            f"these are the figures of one round; the night draws up to {plan['rounds']} of them (problems.until)"
        )
    for sentence in plan["left_out"]:
        console.print(inert(sentence))
    if plan["left_out"]:
        console.print("--left-out lists them, with what they ask")
    print_table(
        ["method", "attempts"], [{"method": name, "attempts": count} for name, count in plan["attempts"].items()]
    )
    apart = ("expected", "family", "sampling")
    most = [{key: value for key, value in role.items() if key not in apart} for role in plan["roles"]]
    print_table(list(most[0]) if most else ["role"], most)
    for role in plan["roles"]:
        if role["sampling"]:
            family = f" (family {role['family']})" if role["family"] else ""
            console.print(
                inert(f"{role['role']}{family} is asked with {role['sampling']}, where a method says nothing else")
            )
    probably = [{"role": role["role"], **_rounded(role["expected"])} for role in plan["roles"] if role["expected"]]
    if probably:
        nights = probably[0]["nights"]
        title = (
            f"probably, by the last {nights} nights of this recipe"
            if nights
            else "probably, by the prompts: no night before"
        )
        print_table(list(probably[0]), probably, title=title)
    if plan["training"]:
        print_table(list(plan["training"][0]), plan["training"], title="then, when the data has changed enough")
    if plan["variables"]:
        print_table(
            ["variable", "set", "sent_to", "named_by"],
            plan["variables"],
            title="environment variables, and where they go",
        )
    if plan["outside_files"]:
        print_table(["named_by", "file"], plan["outside_files"], title="files outside the recipe's folder")
    budget = f", budget {plan['budget']}" if plan["budget"] else ""
    console.print(inert(f"calls {plan['calls']:,}, cost {plan['cost']:g}{budget}"))
