"""docs/walk.md names functions that are there, and counts them."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PAGE = (ROOT / "docs" / "walk.md").read_text(encoding="utf-8")
NAME = re.compile(r"(?:\w+\.)?\w+")


def steps(section: str) -> list[tuple[str, str]]:
    """The file and the function of each step of a section, in order: a path counts for the names that follow it."""
    named, path = [], ""
    for line in section.splitlines():
        for code in re.findall(r"`([^`]+)`", line) if line.startswith("- ") else []:
            if code.endswith(".py"):
                path = code
            elif NAME.fullmatch(code):
                named.append((path, code))
    return named


def functions(path: str) -> set[str]:
    """The functions of a file and the methods of its classes, as `Class.method`."""
    names = set()
    for node in ast.parse((ROOT / path).read_text(encoding="utf-8")).body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            names.add(node.name)
        elif isinstance(node, ast.ClassDef):
            methods = [part for part in node.body if isinstance(part, ast.FunctionDef | ast.AsyncFunctionDef)]
            names |= {f"{node.name}.{part.name}" for part in methods}
    return names


SECTIONS = dict(re.findall(r"^## (.+)\n((?:(?!^## ).*\n?)*)", PAGE, re.M))


@pytest.mark.parametrize(("path", "name"), sorted(set(steps(PAGE))))
def test_every_function_of_the_walks_is_there(path, name):
    assert (ROOT / path).is_file(), f"{path} is gone: walk through the code again and correct docs/walk.md"
    assert name in functions(path), f"{path} has no {name}: walk through the code again and correct docs/walk.md"


@pytest.mark.parametrize("walk", ["One problem", "One call"])
def test_the_counts_are_those_of_the_page(walk):
    named = set(steps(SECTIONS[walk]))
    files, changes = len({path for path, _ in named}), SECTIONS[walk].count("→")
    counted = f"{walk}: {len(named)} functions in {files} files, {changes} changes of form"
    assert counted in PAGE, f"docs/walk.md should end with: {counted}"
