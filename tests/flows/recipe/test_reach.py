"""What `nightschool plan` says of a recipe that reaches for credentials and files."""

import json

import pytest
import yaml
from typer.testing import CliRunner

from flows.cli import app
from flows.recipe.reach import outside_files, variables
from flows.recipe.recipe import load_recipe, make_recipe
from storage.errors import RecipeError, WorkspaceError
from storage.workspace import Workspace

ENDPOINT = {"engine": "vllm", "name": "m", "revision": "1", "api_key_env": "SOME_KEY"}


def content(**more):
    return {
        "name": "x",
        "problems": {"sources": [{"name": "a", "kind": "arithmetic", "limit": 2}]},
        "models": {"teacher": {"engine": "solver"}},
        "methods": [{"method": "cot"}],
        **more,
    }


def test_every_variable_is_named_with_every_host_it_goes_to(tmp_path, monkeypatch):
    monkeypatch.setenv("SOME_KEY", "secret")
    monkeypatch.delenv("OTHER_KEY", raising=False)
    models = {
        "teacher": {**ENDPOINT, "endpoint": ["https://one.example:8443/v1", "http://two.example"]},
        "student": {**ENDPOINT, "endpoint": "http://two.example/v1", "api_key_env": "OTHER_KEY"},
        "judge": {**ENDPOINT, "endpoint": "http://two.example/other"},
        "keyless": {"engine": "vllm", "name": "m", "revision": "1", "endpoint": "http://three.example"},
    }
    rows = variables(make_recipe(content(models=models), folder=tmp_path))
    assert [(row["variable"], row["set"], row["sent_to"], row["named_by"]) for row in rows] == [
        ("SOME_KEY", True, "https://one.example:8443", ["models.teacher.api_key_env"]),
        ("SOME_KEY", True, "http://two.example", ["models.teacher.api_key_env", "models.judge.api_key_env"]),
        ("OTHER_KEY", False, "http://two.example", ["models.student.api_key_env"]),
    ]


def test_the_token_of_the_hub_is_named_where_something_is_fetched(tmp_path):
    sources = [{"name": "a", "kind": "gsm8k"}, {"name": "b", "kind": "gsm8k", "options": {"path": "b.jsonl"}}]
    methods = [{"method": "auto_cot", "params": {"embedding": name}} for name in ("tf_idf", "owner/static")]
    base = {"checkpoint": "owner/model"}
    recipe = make_recipe(content(problems={"sources": sources}, base=base, methods=methods), folder=tmp_path)
    (row,) = variables(recipe)
    named_by = ["problems.sources.0", "methods.1.params.embedding", "base.checkpoint"]
    assert (row["variable"], row["named_by"]) == ("HF_TOKEN", named_by)


def test_the_keys_of_trackers_are_named_with_where_they_go(tmp_path, monkeypatch):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "https://u:hunter2@tracker.example/x?y=1")
    monkeypatch.delenv("WANDB_BASE_URL", raising=False)
    plan = [
        {"sft": {"report_to": ["wandb", "mlflow", "tensorboard"]}},
        {"sft": {"name": "more", "report_to": ["wandb"]}},
    ]
    arms = {"a": {}, "b": {"train": {"report_to": ["trackio"]}}}
    experiment = {"release": "x", "tokens": 5, "arms": arms}
    rows = variables(make_recipe(content(train={"plan": plan}, experiment=experiment), folder=tmp_path))
    assert [(row["variable"], row["sent_to"], row["named_by"]) for row in rows] == [
        ("WANDB_API_KEY", "the server of wandb", ["train.plan.0.sft.report_to", "train.plan.1.sft.report_to"]),
        ("MLFLOW_TRACKING_TOKEN", "https://tracker.example/x", ["train.plan.0.sft.report_to"]),
        ("HF_TOKEN", "the Hugging Face Hub", ["experiment.arms.b.train.report_to"]),
    ]


def test_every_file_outside_the_folder_is_named(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    folder = tmp_path / "recipes"
    folder.mkdir()
    secret = tmp_path / "secret.txt"
    secret.write_text("x")
    (folder / "inside.jinja").write_text("x")
    (folder / "link.jinja").symlink_to(secret)
    recipe = make_recipe(
        content(
            prompts={"solve": "link.jinja"},
            vars={"data": str(tmp_path)},
            problems={"sources": [{"name": "a", "kind": "file", "options": {"path": "${data}/rows.jsonl", "mapping": "gsm8k"}}]},
            methods=[{"method": "cot", "prompts": {"solve": "../secret.txt"}}, {"method": "gold", "prompts": {"solve": "inside.jinja"}}],  # noqa: E501
            base={"checkpoint": "~/model"},
        ),
        folder=folder,
    )  # fmt: skip
    rows = {row["named_by"]: row["file"] for row in outside_files(recipe)}
    assert rows == {
        "prompts.solve": str(secret),
        "vars.data": str(tmp_path),
        "problems.sources.0.options.path": str(tmp_path / "rows.jsonl"),
        "methods.0.prompts.solve": str(secret),
        "base.checkpoint": str(tmp_path / "home" / "model"),
    }


def test_plan_says_both(tmp_path, monkeypatch):
    monkeypatch.setenv("SOME_KEY", "do-not-show-1234")
    (tmp_path / "solve.jinja").write_text("{{ problem.prompt }}")
    folder = tmp_path / "recipes"
    folder.mkdir()
    models = {"teacher": {**ENDPOINT, "endpoint": "http://one.example"}}
    (folder / "x.yaml").write_text(yaml.safe_dump(content(models=models, prompts={"solve": "../solve.jinja"})))
    arguments = ["plan", str(folder / "x.yaml"), "--workspace", str(tmp_path / "none"), "--date", "2026-01-01"]
    shown = CliRunner().invoke(app, arguments).stdout
    output = CliRunner().invoke(app, [*arguments, "--json"]).stdout
    for text in (shown, output):
        assert "SOME_KEY" in text and "http://one.example" in text and "do-not-show" not in text
    assert json.loads(output)["outside_files"] == [{"named_by": "prompts.solve", "file": str(tmp_path / "solve.jinja")}]


@pytest.mark.parametrize(
    "endpoint",
    ["http://user:hunter2@host", "https://hunter2@host/v1", "user:hunter2@host:80", "http://host?key=hunter2", "http://host#hunter2",
     ["http://fine", "http://u:hunter2@host"], "ftp://u:hunter2@host"],
)  # fmt: skip
def test_an_endpoint_with_a_password_is_refused_at_once_and_not_repeated(tmp_path, endpoint):
    (tmp_path / "x.yaml").write_text(yaml.safe_dump(content(models={"teacher": {**ENDPOINT, "endpoint": endpoint}})))
    with pytest.raises(RecipeError, match="api_key_env") as refused:
        load_recipe(tmp_path / "x.yaml")
    assert "hunter2" not in str(refused.value)


@pytest.mark.parametrize(
    "address", ["http://u:hunter2@host:8000", "http://host/v1?key=hunter2", "ftp://u:hunter2@host"]
)
@pytest.mark.parametrize(
    "stage",
    [{"rl": {"rollouts": "vllm", "rollout_endpoint": "ADDRESS"}}, {"distil": {"teacher_endpoint": "ADDRESS"}}],
    ids=["rl", "distil"],
)
def test_an_address_with_a_password_in_a_stage_is_refused_and_not_repeated(tmp_path, stage, address):
    text = yaml.safe_dump(content(train={"plan": [stage]})).replace("ADDRESS", address)
    (tmp_path / "x.yaml").write_text(text)
    with pytest.raises(RecipeError, match="without user, password or query") as refused:
        _ = load_recipe(tmp_path / "x.yaml").train.steps
    assert "hunter2" not in str(refused.value)


@pytest.mark.parametrize("name", ["../../escaped", "/tmp/escaped", "..", "a/b", "a\0b", ""])
def test_no_name_in_a_recipe_leads_out_of_the_workspace(tmp_path, name):
    arm = {"where": "true"}
    experiment = {"release": "x", "tokens": 5, "arms": {name: arm, "b": arm}}
    with pytest.raises(RecipeError, match=r"experiment\.arms"):
        make_recipe(content(experiment=experiment), folder=tmp_path)
    with pytest.raises(RecipeError, match="models"):
        make_recipe(content(models={"teacher": {"engine": "solver"}, name: {"engine": "solver"}}), folder=tmp_path)
    with pytest.raises(WorkspaceError, match="no name of a folder"):
        Workspace.create(tmp_path / "w").folder("servers", name)
