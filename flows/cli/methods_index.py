"""Writes the page of all methods (docs/methods/index.md) from the registry and the tests, so that it cannot promise too much."""

import inspect
from itertools import groupby
from pathlib import Path

from synth.choosers import CHOOSERS, Chooser
from synth.methods import Method, methods
from synth.methods.searching import SearchParams
from synth.scorers import SCORERS, Scorer

CHECKOUT = Path(__file__).resolve().parents[2]
TESTS = CHECKOUT / "tests" / "synth" / "methods"
FAMILIES = {
    "candidates": "several answers, scored, of which some are chosen",
    "sets": "methods that see all problems of the night first, or write problems",
    "search": "steps are valued by how completions from them end",
    "environments": "dialogues with tools",
    "dialogues": "one problem, and what models say about it",
}


def family(item: Method) -> str:
    """Return the mechanism that a method stands on, from what it is made of."""
    parts = item.uses(item.params())
    if any(isinstance(part, Chooser) for part in parts) and item.prepare is not None:
        return "candidates"
    if item.prepare is not None:
        return "sets"
    if "completions" in item.params.model_fields or issubclass(item.params, SearchParams):
        return "search"
    return "environments" if any(not isinstance(part, Chooser | Scorer) for part in parts) else "dialogues"


def state(item: Method) -> str:
    """Return `works`, or what of its paper its own documentation says is not here.

    `works` says that it is tested and its file names nothing that is missing; it was not compared with its paper line by line.
    """
    text = " ".join((inspect.getdoc(inspect.getmodule(item.run)) or "").split())
    _, said, missing = text.partition("Not here: ")
    return f"partly; not here: {missing.partition('. ')[0].rstrip('.:')}" if said else "works"


def test_of(item: Method) -> str | None:
    """Return the test file that is about a method: that of its name, or the first that runs it; None in an installed copy."""
    own = TESTS / f"test_{item.name}.py"
    named = [own] if own.exists() else []
    others = sorted(file for file in TESTS.glob("test_*.py") if f'get_method("{item.name}")' in file.read_text("utf-8"))
    return next((str(file.relative_to(CHECKOUT)) for file in [*named, *others]), None)


def described(item: Method) -> dict[str, str | None]:
    """Return what the page says of a method."""
    return {"name": item.name, "paper": item.paper, "family": family(item), "state": state(item), "test": test_of(item)}


def index() -> str:
    """Return the page as Markdown."""
    ours = [item for item in methods().values() if item.run.__module__.startswith("synth.")]
    parts = [
        "# Every method",
        "",
        "Made by `make docs` from the registry: a method is one file or folder in `synth/methods`, and `nightschool methods NAME`",
        "has its parameters with the source of each number. Besides its own test each stands in",
        "`tests/synth/methods/test_every_method.py`: a replay asks the same, no prompt shows a gold answer that it should not, and",
        "whatever a model writes is accounted for. State `works`: it is tested, and its file names nothing that is missing.",
        "[How to use them, and add one](../methods.md).",
        "",
    ]
    ordered = sorted(ours, key=lambda item: (list(FAMILIES).index(family(item)), item.name))
    for name, members in groupby(ordered, key=family):
        parts += [f"## {name.capitalize()}: {FAMILIES[name]}", "", "| method | paper | what it does | state | test |"]
        parts += ["|---|---|---|---|---|"]
        for item in members:
            test = test_of(item)
            parts.append(
                f"| `{item.name}` | {item.paper} | {item.summary} | {state(item)} | "
                + (f"[{Path(test).name}](../../{test})" if test else "")
                + " |"
            )
        parts.append("")
    parts += ["## Scorers: what a candidate is worth", "", "| scorer | asks | what it says |", "|---|---|---|"]
    for scorer in SCORERS.all().values():
        judges = ", and is calibrated first" if scorer.judges else ""
        parts.append(f"| `{scorer.name}` | {', '.join(scorer.roles) or 'nobody'}{judges} | {scorer.summary} |")
    parts += [
        "",
        "## Choosers: which are taken",
        "",
        "| chooser | looks at | control | what it takes |",
        "|---|---|---|---|",
    ]
    for chooser in CHOOSERS.all().values():
        looks = ", ".join([*chooser.needs, *(["`by`"] if chooser.ranks else [])]) or "nothing"
        parts.append(f"| `{chooser.name}` | {looks} | `{chooser.control}` | {chooser.summary} |")
    return "\n".join(parts).rstrip() + "\n"
