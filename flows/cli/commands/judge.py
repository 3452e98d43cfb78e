"""`nightschool judge`: what the judge of answers says of the lines of a file."""

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from flows.cli.shared import JsonOption, print_json, sentences

if TYPE_CHECKING:
    from synth.answers.labelled import Judged, Row
    from synth.answers.outcome import Check

app = typer.Typer()

SHOWN = 200  # lines of a table on the terminal


@app.command()
def judge(
    file: Annotated[
        Path, typer.Argument(help="A .jsonl file of `{gold, response}` or `{gold, pred}`.", show_default=False)
    ],
    as_json: JsonOption = False,
) -> None:
    """Judge the answers of a file: each line's outcome, reading and reason, and how many there are of each.

    A line has `gold` and `response` (a text) or `pred` (a bare answer); it may have `options` (of a choice), and `task` with
    `attrs` for a task that judges otherwise, such as knights_knaves.
    Where it has a label, `right` (the letters that are right, of C, W and U) or `equal` (true or false), the confusion
    table and every disagreement are shown too.
    """
    with sentences():
        from synth.answers.judge import VERSION
        from synth.answers.labelled import confusion, counts, judge_rows

        judged = judge_rows(_rows(file), _check, str(file))
        table: dict[str, Any] = counts(judged)
        lines = [
            {
                "line": verdict.line,
                "outcome": verdict.check.outcome.value,
                "reading": verdict.check.reading,
                "reason": verdict.check.reason,
            }
            | ({"right": verdict.row.right, "disagreement": verdict.disagreement} if verdict.row.right else {})
            for verdict in judged
        ]
        labels = confusion(judged)
        if as_json:
            print_json(table | {"version": VERSION, "confusion": labels, "lines": lines})
            return
        _show(judged, table, labels)


def _rows(file: Path) -> Iterator[tuple[int, "Row"]]:
    from storage.errors import ProblemError
    from synth.answers.labelled import read_row

    if not file.is_file():
        raise ProblemError(f"{file}: there is no such file; name a .jsonl file.")
    with file.open(encoding="utf-8", errors="replace") as lines:
        for number, line in enumerate(lines, start=1):
            if not line.strip():
                continue
            position = f"{file}, line {number}"
            try:
                record = json.loads(line)
            except (ValueError, RecursionError) as error:
                raise ProblemError(f"{position}: not JSON ({error}); write one JSON object per line.") from None
            yield number, read_row(record, position)


def _check(row: "Row") -> "Check":
    """Judge a row by its task, or by the plain judge. A task reads a bare answer between answer tags."""
    from synth.answers.judge import judge as judge_response
    from synth.answers.judge import judge_answer

    if not row.task:
        return (judge_answer if row.bare else judge_response)(row.gold, row.text, options=row.options)
    from synth.problems import Problem, get_task

    attrs = dict(row.attrs) if row.options is None else {**row.attrs, "options": row.options}
    problem = Problem(task=row.task, source="judge", prompt="", gold=row.gold, structure="", attrs=attrs)
    return get_task(row.task).check(problem, f"<answer>{row.text}</answer>" if row.bare else row.text)


def _show(judged: Sequence["Judged"], table: dict[str, Any], labels: dict[str, dict[str, int]]) -> None:
    from flows.report.summary import print_table

    def shown(verdict: "Judged") -> dict[str, Any]:
        reading, gold = (" ".join((text or "").split())[:60] for text in (verdict.check.reading, verdict.row.gold))
        return {
            "line": verdict.line,
            "outcome": verdict.check.outcome.value,
            "reading": reading,
            "reason": verdict.check.reason,
            "gold": gold,
        }

    columns = ["line", "outcome", "reading", "reason", "gold"]
    print_table(columns, [shown(verdict) for verdict in judged[:SHOWN]], title="Outcomes")
    if len(judged) > SHOWN:
        typer.echo(f"... and {len(judged) - SHOWN} lines more; --json has them all")
    print_table(list(table), [table], title="Counts")
    if labels:
        rows = [{"right": label} | outcomes for label, outcomes in labels.items()]
        print_table(["right", "correct", "wrong", "undecided"], rows, title="Labels against outcomes")
        apart = [
            shown(verdict) | {"right": verdict.row.right, "disagreement": verdict.disagreement}
            for verdict in judged
            if verdict.disagreement
        ]
        print_table([*columns, "right", "disagreement"], apart, title="Disagreements")
