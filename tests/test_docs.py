"""The documents say what is so."""

import re
from pathlib import Path

from flows.reference import reference

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")


def test_the_reference_is_what_the_command_line_says():
    assert (ROOT / "docs" / "cli.md").read_text(encoding="utf-8") == reference(), "run `make docs`"


def test_every_file_the_readme_links_is_there():
    for link in re.findall(r"\]\((?!https?:)([^)#]+)", README):
        assert (ROOT / link).exists(), link


def test_the_readme_names_commands_that_exist():
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.M))
    for target in re.findall(r"`make ([a-z]+)`", README):
        assert target in targets, target
    known = reference()
    for command in re.findall(r"^nightschool ([a-z]+)", README, re.M):
        assert f"nightschool {command}" in known, command


def test_every_folder_of_the_house_is_in_the_tree():
    for name in ("flows", "synth", "filters", "storage", "train_stages", "recipes", "tests"):
        assert re.search(rf"^{name}/", README, re.M), name


def test_ci_runs_the_readmes_test_command():
    assert "make test" in (ROOT / ".ci" / "run").read_text() and "make test" in README
