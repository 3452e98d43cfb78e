"""The published methods that the product is meant to hold (`papers.yaml`), and what is here of each, by looking for its parts."""

import re
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml

CHECKOUT = Path(__file__).resolve().parents[2]
FILE = Path(__file__).with_name("papers.yaml")
FAMILIES = {
    "plan": "a training as a list of stages",
    "candidates": "several answers, scored, of which some are chosen",
    "sets": "methods that see all problems, and that write problems",
    "environments": "tasks with turns, tools and a sandbox",
    "rl": "rewards, advantages and sampling",
    "verifiers": "a scalar head, as scorer, filter, reward",
    "losses": "losses, schedules, hooks on weights",
    "transforms": "what is done to a row before it is encoded",
    "search": "a tree of steps, and their values",
    "weights": "adapters, merges, decoding",
}
TESTS_OF_EVERY = {
    "loss": "tests/train_stages/test_every_loss.py",
    "schedule": "tests/train_stages/test_every_schedule.py",
    "order": "tests/train_stages/test_every_order.py",
    "reward": "tests/train_stages/test_every_reward.py",
    "transform": "tests/train_stages/test_every_transform.py",
    "optimiser": "tests/train_stages/test_every_optimiser.py",
    "regulariser": "tests/train_stages/test_every_regulariser.py",
    "switch": "tests/train_stages/test_every_switch.py",
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
    """

    name: str
    paper: str
    family: str
    state: str
    parts: tuple[str, ...]
    tests: Mapping[str, str]

    @property
    def test(self) -> str:
        """The test of its first part that has one; empty where it is left out."""
        return next(iter(self.tests.values()), "")


def papers() -> list[Paper]:
    """Return all of them, by family, in the order of the file."""
    listed = yaml.safe_load(FILE.read_text(encoding="utf-8"))
    return [_paper(family, entry) for family in FAMILIES for entry in listed[family]]


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
    return Paper(entry["name"], entry["paper"], family, state, parts, here)


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


def _of(module: str, registry: str) -> Callable[[], list[str]]:
    def names() -> list[str]:
        from importlib import import_module

        found: list[str] = getattr(import_module(module), registry).names()
        return found

    return names


def _settings() -> list[str]:
    from train_stages.config.base import TrainConfig

    return list(TrainConfig.model_fields)


_REGISTRIES: Mapping[str, Callable[[], list[str]]] = {
    "method": _of("synth.methods", "METHODS"),
    "scorer": _of("synth.scorers", "SCORERS"),
    "task": _of("synth.problems.registry", "TASKS"),
    "source": _of("synth.problems.registry", "SOURCES"),
    "stage": _of("train_stages.stages", "STAGES"),
    "loss": _of("train_stages.losses", "LOSSES"),
    "schedule": _of("train_stages.schedules", "SCHEDULES"),
    "order": _of("train_stages.orders", "ORDERS"),
    "mask": _of("train_stages.masks", "MASKS"),
    "reward": _of("train_stages.rewards", "REWARDS"),
    "transform": _of("train_stages.transforms", "TRANSFORMS"),
    "optimiser": _of("train_stages.optimisers", "OPTIMISERS"),
    "regulariser": _of("train_stages.regularisers", "REGULARISERS"),
    "switch": _of("train_stages.switches", "SWITCHES"),
    "config": _settings,
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
        return TESTS_OF_EVERY[kind] if (CHECKOUT / TESTS_OF_EVERY[kind]).exists() else None
    if named:
        return str(named[0].relative_to(CHECKOUT))
    mentions = re.compile(rf"""["'{{ ]{re.escape(name)}["':}},. ]""")
    for file in sorted((CHECKOUT / "tests").rglob("test_*.py")):
        if mentions.search(file.read_text(encoding="utf-8")):
            return str(file.relative_to(CHECKOUT))
    return None


_HEAD = """\
Made by `make docs` from `flows/cli/papers.yaml`, by looking for the parts that each needs; `nightschool methods --all`
says the same. Of {entries} entries {works} work, {partly} work in part, {left} are left out, each with the reason.
`works` says that every part is there and has a test, and that nothing is known to be missing; nobody has compared each with
its paper line by line. Where the paper's place says `abstract`, only its abstract was read: the idea is built in our own
words, and none of its figures are claimed.
"""


def page() -> str:
    """Return the page of all published methods as Markdown."""
    every = papers()
    count = {word: sum(paper.state.startswith(word) for paper in every) for word in ("works", "partly", "left out")}
    count["left"] = count.pop("left out")
    lines = ["# Published methods", "", *_HEAD.format(entries=len(every), **count).splitlines(), ""]
    for family, meaning in FAMILIES.items():
        lines += [
            f"## {family.capitalize()}: {meaning}",
            "",
            "| name | paper | state | parts | test |",
            "|---|---|---|---|---|",
        ]
        for paper in every:
            if paper.family != family:
                continue
            parts = ", ".join(f"`{part}`" for part in paper.parts)
            test = f"[{Path(paper.test).name}](../../{paper.test})" if paper.test else ""
            lines.append(f"| {paper.name} | {paper.paper} | {paper.state} | {parts} | {test} |")
        lines.append("")
    return "\n".join(lines).rstrip() + "\n"


def as_rows() -> list[dict[str, Any]]:
    """Return all of them for JSON."""
    return [{**asdict(paper), "test": paper.test} for paper in papers()]
