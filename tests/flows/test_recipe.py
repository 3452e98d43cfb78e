from pathlib import Path

import pytest
import yaml

from flows.recipe import load_recipe, make_recipe
from storage.errors import RecipeError

ROOT = Path(__file__).parent.parent.parent
MINIMAL = {
    "name": "x",
    "problems": {"sources": [{"name": "a", "kind": "arithmetic"}]},
    "models": {"teacher": {"engine": "solver"}},
    "methods": [{"method": "cot"}],
}


def changed(**changes):
    return {**MINIMAL, **changes}


@pytest.mark.parametrize("path", sorted((ROOT / "recipes").glob("*.yaml")), ids=lambda path: path.name)
def test_every_recipe_we_ship_is_valid_and_says_how_to_run_it(path):
    recipe = load_recipe(path)
    assert recipe.name == path.stem
    assert path.read_text().startswith(f"# nightschool run recipes/{path.name}")
    for prompt in recipe.prompts.values():
        assert recipe.path(prompt).is_file()


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (changed(methods=[{"method": "tutership"}]), r"methods: unknown method 'tutership'; did you mean 'tutorship'\?"),
        (changed(methods=[{"method": "cot", "params": {"samples": -1}}]), r"cot: params\.samples = -1: .*greater than"),
        (changed(methods=[{"method": "cot", "params": {"sample": 1}}]), r"params\.sample is no key"),
        (changed(problems={**MINIMAL["problems"], "limit": -5}), r"problems\.limit = -5: .*greater than or equal to 1"),
        (changed(colour="red"), r"colour is no key"),
        (changed(models={}), r"'cot' asks a teacher, but models\.teacher is missing"),
        (changed(models={"teacher": {"engine": "gpt"}}), r"models\.teacher\.engine = 'gpt'"),
        (changed(models={"teacher": {"engine": "vllm", "endpoint": "http://h:1"}}), "needs `name` and `revision`"),
        (changed(models={"teacher": {"engine": "vllm", "endpoint": "h:1", "name": "m", "revision": "1"}}), "must start with http"),
        (changed(models={"teacher": {"engine": "transformers"}}), "needs `checkpoint`"),
        (changed(methods=[{"method": "cot", "sources": ["b"]}]), "unknown source 'b'"),
        (changed(budget={"calls": -1}), r"budget\.calls = -1"),
        ({"name": "x"}, "problems is missing"),
        (changed(name="../up"), "name = '../up'"),
    ],
)  # fmt: skip
def test_a_bad_value_is_named_with_its_key_and_remedy(content, sentence):
    with pytest.raises(RecipeError, match=sentence):
        make_recipe(content, folder=Path())


def test_set_overrides_values_by_path_and_by_name(tmp_path):
    path = tmp_path / "r.yaml"
    path.write_text(yaml.safe_dump(changed(problems={**MINIMAL["problems"], "limit": 3})))
    recipe = load_recipe(
        path, ["problems.limit=500", "problems.sources.a.tier=2", "methods.cot.params.samples=4", "budget.calls=7"]
    )
    assert recipe.problems.limit == 500 and recipe.problems.sources[0].tier == 2
    assert recipe.methods[0].params == {"samples": 4} and recipe.budget.calls == 7
    assert (
        load_recipe(path).digest
        != recipe.digest
        == load_recipe(
            path, ["budget.calls=7", "problems.limit=500", "problems.sources.0.tier=2", "methods.0.params.samples=4"]
        ).digest
    )


@pytest.mark.parametrize(
    ("override", "sentence"),
    [
        ("problems.limit", "write key.path=value"),
        ("problems.sources.b.tier=1", "no entry 'b'"),
        ("name.first=1", "lies below a plain value|holds no further keys"),
        ("problems.limit=many", r"problems\.limit = 'many'"),
    ],
)
def test_a_bad_override_is_a_sentence(tmp_path, override, sentence):
    path = tmp_path / "r.yaml"
    path.write_text(yaml.safe_dump(MINIMAL))
    with pytest.raises(RecipeError, match=sentence):
        load_recipe(path, [override])


@pytest.mark.parametrize(
    ("text", "sentence"), [("a: [", "no valid YAML"), ("- a", "must be a mapping"), ("\xff", "YAML|mapping")]
)
def test_a_broken_file_is_a_sentence(tmp_path, text, sentence):
    path = tmp_path / "r.yaml"
    path.write_text(text)
    with pytest.raises(RecipeError, match=sentence):
        load_recipe(path)
    with pytest.raises(RecipeError, match="does not exist"):
        load_recipe(tmp_path / "gone.yaml")


def test_vars_fill_paths_and_a_missing_one_says_how_to_set_it(tmp_path):
    recipe = make_recipe(changed(vars={"data": "/d"}), folder=tmp_path)
    assert recipe.path("${data}/x") == Path("/d/x") and recipe.path("y") == tmp_path / "y"
    with pytest.raises(RecipeError, match=r"--set vars\.other="):
        recipe.path("${other}/x")
