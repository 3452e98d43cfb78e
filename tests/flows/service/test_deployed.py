"""What settings of a deployment may change: numbers and choices, no file outside the recipe's folder."""

import copy

import pytest
import yaml

from flows.service.deployed import check_settings
from storage.errors import RecipeError
from tests.flows.conftest import SMALL


@pytest.fixture
def recipe(tmp_path):
    """A recipe that reads a file of its folder and one outside of it."""
    folder = tmp_path / "recipe"
    folder.mkdir()
    for file in (tmp_path / "outside.jsonl", tmp_path / "other.jsonl", folder / "inside.jsonl"):
        file.write_text('{"question": "q", "answer": "1"}\n')
    content = copy.deepcopy(SMALL)
    options = {"path": "../outside.jsonl", "mapping": {"question": "question", "answer": "answer"}}
    content["problems"]["sources"] = [{"name": "f", "kind": "file", "options": options}]
    (folder / "recipe.yaml").write_text(yaml.safe_dump(content))
    return folder / "recipe.yaml"


@pytest.mark.parametrize("path", ["../other.jsonl", "/etc/passwd", "~/.ssh/id_rsa", "link.jsonl"])
def test_no_file_outside_the_folder_is_read_by_a_setting(recipe, path):
    (recipe.parent / "link.jsonl").symlink_to(recipe.parent.parent / "other.jsonl")
    with pytest.raises(RecipeError, match=r"problems.sources.0.options.path: .*may not change it"):
        check_settings(recipe, [f"problems.sources.0.options.path={path}"])


@pytest.mark.parametrize("setting", ["problems.sources.0.options.path=inside.jsonl", "problems.limit=3"])
def test_a_file_of_the_folder_and_numbers_may_be_given(recipe, setting):
    check_settings(recipe, [setting])
