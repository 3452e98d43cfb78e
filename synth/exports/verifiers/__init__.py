"""Problems of a release as a package for verifiers (https://github.com/primeintellect-ai/verifiers), scored by our judge.

The package has the problems, how each is asked, and a `Taskset` with a `load_environment`. It imports the judge from an installed
Nightschool and refuses another version of it than the one it was made with, so that its rewards are those of `nightschool judge`.
"""

import json
import re
from collections.abc import Iterable, Mapping
from importlib.resources import files
from pathlib import Path
from typing import Any

from storage.atomic import atomic_folder
from storage.errors import LakeError, RecipeError
from storage.messages import Message
from storage.releases.reading import Release
from synth.calls.prompting import Prompts
from synth.problems import checker_versions
from synth.problems.base import Problem
from synth.sample import problem_of

SHAPE = "verifiers"
VERIFIERS = "0.4.0"
"""The version that the package is written for; its interface changes from version to version."""
PROBLEMS = "problems.jsonl"
_NO_NAME = re.compile(r"[^a-z0-9]+")


def module_name(release: Release) -> str:
    """Return the name of a release's package, `nightschool_reasoning_3`."""
    return _NO_NAME.sub("_", f"nightschool_{release.name}_{release.version}".lower())


def export_verifiers(release: Release, target: Path, prompts: Prompts) -> int:
    """Write the problems of a release as a package, all or nothing.

    Args:
        release: The release; each of its problems that has a gold answer goes out once.
        target: Folder to write; it must not exist.
        prompts: How a problem is asked: the prompt `solve` of a recipe, in its form of answers.

    Returns:
        How many problems there are.

    Raises:
        RecipeError: The folder exists.
        LakeError: No problem has a gold answer, or a file of the release is damaged.
    """
    if target.exists():
        raise RecipeError(f"{target} exists already; name another folder")
    problems = list(problems_of(release))
    if not problems:
        raise LakeError(f"release {release.id} has no problem with a gold answer")
    name = module_name(release)
    with atomic_folder(target) as folder:
        package = folder / name
        package.mkdir()
        lines = [json.dumps(line_of(problem, prompts), ensure_ascii=False) for problem in problems]
        (package / PROBLEMS).write_text("\n".join(lines) + "\n", encoding="utf-8")
        for file, words in _files(release, name, problems).items():
            path = folder / file.replace("PACKAGE", name)
            text = (files(__name__) / "template" / f"{Path(file).name}.txt").read_text(encoding="utf-8")
            for word, value in words.items():
                text = text.replace(f"@{word}@", value)
            path.write_text(text, encoding="utf-8")
    return len(problems)


def problems_of(release: Release) -> Iterable[Problem]:
    """Return the problems of a release that have a gold answer, each once, in the order of their first rows."""
    seen: set[str] = set()
    for batch in release.batches():
        for row in batch.to_pylist():
            if row["problem_id"] in seen or not row.get("gold") or not row.get("prompt"):
                continue
            seen.add(row["problem_id"])
            yield problem_of({**row, "attrs": row["problem_attrs"]})


def line_of(problem: Problem, prompts: Prompts) -> dict[str, Any]:
    """Return a problem as a line of the package: what the judge reads of it, and the chat that asks it."""
    messages: tuple[Message, ...] = prompts.messages("solve", {"problem": problem})
    return {
        "id": problem.id,
        "task": problem.task,
        "gold": problem.gold,
        "attrs": dict(problem.attrs),
        "tier": problem.tier,
        "source": problem.source,
        "license": problem.license,
        "structure_id": problem.structure_id,
        "prompt": [dict(message) for message in messages],
    }


def _files(release: Release, name: str, problems: list[Problem]) -> Mapping[str, Mapping[str, str]]:
    """The files of a package with what stands in them for `@WORD@`."""
    judges = checker_versions(problem.task for problem in problems)
    words = {
        "MODULE": name,
        "PROJECT": name.replace("_", "-"),
        "RELEASE": release.id,
        "HASH": release.content_hash,
        "COUNT": str(len(problems)),
        "LICENSES": ", ".join(sorted({problem.license for problem in problems})),
        "JUDGES": json.dumps(dict(judges), sort_keys=True),
        "VERIFIERS": VERIFIERS,
        "VERSION": str(release.version),
    }
    return {
        "pyproject.toml": words,
        "README.md": words,
        "PACKAGE/__init__.py": words,
        "PACKAGE/taskset.py": words,
    }
