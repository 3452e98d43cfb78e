"""What settings of a deployment may change: numbers and choices, no file outside the recipe's folder."""

import copy

import pytest
import yaml

from flows.recipe.reach import SOURCES
from flows.service.deployed import check_parameters, check_settings
from storage.errors import RecipeError
from tests.flows.conftest import SMALL

HUB = '{"name": "b", "kind": "hub", "options": {"dataset": "evil/x"}}'
OWN = {"recipe": "recipes/nightly.yaml", "workspace": ".nightschool", "quiet": True}


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


@pytest.mark.parametrize(
    ("setting", "key"),
    [
        ("base.checkpoint=evil/model", "base.checkpoint"),
        ('base={"checkpoint": "evil/model"}', "base.checkpoint"),
        ("methods.0.params.embedding=evil/model", "methods.0.params.embedding"),
        ("vars.student=evil/model", "vars.student"),
        ("problems.sources.0.kind=verifiers", "problems.sources.0.kind"),
        ("problems.sources.0.options.taskset=this", "problems.sources.0.options.taskset"),
        ("problems.sources.0.options.dataset=evil/x", "problems.sources.0.options.dataset"),
        (f"benchmarks=[{HUB}]", "benchmarks.0.kind"),
        (f'train={{"evaluate": {{"general": [{HUB}]}}}}', "train.evaluate.general.0.kind"),
        ('train={"plan": [{"sft": {"report_to": ["wandb"]}}]}', "train.plan.0.sft.report_to"),
        ('train={"plan": [{"distil": {"teacher": "evil/model"}}]}', "train.plan.0.distil"),
        ('train={"plan": [{"distil": {"teacher_endpoint": "http://evil"}}]}', "train.plan.0.distil.teacher_endpoint"),
        ('train={"plan": [{"rl": {"rewards": [{"kind": "judge", "model": "evil/m"}, "answer"]}}]}', "train.plan.0.rl"),
    ],
)
def test_no_model_package_or_data_set_of_the_hub_is_named_by_a_setting(recipe, setting, key):
    with pytest.raises(RecipeError, match="settings of a deployment may not change it") as refused:
        check_settings(recipe, [setting])
    assert str(refused.value).startswith(key)


@pytest.mark.parametrize("setting", ["vars.n=5", "base.tiny.layers=3", "problems.sources.0.options.license=MIT"])
def test_numbers_and_choices_beside_them_may_be_given(recipe, setting):
    check_settings(recipe, [setting])


@pytest.mark.parametrize("key", SOURCES)
def test_wherever_a_recipe_lists_sources_a_setting_names_none_of_the_hub(recipe, key):
    with pytest.raises(RecipeError, match=rf"{key}\.0\.(kind|options\.dataset): settings of a deployment"):
        check_settings(recipe, [f"{key}=[{HUB}]"])


def test_a_run_has_its_deployments_recipe_workspace_and_cluster():
    check_parameters(OWN, {"recipe": "recipes/nightly.yaml", "workspace": ".nightschool", "ray": None})
    check_parameters({**OWN, "ray": "auto"}, {**OWN, "ray": "auto"})


@pytest.mark.parametrize(
    ("name", "value"),
    [("recipe", "other.yaml"), ("recipe", "./recipes/nightly.yaml"), ("workspace", "/elsewhere"), ("workspace", None),
     ("ray", "ray://elsewhere:10001")],
)  # fmt: skip
def test_a_run_may_not_change_recipe_workspace_or_cluster(name, value):
    with pytest.raises(RecipeError, match=f"{name} .*: a run of a deployment may not change it, .* deploy again"):
        check_parameters(OWN, {**OWN, name: value})
