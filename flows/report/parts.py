"""What there is of tasks, sources and filters, for people and as JSON: what each can do, its options, and an example."""

from collections.abc import Iterable, Mapping
from typing import Any

import yaml
from pydantic import BaseModel

VERBS = ("steps", "solve", "review")


def describe_tasks(name: str | None = None) -> list[dict[str, Any]]:
    """Describe every task, or one.

    Raises:
        RecipeError: There is no such task.
    """
    from synth.environments import ENVIRONMENTS
    from synth.problems import answer_format_of, checker_version, get_task, source_names, task_names

    environments = ENVIRONMENTS.all()
    drawn = {source: getattr(_options_of(source), "draws", None) for source in source_names()}
    rows = []
    for task in [name] if name else task_names():
        part = get_task(task)
        sources = [source for source, draws in drawn.items() if draws == task]
        own = hasattr(part, "environment")
        played = {env: each for env, each in environments.items() if task in each.tasks or (not each.tasks and not own)}
        rows.append(
            {
                "task": task,
                "summary": _first_line(type(part)),
                "checker": checker_version(task),
                "answer_format": answer_format_of(task) or "the recipe's",
                **{verb: verb in getattr(part, "abilities", ()) for verb in VERBS},
                "environments": list(played),
                "needs_turns": own,
                "tools": sorted({tool.name for each in played.values() for tool in each.tools}),
                "sources": sources,
                "tiers": [source for source in sources if {"tiers", "people"} & set(_options_of(source).model_fields)],
                "example": _example_of_source(sources[0]) if sources else "",
            }
        )
    return rows


def describe_sources(name: str | None = None) -> list[dict[str, Any]]:
    """Describe every source, or one, with its options; that of reasoning-gym with its tasks.

    Raises:
        RecipeError: There is no such source.
    """
    from synth.problems import source_names

    return [
        {
            "source": source,
            "draws": getattr(_options_of(source), "draws", None),
            "summary": _first_line(_options_of(source)),
            "options": _fields(_options_of(source)),
            "example": _example_of_source(source),
            **({"tasks": _library_tasks()} if source == "reasoning_gym" else {}),
        }
        for source in ([name] if name else source_names())
    ]


def describe_filters(name: str | None = None) -> list[dict[str, Any]]:
    """Describe every filter, or one, with its options.

    Raises:
        RecipeError: There is no such filter.
    """
    from filters import filter_kinds, get_filter

    kinds = [get_filter(name)] if name else list(filter_kinds().values())
    found = {kind.name: filter_kinds()[kind.name] for kind in kinds}
    return [
        {
            "filter": kind.name,
            "version": kind.version,
            "scope": kind.scope,
            "asks": kind.asks is not None,
            "summary": kind.summary,
            "options": _fields(kind.options),
            "example": _example_of_filter(kind.name, kind.options),
        }
        for kind in found.values()
    ]


def tasks_page() -> str:
    """Return docs/tasks.md: what each task can do, where problems come from, and the tasks of reasoning-gym."""
    columns = ("task", "what it is", "form of answers", "check", *VERBS, "turns", "tools", "sources with tiers")
    parts = [_HEAD, "## Tasks", "", f"| {' | '.join(columns)} |", "|---" * len(columns) + "|"]
    for row in describe_tasks():
        marks = ("yes" if row[verb] else "" for verb in VERBS)
        lists = (", ".join(row[key]) for key in ("environments", "tools", "tiers"))
        cells = [f"`{row['task']}`", row["summary"], row["answer_format"], "yes", *marks, *lists]
        parts.append("| " + " | ".join(cells) + " |")
    parts += ["", _UNDER_TASKS, "## Sources", ""]
    for row in describe_sources():
        parts += [f"### {row['source']}", "", f"{row['summary']} It draws problems of the task `{row['draws']}`.", ""]
        parts += ["| option | default | what it is |", "|---|---|---|"]
        parts += [f"| `{each['name']}` | {each['default']} | {each['about']} |" for each in row["options"]]
        parts += ["", "```yaml", row["example"].rstrip(), "```", "", *_PROSE.get(row["source"], [])]
    parts += [
        _UNDER_SOURCES,
        "",
        "| task | kind | tiers | not exact in | why it is not offered |",
        "|---|---|---|---|---|",
    ]
    for row in _library_tasks():
        cells = [f"`{row['name']}`", row["category"], "" if row["refused"] else str(row["tiers"]), row["inexact"] or "",
                 (row["refused"] or "").replace("|", "/")]  # fmt: skip
        parts.append("| " + " | ".join(cells) + " |")
    return "\n".join(parts) + "\n"


def _library_tasks() -> list[dict[str, Any]]:
    from dataclasses import asdict

    from synth.problems.reasoning_gym.table import surveyed

    return [asdict(row) for row in surveyed().values()]


def _options_of(source: str) -> Any:
    from synth.problems.registry import SOURCES

    return SOURCES.get(source)


def _fields(model: type[BaseModel]) -> list[dict[str, str]]:
    return [
        {
            "name": name,
            "default": "needed" if field.is_required() else _default(field.get_default(call_default_factory=True)),
            "about": field.description or "",
        }
        for name, field in model.model_fields.items()
    ]


def _default(value: Any) -> str:
    if isinstance(value, BaseModel):
        value = value.model_dump(mode="json")
    if isinstance(value, Mapping):
        value = {
            key: item.model_dump(mode="json") if isinstance(item, BaseModel) else item for key, item in value.items()
        }
    return "none" if value is None or value in ((), {}, []) else str(list(value) if isinstance(value, tuple) else value)


def _example_of_source(source: str) -> str:
    options = dict(getattr(_options_of(source), "example", {}))
    row = {"name": options.get("task", source), "kind": source, "options": options}
    return str(yaml.safe_dump({"problems": {"sources": [row]}}, sort_keys=False, default_flow_style=None))


def _example_of_filter(name: str, options: type[BaseModel]) -> str:
    simple = {
        key: value
        for key, field in options.model_fields.items()
        if not field.is_required()
        and isinstance(value := field.get_default(call_default_factory=True), int | float | str)
    }
    key = next(iter(simple), None)
    if key is None and "role" in options.model_fields:
        return str(yaml.safe_dump({"filters": {name: {"role": "teacher"}}}))
    return "" if key is None else str(yaml.safe_dump({"filters": {name: {key: simple[key]}}}, default_flow_style=None))


def _first_line(part: Any) -> str:
    lines: Iterable[str] = (part.__doc__ or "").strip().splitlines()
    return next(iter(lines), "")


_HEAD = """\
# Tasks and sources

Made by `make docs` from the program itself. `nightschool tasks`, `nightschool sources` and `nightschool filters` say the same, with
`--json` for programs and with a name for one of them:

```
nightschool tasks
nightschool sources instructions
nightschool filters length
```
"""
_UNDER_TASKS = """\
Every task checks. `steps` cuts a response into its steps; `solve` writes a solution by rule (or passes on the data set's own);
`review` finds the first wrong step. The forms of answers are those of [answers.md](answers.md) and `answer` in a recipe; `tags` is
`<answer>...</answer>`, `code` a fenced block of Python, `whole` the whole response. `turns` names the environments that a problem
can be played in, and `tools` what a model may call there: [environments.md](environments.md).
"""
_PROSE: dict[str, list[str]] = {
    "code": [
        "Each row has a prompt, the name of a function, and tests, as assertions with literals or as objects:",
        "",
        "```json",
        '{"prompt": "Add two numbers.", "entry_point": "add", "tests": ["assert add(2, 3) == 5", {"args": [1, 1], "expected": 2}]}',
        "```",
        "",
        "A program is run in bubblewrap (`apt-get install bubblewrap`): no network, no file of the host's but Python's own, one",
        "process, nothing that it can write to, limits on time, memory and output. It is given the arguments alone; what it",
        "returns is compared outside, so nothing that it does to its own process makes it right. Without the sandbox the source",
        "does not open. A program that waits out the wall time is unverifiable; one that uses up its processor time or memory",
        "is wrong. Of 400 programs of `benchmarks/tasks.py` none is misjudged, at 66 checks a second on two cores (2026-11-30).",
        "",
    ],
    "verifiers": [
        "The taskset is an installed package of verifiers 0.4 (`pip install 'nightschool[verifiers]'`): its code runs here, so",
        "install what you trust. A task is one question and one answer; those with tools, containers or scoring in a runtime are",
        "refused. As a benchmark it is an evaluation:",
        "`train: {evaluate: {benchmarks: [{name: theirs, kind: verifiers, options: {taskset: my-taskset}}]}}`.",
        "",
    ],
    "instructions": [
        "A response is right when it keeps every constraint; the task is reward, filter and evaluation alike. Requests are",
        "composed by rule; with `personas`, for a reader, as Tulu 3 does (there a model writes the request too).",
        "",
    ],
}
_UNDER_SOURCES = """\
## Tasks of reasoning-gym

An extra: `pip install 'nightschool[reasoning-gym]'` (Apache-2.0; three of its dependencies are built from source). Its
own scorer decides; only the whole point is correct. `python -m synth.problems.reasoning_gym.survey` makes this table anew from the
registry: 50 entries of each task, whose gold answers must score 1, be the same in two processes, and be told from wrong ones. No
answer of a model is evaluated: where a scorer would, literals and arithmetic alone are read, in a process that can be killed."""


def main(arguments: list[str]) -> None:
    """Write the page to the file named."""
    from pathlib import Path

    Path(arguments[0]).write_text(tasks_page(), encoding="utf-8")


if __name__ == "__main__":
    import sys

    main(sys.argv[1:])
