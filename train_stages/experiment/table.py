"""The table of an experiment: every arm's accuracy, and its difference from the first arm; and the plot of it."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from train_stages.promotion.statistics import Share, clustered, paired_bootstrap

MODES = ("greedy", "sampled")


def tabulate(results: Sequence[Mapping[str, Any]], tasks: Mapping[str, str] | None = None) -> dict[str, Any]:
    """Put the arms side by side: accuracy over all seeds, problems as clusters, and the difference from the first arm.

    Args:
        results: Of each arm and seed: `arm`, `seed`, `rows`, `tokens`, and `answers`: by mode and problem, the share that is right.
        tasks: Task of each problem; where there are several, each arm has the same figures for each of them.
    """
    names = list(dict.fromkeys(result["arm"] for result in results))
    kinds = sorted(set((tasks or {}).values()))
    rows = []
    for name in names:
        mine = [result for result in results if result["arm"] == name]
        line: dict[str, Any] = {"arm": name, "seeds": len(mine), "rows": mine[0]["rows"], "tokens": mine[0]["tokens"]}
        line |= _figures(results, names[0], name)
        if tasks and len(kinds) > 1:
            line["tasks"] = {kind: _figures(_only(results, tasks, kind), names[0], name) for kind in kinds}
        rows.append(line)
    return {"arms": rows, "items": len(results[0]["answers"]["greedy"])}


def _only(results: Sequence[Mapping[str, Any]], tasks: Mapping[str, str], task: str) -> list[dict[str, Any]]:
    """The results with the problems of one task alone."""
    return [
        {
            **result,
            "answers": {mode: {p: v for p, v in result["answers"][mode].items() if tasks[p] == task} for mode in MODES},
        }
        for result in results
    ]


def _figures(results: Sequence[Mapping[str, Any]], first: str, name: str) -> dict[str, Any]:
    """Accuracy of an arm, by mode: over all seeds, by seed, and the difference from the first arm."""
    figures: dict[str, Any] = {}
    for mode in MODES:
        mine = [result["answers"][mode] for result in results if result["arm"] == name]
        pairs = [(problem, value) for answers in mine for problem, value in answers.items()]
        if not pairs:
            continue
        figures[mode] = _share(clustered([value for _, value in pairs], [problem for problem, _ in pairs]))
        figures[f"{mode}_by_seed"] = [round(sum(answers.values()) / len(answers), 4) for answers in mine]
        figures[f"{mode}_minus_{first}"] = _difference(results, first, name, mode)
    return figures


def _difference(results: Sequence[Mapping[str, Any]], first: str, name: str, mode: str) -> list[float]:
    """Mean difference from the first arm over problems, each the mean of its seeds, with a paired bootstrap interval."""
    sums: dict[str, float] = {}
    for result in results:
        sign = (result["arm"] == name) - (result["arm"] == first)
        for problem, value in result["answers"][mode].items() if sign else ():
            sums[problem] = sums.get(problem, 0.0) + sign * value
    if not sums:
        return [0.0, 0.0, 0.0]
    seeds = len({result["seed"] for result in results})
    values = [total / seeds for total in sums.values()]
    return [round(value, 4) for value in (sum(values) / len(values), *paired_bootstrap(values))]


def _share(value: Share) -> list[float]:
    return [round(value.value, 4), round(value.low, 4), round(value.high, 4)]


def plot(table: Mapping[str, Any], path: Path) -> None:
    """Draw the arms with their intervals, and each seed as a point."""
    import matplotlib as mpl

    mpl.use("svg")
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(figsize=(6, 0.6 * len(table["arms"]) + 1.2))
    for number, line in enumerate(table["arms"]):
        for offset, mode in ((-0.12, "greedy"), (0.12, "sampled")):
            if mode not in line:
                continue
            value, low, high = line[mode]
            colour = "C0" if mode == "greedy" else "C1"
            axes.errorbar(value, number + offset, xerr=[[value - low], [high - value]], fmt="o", color=colour, capsize=3,
                          label=mode if number == 0 else None)  # fmt: skip
            axes.plot(line[f"{mode}_by_seed"], [number + offset] * line["seeds"], "|", color=colour)
    axes.set_yticks(range(len(table["arms"])), [line["arm"] for line in table["arms"]])
    axes.invert_yaxis()
    axes.set_xlabel(f"share correct of {table['items']} held-out problems, 95 % intervals; ticks are seeds")
    axes.legend()
    figure.tight_layout()
    figure.savefig(path)
    pyplot.close(figure)
