import re
from pathlib import Path

import pytest
import yaml

from flows.recipe.overrides import from_here
from flows.recipe.recipe import load_recipe, make_recipe
from storage.errors import RecipeError

ROOT = Path(__file__).parent.parent.parent.parent
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


@pytest.mark.parametrize("path", sorted((ROOT / "recipes" / "benchmarks").glob("*.yaml")), ids=lambda path: path.name)
def test_every_recipe_of_benchmarks_is_valid_and_says_how_to_run_it(path):
    recipe = load_recipe(path)
    assert path.read_text().startswith(f"# nightschool evaluate MODEL --recipe recipes/benchmarks/{path.name}")
    assert recipe.train is not None and recipe.train.evaluate.benchmarks


def test_a_file_takes_the_place_of_the_hub_as_the_recipe_says():
    path = ROOT / "recipes/benchmarks/gsm8k.yaml"
    [written] = re.findall(r"--set '(train\.evaluate\.benchmarks\.0\.options=[^']+)'", path.read_text())
    assert load_recipe(path, [written]).train.evaluate.benchmarks[0].options == {"path": "/data/gsm8k/test.jsonl"}


def test_benchmarks_that_are_made_need_no_data_and_are_the_same_each_time():
    from synth.problems import open_source

    recipe = load_recipe(ROOT / "recipes/benchmarks/made.yaml")
    for source in recipe.train.evaluate.benchmarks:
        draws = [open_source(source.kind, source.options).draw(source.limit, seed=0) for _ in range(2)]
        assert draws[0] == draws[1] and len(draws[0]) == source.limit


def test_examples_of_a_few_shot_prompt_are_turns_with_the_form_of_answers():
    from flows.night.evaluation import shots
    from synth.answers.format import FORMATS
    from synth.calls.prompting import Prompts
    from synth.problems import open_source

    [problem] = open_source("arithmetic", {"tiers": [1]}).draw(1, seed=1)
    own = {"solve": ROOT / "recipes/benchmarks/few_shot/solve.jinja"}
    few = Prompts(own, form=FORMATS["boxed"])
    messages = few.messages("solve", {"problem": problem})
    assert [message["role"] for message in messages] == ["user", "assistant"] * 4 + ["user"]
    assert all("\\boxed{" in message["content"] for message in messages if message["role"] == "assistant")
    assert problem.prompt in messages[-1]["content"] and shots(few, [problem]) == 4 and shots(Prompts(), [problem]) == 0


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (changed(methods=[{"method": "tutership"}]), r"methods: unknown method 'tutership'; did you mean 'tutorship'\?"),
        (changed(methods=[{"method": "cot", "params": {"samples": -1}}]), r"cot: params\.samples = -1: .*greater than"),
        (changed(methods=[{"method": "cot", "params": {"sample": 1}}]), r"params\.sample is no key"),
        (changed(problems={**MINIMAL["problems"], "limit": -5}), r"problems\.limit = -5: .*greater than or equal to 1"),
        (changed(models={role: {"engine": "solver", "price": {"prompt": 1, "currency": currency}}
                         for role, currency in (("teacher", "USD"), ("grader", "EUR"))}), "prices in EUR and USD; .*one currency"),
        (changed(models={"teacher": {"engine": "solver", "price": {"currency": "dollars"}}}), r"price\.currency = 'dollars'"),
        (changed(colour="red"), r"colour is no key.*there are alarms, answer, base"),
        (changed(datset="x"), r"^recipe: datset is no key that is known here; did you mean 'dataset'\?$"),
        (changed(methods=[{"method": "cot", "params": {"sampels": 1}}]), r"params\.sampels is no key.*mean 'samples'\?"),
        (changed(problems={"sources": [{"name": "a", "kind": "arithmetic", "teir": 1}]}), r"sources\.0\.teir .*mean 'tier'\?"),
        (changed(problems={"sources": [{"name": "a", "kind": "arithmetic", "tier": "x"}]}), r"sources\.0\.tier = 'x'"),
        (changed(budget={"finish_by": float("nan")}), r"budget\.finish_by = nan: must be a positive number"),
        (changed(budget={"finish_by": "06:00+02:00"}), r"budget\.finish_by = '06:00\+02:00': .*in UTC"),
        (changed(models={}), r"^recipe: method 'cot' asks a teacher, but models\.teacher is missing"),
        (changed(models={"teacher": {"engine": "gpt"}}), r"models\.teacher\.engine = 'gpt'"),
        (changed(models={"teacher": {"engine": "vllm", "endpoint": "http://h:1"}}), "needs `name` and `revision`"),
        (changed(models={"teacher": {"engine": "vllm", "endpoint": "h:1", "name": "m", "revision": "1"}}), "is not an http"),
        (changed(models={"teacher": {"engine": "transformers"}}), "needs `checkpoint`"),
        (changed(methods=[{"method": "cot", "sources": ["b"]}]), "unknown source 'b'"),
        (changed(budget={"calls": -1}), r"budget\.calls = -1"),
        (changed(train={"plan": [{"sft": {"learning_rat": 1}}]}), r"train\.plan\.0\.sft\.learning_rat: .*mean 'learning_rate'\?"),
        (changed(train={"plan": [{"rl": {"steps": "many"}}]}), r"recipe: train\.plan\.0\.rl\.steps = 'many'"),
        (changed(base={"tiny": {"widht": 64}}), r"recipe: base\.tiny\.widht is no key.*mean 'width'\?"),
        ({"name": "x"}, "problems is missing"),
        (changed(name="../up"), "name = '../up'"),
    ],
)  # fmt: skip
def test_a_bad_value_is_named_with_its_key_and_remedy(content, sentence):
    with pytest.raises(RecipeError, match=sentence):
        make_recipe(content, folder=Path())


@pytest.mark.parametrize("key", ["api_key", "api_key_env"])
def test_a_credential_in_the_wrong_place_is_not_shown(key):
    remote = {"engine": "vllm", "endpoint": "http://h:1", "name": "m", "revision": "1", key: "sk-123"}
    with pytest.raises(RecipeError, match=rf"models\.teacher\.{key}.*environment variable") as caught:
        make_recipe(changed(models={"teacher": remote}), folder=Path())
    assert "sk-123" not in str(caught.value)


def test_times_and_dates_stay_text_in_a_file_and_in_set(tmp_path):
    path = tmp_path / "r.yaml"
    path.write_text(
        yaml.safe_dump(MINIMAL) + "budget: {finish_by: 22:30}\ndescription: 2026-01-02\nvars: {x: 2026-13-45}\n"
    )
    recipe = load_recipe(path)
    assert (recipe.budget.finish_by, recipe.description, recipe.vars["x"]) == ("22:30", "2026-01-02", "2026-13-45")
    assert load_recipe(path, ["budget.finish_by=21:15"]).budget.finish_by == "21:15"
    assert load_recipe(path, ["budget.finish_by=3600"]).budget.finish_by == 3600


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
        ("methods.\u00b2.params=1", "no entry '\u00b2'"),
        ("name=a\033b", "recipe: name = "),
    ],
)
def test_a_bad_override_is_a_sentence(tmp_path, override, sentence):
    path = tmp_path / "r.yaml"
    path.write_text(yaml.safe_dump(MINIMAL))
    with pytest.raises(RecipeError, match=sentence):
        load_recipe(path, [override])


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("a: [", "no valid YAML"),
        ("- a", "must be a mapping"),
        ("\xff", "YAML|mapping"),
        ("name: a\nname: b", "the key 'name' stands twice"),
        ("a: " + "[" * 5000, "nested too deeply"),
        ("a: !!int b", "no valid YAML"),
        ('name: "\033[31m"', "no valid YAML"),
    ],
)
def test_a_broken_file_is_a_sentence(tmp_path, text, sentence):
    path = tmp_path / "r.yaml"
    path.write_text(text)
    with pytest.raises(RecipeError, match=sentence):
        load_recipe(path)
    with pytest.raises(RecipeError, match="does not exist"):
        load_recipe(tmp_path / "gone.yaml")


def test_a_path_that_is_set_counts_from_where_somebody_stands(tmp_path, monkeypatch):
    (tmp_path / "here" / "data").mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "here")
    assert from_here("vars.data=./data") == f"vars.data={tmp_path / 'here' / 'data'}"
    assert from_here("vars.data=../here/data") == f"vars.data={tmp_path / 'here' / 'data'}"
    assert from_here("vars.data=data") == "vars.data=data"
    assert from_here("vars.data=./missing") == "vars.data=./missing"
    assert from_here("train.plan.sft.path=./data") == "train.plan.sft.path=./data"


def test_vars_fill_paths_and_a_missing_one_says_how_to_set_it(tmp_path):
    recipe = make_recipe(changed(vars={"data": "/d"}), folder=tmp_path)
    assert recipe.path("${data}/x") == Path("/d/x") and recipe.path("y") == tmp_path / "y"
    with pytest.raises(RecipeError, match=r"--set vars\.other="):
        recipe.path("${other}/x")


def test_a_checkpoint_is_a_folder_or_a_name_on_the_hub(tmp_path):
    recipe = make_recipe(MINIMAL, folder=tmp_path)
    assert recipe.checkpoint("Qwen/Qwen3-0.6B") == "Qwen/Qwen3-0.6B"
    assert recipe.checkpoint("./mine") == str(tmp_path / "mine") and recipe.checkpoint("/x/mine") == "/x/mine"
    (tmp_path / "Qwen/Qwen3-0.6B").mkdir(parents=True)
    assert recipe.checkpoint("Qwen/Qwen3-0.6B") == str(tmp_path / "Qwen/Qwen3-0.6B")


REAL = {"engine": "vllm", "endpoint": "http://127.0.0.1:1", "name": "m", "revision": "1"}


@pytest.mark.parametrize(
    ("changes", "name"),
    [
        ({}, "hash"),
        (
            {"models": {"teacher": {"engine": "solver"}, "student": {"engine": "vllm", "checkpoint": "promoted"}}},
            "hash",
        ),
        ({"models": {"teacher": REAL}}, "boxed"),
        ({"models": {"teacher": {"engine": "solver"}, "grader": REAL}}, "hash"),
        ({"base": {"checkpoint": "Qwen/Qwen2.5-0.5B-Instruct"}}, "boxed"),
        ({"models": {"teacher": REAL}, "answer": "hash"}, "hash"),
        ({"answer": "own"}, "own"),
    ],
)
def test_answers_are_boxed_where_real_models_are_asked_unless_the_recipe_says_otherwise(changes, name):
    assert make_recipe(changed(**changes), folder=Path()).answer_format == name


def test_a_stage_that_sees_another_prompt_than_the_student_is_refused():
    student = {"engine": "vllm", "checkpoint": "promoted", "chat_template": {"enable_thinking": False}}
    content = {
        "name": "r", "problems": {"sources": [{"name": "a", "kind": "arithmetic"}]}, "methods": [{"method": "gold"}],
        "models": {"student": student}, "train": {"plan": [{"sft": {}}]},
    }  # fmt: skip
    with pytest.raises(RecipeError, match=r"sft.chat_template: \{\} is not what models.student.chat_template says"):
        make_recipe(content, folder=Path())
    content["train"] = {"plan": [{"sft": {"chat_template": {"enable_thinking": False}}}]}
    assert make_recipe(content, folder=Path()).train.steps[0].config.chat_template == {"enable_thinking": False}
