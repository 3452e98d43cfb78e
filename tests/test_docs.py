"""The documents say what is so."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
import typer
import yaml

from flows.cli import app
from flows.cli.methods_index import index
from flows.cli.reference import reference
from flows.recipe.recipe import Recipe, make_recipe
from flows.report.parts import tasks_page
from train_stages.reference import reference as settings

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
SECURITY = ROOT / "docs/security.md"


def test_the_reference_is_what_the_command_line_says():
    assert (ROOT / "docs" / "cli.md").read_text(encoding="utf-8") == reference(), "run `make docs`"


def test_the_page_of_methods_is_what_the_registry_says():
    assert (ROOT / "docs" / "methods" / "index.md").read_text(encoding="utf-8") == index(), "run `make docs`"
    assert index().count("_test.py") == 0 and "| works |  |" not in index(), "each method names its test"


def test_the_settings_are_what_the_stages_say():
    assert (ROOT / "docs" / "settings.md").read_text(encoding="utf-8") == settings(), "run `make docs`"


def test_the_tasks_are_what_the_program_says():
    assert (ROOT / "docs" / "tasks.md").read_text(encoding="utf-8") == tasks_page(), "run `make docs`"


def test_every_file_the_readme_links_is_there():
    for link in re.findall(r"\]\((?!https?:)([^)#]+)", README):
        assert (ROOT / link).exists(), link


def test_the_readme_names_commands_that_exist():
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.M))
    for target in re.findall(r"`make ([a-z]+)`", README):
        assert target in targets, target
    listed = reference()
    for command in re.findall(r"^nightschool ([a-z]+)", README, re.M):
        assert f"nightschool {command}" in listed, command


def test_every_folder_of_the_house_is_in_the_tree():
    tree = (ROOT / "docs" / "house.md").read_text(encoding="utf-8")
    for name in ("flows", "synth", "filters", "storage", "train_stages", "recipes", "tests"):
        assert re.search(rf"^{name}/", tree, re.M), name


def test_the_readme_is_short_and_its_quick_start_fits_a_screen():
    assert len(README.splitlines()) <= 120
    before, _, rest = README.partition("```\n")
    assert "![" in before and len(before.splitlines()) + len(rest.partition("```")[0].splitlines()) <= 24


def test_ci_runs_the_readmes_test_command():
    assert "make test" in (ROOT / ".ci" / "run").read_text() and "make test" in README


PAGES = sorted([ROOT / "README.md", *(ROOT / "docs").rglob("*.md")])
COMMAND = re.compile(r"(?:^|`)nightschool ((?:[a-z][a-z-]*)(?: [a-z][a-z-]*)?)([^`\n#]*)", re.M)


def commands() -> dict[str, set[str]]:
    """Every command with its options."""
    options_of: dict[str, set[str]] = {}

    def walk(command: Any, path: str) -> None:
        options_of[path] = {
            name for parameter in command.params for name in [*parameter.opts, *parameter.secondary_opts]
        }
        for name, child in getattr(command, "commands", {}).items():
            walk(child, f"{path} {name}".strip())

    walk(typer.main.get_command(app), "")
    return options_of


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_a_page_names_commands_options_and_files_that_exist(page):
    options_of = commands()
    text = page.read_text(encoding="utf-8")
    for written, rest in COMMAND.findall(text):
        first = written.partition(" ")[0]
        command = written if written in options_of else first
        assert command in options_of, f"nightschool {written}"
        if command == first and any(path.startswith(f"{first} ") for path in options_of):
            assert written == first, f"nightschool {written}"
        for option in re.findall(r"(?<![\w-])--[a-z][a-z-]*", rest):
            assert option in options_of[command] | {"--help"}, f"nightschool {command} {option}"
    for link in re.findall(r"\]\((?!https?:)([^)#]+)", text):
        assert (page.parent / link).exists(), link
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.M))
    assert set(re.findall(r"(?:^|`)make ([a-z-]+)", text, re.M)) <= targets
    for module in re.findall(r"python -m ((?:flows|train_stages)[\w.]*)", text):
        assert (ROOT / f"{module.replace('.', '/')}.py").exists() or (ROOT / module.replace(".", "/")).is_dir(), module


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_recipes_on_a_page_can_be_read(page):
    for block in re.findall(r"```yaml\n(.*?)```", page.read_text(encoding="utf-8"), re.S):
        content = yaml.safe_load(block)
        if not isinstance(content, dict) or not set(content) & set(Recipe.model_fields):
            continue
        base = {
            "name": "page",
            "problems": {"sources": [{"name": "a", "kind": "arithmetic"}]},
            "methods": [{"method": "gold"}],
        }
        make_recipe(base | content, folder=ROOT)


def test_the_counted_attacks_are_those_of_the_kept_table_and_none_succeeded():
    kept = json.loads((ROOT / "stress/results/attacks.json").read_text(encoding="utf-8"))
    assert not any(entry["succeeded"] or entry.get("not_tried") for entry in kept.values())
    (listed,) = re.findall(r"`stress/results/attacks\.json`: (.*?);", SECURITY.read_text(encoding="utf-8"), re.S)
    counts = {kind.lower(): int(count) for kind, count in re.findall(r"(\w+) (\d+)", listed)}
    assert counts == {kind: entry["attacks"] for kind, entry in kept.items()}


def test_every_promise_of_the_threat_model_names_a_test_that_exists():
    text = SECURITY.read_text(encoding="utf-8")
    promises = text.partition("## One machine")[2].partition("## What is not kept")[0]
    rows = [line for line in promises.splitlines() if line.startswith("|") and not re.match(r"\|(---| promise )", line)]
    assert len(rows) >= 20
    for row in rows:
        named = re.findall(r"`((?:tests|stress)/[\w/]+\.py)::(\w+)`", row)
        assert named, row
        for file, test in named:
            assert re.search(rf"^(async )?def {test}\(", (ROOT / file).read_text(encoding="utf-8"), re.M), (
                f"{file}::{test}"
            )
