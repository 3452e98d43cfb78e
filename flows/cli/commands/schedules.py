"""`nightschool schedules`: the curves of the learning rate, and what convex theory says of them."""

from typing import Annotated, Any

import typer

from flows.cli.shared import JsonOption, print_json, sentences

app = typer.Typer()
BARS = "▁▂▃▄▅▆▇█"
WIDTH = 40


@app.command()
def schedules(
    name: Annotated[str | None, typer.Argument(help="One schedule, with its settings.")] = None,
    steps: Annotated[int, typer.Option(min=1, max=10_000_000, help="Optimiser steps of the training.")] = 1000,
    tuned: Annotated[
        str, typer.Option(help="Schedule that your learning rate was tuned for, at as many steps.")
    ] = "warmup_stable_decay",
    as_json: JsonOption = False,
) -> None:
    """Draw the schedules of the learning rate, and say by what to multiply a rate that was tuned for another one.

    `bound` is what convex theory promises of the last step at the best rate, relative to the schedule `tuned`: lower is better.
    """
    with sentences():
        from train_stages.schedules import SCHEDULES
        from train_stages.schedules.bound import best, factors

        of_tuned = best(factors(SCHEDULES.make(SCHEDULES.get(tuned).name), steps))
        rows: list[dict[str, Any]] = []
        for each in [SCHEDULES.get(name).name] if name else SCHEDULES.names():
            part = SCHEDULES.make(each)
            shares = factors(part, steps)
            rate, lowest = best(shares)
            rows.append(
                {
                    "schedule": each,
                    "curve": curve(shares),
                    "rate_times": round(rate / of_tuned[0], 3),
                    "bound": round(lowest / of_tuned[1], 3),
                    "paper": part.paper,
                    "summary": part.summary(),
                }
            )
        if as_json:
            print_json([{**row, "settings": _settings(SCHEDULES.get(row["schedule"]))} for row in rows])
            return
        from flows.report.summary import print_table

        print_table(["schedule", "curve", "rate_times", "bound", "summary"], rows)
        if name:
            print_table(["name", "default", "about"], _settings(SCHEDULES.get(name)))


def curve(shares: list[float]) -> str:
    """Draw shares of the peak, 0 to 1, in a line of at most `WIDTH` blocks."""
    columns = min(WIDTH, len(shares))
    places = [column * (len(shares) - 1) // max(1, columns - 1) for column in range(columns)]
    return "".join(BARS[min(len(BARS) - 1, int(shares[place] * len(BARS)))] for place in places)


def _settings(part: Any) -> list[dict[str, Any]]:
    return [
        {"name": name, "default": field.get_default(call_default_factory=True), "about": field.description}
        for name, field in part.model_fields.items()
    ]
