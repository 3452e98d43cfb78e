"""The published methods that the product is meant to hold (`papers.yaml`), and what is here of each, by looking for its parts."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml

CHECKOUT = Path(__file__).resolve().parents[2]
FILE = Path(__file__).with_name("papers.yaml")
LISTED: Mapping[str, Any] = yaml.safe_load(FILE.read_text(encoding="utf-8"))
FAMILIES: Mapping[str, Mapping[str, str]] = LISTED["families"]
"""What each family is made of (`meaning`), and when to use it (`when`)."""
TESTS_OF_EVERY = {
    "loss": "tests/train_stages/test_every_loss.py",
    "schedule": "tests/train_stages/test_every_schedule.py",
    "order": "tests/train_stages/test_every_order.py",
    "reward": "tests/train_stages/test_every_reward.py",
    "transform": "tests/train_stages/test_every_transform.py",
    "optimiser": "tests/train_stages/test_every_optimiser.py",
    "regulariser": "tests/train_stages/test_every_regulariser.py",
    "switch": "tests/train_stages/test_every_switch.py",
    "selector": "tests/train_stages/test_every_selector.py",
}
"""Tests that run over each part of a kind: by hand, neutral settings, resume."""


@dataclass(frozen=True)
class Paper:
    """A published method.

    Attributes:
        name: What it is called.
        paper: Where it is published; `abstract` where only its abstract was read, and the idea is built in our own words.
        family: The mechanism that it stands on.
        state: `works`, `partly` with what is missing, or `left out` with the reason.
        parts: What makes it work, as `kind:name`.
        tests: Test files of these parts, by part.
        showed: What it showed here, in a sentence; empty where nothing was measured.
    """

    name: str
    paper: str
    family: str
    state: str
    parts: tuple[str, ...]
    tests: Mapping[str, str]
    showed: str = ""

    @property
    def test(self) -> str:
        """The test of its first part that has one; empty where it is left out."""
        return next(iter(self.tests.values()), "")


def papers() -> list[Paper]:
    """Return all of them, by family, in the order of the file."""
    return [_paper(family, entry) for family in FAMILIES for entry in LISTED[family]]


def _paper(family: str, entry: Mapping[str, Any]) -> Paper:
    parts = tuple(entry.get("parts", ()))
    absent = [part for part in parts if not exists(part)]
    if "left_out" in entry:
        state = f"left out: {entry['left_out']}"
    elif absent:
        state = f"left out: {', '.join(part.replace(':', ' ') for part in absent)} is not built yet"
    else:
        lacks = [*filter(None, [entry.get("lacks"), *map(_lacking, parts)])]
        state = f"partly; not here: {'; '.join(dict.fromkeys(lacks))}" if lacks else "works"
    here = {} if state.startswith("left out") else {part: test for part in parts if (test := test_of(part))}
    return Paper(entry["name"], entry["paper"], family, state, parts, here, entry.get("showed", ""))


def _lacking(part: str) -> str | None:
    """What the documentation of a method says that is not here of its paper."""
    kind, _, name = part.partition(":")
    if kind != "method":
        return None
    from flows.cli.methods_index import state
    from synth.methods import get_method

    said = state(get_method(name))
    return said.partition("not here: ")[2] or None


def exists(part: str) -> bool:
    """Whether a part, written `kind:name`, is here."""
    kind, _, name = part.partition(":")
    if kind == "recipe":
        return (CHECKOUT / "recipes" / "methods" / f"{name}.yaml").exists()
    return name in _names(kind)


@cache
def _names(kind: str) -> frozenset[str]:
    return frozenset(_REGISTRIES[kind]())


def _registry(module: str, registry: str) -> Any:
    from importlib import import_module

    return getattr(import_module(module), registry)


def _of(module: str, registry: str) -> Callable[[], list[str]]:
    return lambda: list(_registry(module, registry).names())


def _settings() -> list[str]:
    from train_stages.config.base import TrainConfig

    return list(TrainConfig.model_fields)


_PARTS = {
    "loss": ("train_stages.losses", "LOSSES"),
    "schedule": ("train_stages.schedules", "SCHEDULES"),
    "order": ("train_stages.orders", "ORDERS"),
    "selector": ("train_stages.selectors", "SELECTORS"),
    "mask": ("train_stages.masks", "MASKS"),
    "reward": ("train_stages.rewards", "REWARDS"),
    "transform": ("train_stages.transforms", "TRANSFORMS"),
    "optimiser": ("train_stages.optimisers", "OPTIMISERS"),
    "regulariser": ("train_stages.regularisers", "REGULARISERS"),
}
"""Parts of a training: where their registry is."""

_REGISTRIES: Mapping[str, Callable[[], list[str]]] = {
    "method": _of("synth.methods", "METHODS"),
    "scorer": _of("synth.scorers", "SCORERS"),
    "task": _of("synth.problems.registry", "TASKS"),
    "source": _of("synth.problems.registry", "SOURCES"),
    "stage": _of("train_stages.stages", "STAGES"),
    "switch": _of("train_stages.switches", "SWITCHES"),
    "config": _settings,
    **{kind: _of(*place) for kind, place in _PARTS.items()},
}


def test_of(part: str) -> str | None:
    """Return the test file that is about a part; None where there is none, and in an installed copy, which has no tests."""
    kind, _, name = part.partition(":")
    if kind == "method":
        from flows.cli.methods_index import test_of as of_method
        from synth.methods import get_method

        return of_method(get_method(name))
    named = sorted((CHECKOUT / "tests").rglob(f"test_{name}.py"))
    if kind in TESTS_OF_EVERY:
        own = Path("tests", *_PARTS[kind][0].split("."), f"test_{name}.py") if kind in _PARTS else None
        if own is not None and (CHECKOUT / own).exists():
            return str(own)
        return TESTS_OF_EVERY[kind] if (CHECKOUT / TESTS_OF_EVERY[kind]).exists() else None
    if named:
        return str(named[0].relative_to(CHECKOUT))
    mentions = re.compile(rf"""["'{{ ]{re.escape(name)}["':}},. ]""")
    for file in sorted((CHECKOUT / "tests").rglob("test_*.py")):
        if mentions.search(file.read_text(encoding="utf-8")):
            return str(file.relative_to(CHECKOUT))
    return None


def parameters(part: str) -> list[str]:
    """Return the names of what can be set of a part; none for a stage or a recipe, whose settings have pages of their own."""
    kind, _, name = part.partition(":")
    if kind == "method":
        from synth.methods import get_method

        return list(get_method(name).params.model_fields)
    registry = _PARTS.get(kind)
    return [] if registry is None else list(_registry(*registry).get(name).model_fields)


_HEAD = """\
Made by `make docs` from `flows/cli/papers.yaml`, by looking for the parts that each needs; `nightschool methods --all`
says the same. Of {entries} entries {works} work, {partly} work in part, {left} are left out, each with the reason.
`works` says that every part is there and has a test, and that nothing is known to be missing; nobody has compared each with
its paper line by line. Where the paper's place says `abstract`, only its abstract was read: the idea is built in our own
words, and none of its figures are claimed.
"""


def pages() -> dict[str, str]:
    """Return the pages of published methods as Markdown, by file name: one of all families, and one of each."""
    every = papers()
    lines = ["# Published methods", "", *_HEAD.format(entries=len(every), **_counted(every)).splitlines(), ""]
    lines += ["| family | what it stands on | works | partly | left out |", "|---|---|--:|--:|--:|"]
    for family, about in FAMILIES.items():
        count = _counted([paper for paper in every if paper.family == family])
        lines.append(
            f"| [{family}]({family}.md) | {about['meaning']} | {count['works']} | {count['partly']} | {count['left']} |"
        )
    of_family = {
        f"{family}.md": _page(family, [paper for paper in every if paper.family == family]) for family in FAMILIES
    }
    return {"papers.md": "\n".join(lines) + "\n", **of_family}


def _counted(some: Sequence[Paper]) -> dict[str, int]:
    words = {"works": "works", "partly": "partly", "left": "left out"}
    return {key: sum(paper.state.startswith(word) for paper in some) for key, word in words.items()}


def _page(family: str, members: Sequence[Paper]) -> str:
    about = FAMILIES[family]
    lines = [f"# {family.capitalize()}: {about['meaning']}", "", about["when"].strip(), ""]
    lines += ["| name | paper | state | parts | set by | test | showed here |", "|---|---|---|---|---|---|---|"]
    for paper in members:
        parts = ", ".join(f"`{part}`" for part in paper.parts)
        names = dict.fromkeys(name for part in paper.parts if exists(part) for name in parameters(part))
        test = f"[{Path(paper.test).name}](../../{paper.test})" if paper.test else ""
        cells = [
            paper.name,
            paper.paper,
            paper.state,
            parts,
            ", ".join(f"`{name}`" for name in names),
            test,
            paper.showed,
        ]
        lines.append(f"| {' | '.join(cells)} |")
    lines += ["", "Made by `make docs`. [All families](papers.md). [What every method here is asked](index.md)."]
    return "\n".join(lines) + "\n"


def as_rows() -> list[dict[str, Any]]:
    """Return all of them for JSON."""
    return [{**asdict(paper), "test": paper.test} for paper in papers()]
