"""What judging history again would change, or has changed, for people."""

from collections.abc import Iterator, Mapping
from typing import Any

from rich.console import Console

from flows.report.summary import print_table
from flows.report.terminal import inert

_EXAMPLES = 2
"""Rows of each kind of change that a terminal shows; --json has more."""


def print_planned(plan: Mapping[str, Any]) -> None:
    """Print what `flows.night.reverify_history.plan_reverify` returned."""
    lines = [
        f"{row['filter']}: on {row['rows']:,} rows version {row['stored'] or '(none)'} has decided, today's is {row['today']}"
        for row in plan["filters"]
    ]
    _say(lines)
    if plan["changes"]:
        columns = ["method", "before", "after", "reason_before", "reason", "rows"]
        print_table(columns, plan["changes"], title="rows of which something else would be said")
        title = "examples (`nightschool why ID` has all of a row)"
        print_table(["sample_id", "now", "question", "gold", "response"], _examples(plan), title=title)
    lines = []
    if plan["rows"]:
        lines.append(
            f"of {plan['rows']:,} rows {plan['rejected_now']:,} would be rejected that are accepted, "
            f"{plan['accepted_now']:,} accepted that are rejected"
        )
    lines += [f"release {row['release_id']} holds {row['rows']:,} of the rows that go" for row in plan["releases"]]
    lines += [
        f"release {row['release']} would get a successor: {row['rows_out']:,} rows out, up to {row['rows_in']:,} in"
        for row in plan["successors"]
    ]
    _say([*lines, *_notes(plan)])
    if plan["nothing"]:
        _say(["nothing to do: every verdict that can be made again from what is stored has today's version"])


def print_done(done: Mapping[str, Any]) -> None:
    """Print what `flows.night.reverify_history.carry_out` returned."""
    lines = [
        f"of {done['rows']:,} rows {done['rejected_now']:,} are rejected now that were accepted, "
        f"{done['accepted_now']:,} accepted that were rejected"
    ]
    lines += [
        f"in place of {row['release']}: {row['successor'] or 'nothing, no row is left; do not train on it'}"
        for row in done["successors"]
    ]
    _say([*lines, *done["waiting"], *_notes(done)])


def _examples(plan: Mapping[str, Any]) -> list[dict[str, Any]]:
    return [
        {**example, "now": f"{change['after']} {change['reason'] or ''}".strip()}
        for change in plan["changes"]
        for example in change["examples"][:_EXAMPLES]
    ]


def _notes(figures: Mapping[str, Any]) -> Iterator[str]:
    """What is tainted, and what was not judged again."""
    for row in figures["checkpoints"]:
        how = "itself" if row["itself"] else "through an ancestor"
        kind = f"{row['stage']}, promoted" if row["promoted"] else row["stage"]
        yield f"tainted: model {row['checkpoint_id']} ({kind}) read {row['rows']:,} of the rows that go, {how}"
    for row in figures["rewards"]:
        judges = ", ".join(f"{task} by {judge}" for task, judge in (row["judge"] or {}).items())
        yield f"model {row['checkpoint_id']} ({row['stage']}) was rewarded by another judge: {judges or 'unknown'}"
    for row in figures["evaluations"]:
        yield (
            f"judge {row['judge'] or '(unknown)'} has evaluated {row['answers']:,} answers of {row['models']:,} models to "
            f"{row['task']}: they are judged again, from the responses, whenever models are compared"
        )
    for row in figures["not_run"]:
        yield (
            f"{row['filter']}: {row['rows']:,} rows keep the verdict of version {row['stored']}, today's is {row['today']}: "
            f"{row['why']}"
        )
    for row in figures["nights_left"]:
        yield f"night {row['night']} stays as it is: {row['why']}"
    if figures["held_back"]:
        yield (
            f"{figures['held_back']:,} rows would come in, but nobody has looked for the benchmarks of today in them: name the "
            "recipe that has these with --recipe"
        )


def _say(lines: list[str]) -> None:
    console = Console(soft_wrap=True)
    for line in lines:
        console.print(inert(line))
