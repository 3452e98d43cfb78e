"""Merging as a stage: what a plan says of it, the weights that it makes, and what it refuses."""

import json

import pytest
import torch

from storage.errors import RecipeError, TrainingError
from storage.models.adapters import whole
from storage.models.merging import Vector
from tests.train_stages import every
from train_stages.config import MergeConfig, SftConfig
from train_stages.plan.pin import plan_digests
from train_stages.plan.steps import Origin, read_plan
from train_stages.process.job import Job
from train_stages.stages.merge import MERGE, merge
from train_stages.stages.sft import sft

OPTIONS = {"batch_tokens": 512, "max_length": 128, "device": "cpu", "learning_rate": 0.02}


def test_a_plan_names_the_models_of_task_vectors():
    vectors = [{"model": "puzzles", "weight": 0.5}, {"model": "models/mine", "base": "incumbent", "weight": -1}]
    plan = [
        {"sft": {"name": "sums"}},
        {"sft": {"name": "puzzles", "from": "incumbent"}},
        {"merge": {"vectors": vectors}},
    ]
    merging = read_plan(plan)[-1]
    assert merging.models == {
        "puzzles": Origin(step="puzzles"), "models/mine": Origin(checkpoint="models/mine"), "incumbent": Origin(),
    }  # fmt: skip
    assert not merging.rows and merging.start == "puzzles"
    other = read_plan([*plan[:2], {"merge": {"vectors": [{"model": "sums", "weight": 0.5}, *vectors[1:]]}}])
    assert plan_digests([merging])["stage merge"] != plan_digests(other[-1:])["stage merge"]


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ({"where": "true"}, r"train.plan.0.merge.where: merge reads no rows: leave it out"),
        ({"epochs": 2}, r"train.plan.0.merge.epochs: there is no such setting: merging trains nothing"),
        ({"vectors": [{"model": "later"}]}, r"train.plan.0.merge.models = 'later': this stage comes later"),
        ({"vectors": [{"model": "a", "weight": 0}]}, r"weight = 0: a weight of 0 adds nothing: leave the vector out"),
        ({"vectors": [{"weight": 1}]}, r"train.plan.0.merge.vectors.0.model"),
    ],
)
def test_what_a_plan_cannot_say_of_it(content, sentence):
    with pytest.raises(RecipeError, match=sentence):
        read_plan([{"merge": content}, {"sft": {"name": "later"}}])


@pytest.fixture(scope="module")
def trained(base, rows, tmp_path_factory):
    folder = tmp_path_factory.mktemp("trained")
    return {
        "adapter": sft(base, rows, folder / "adapter", SftConfig(adapter={"r": 4}, **OPTIONS)).path,
        "tuned": sft(base, rows.slice(0, 60), folder / "tuned", SftConfig(**OPTIONS)).path,
    }


def same(one, other):
    first, second = every.weights(one), every.weights(other)
    return all(torch.equal(value, second[name]) for name, value in first.items())


@pytest.mark.slow
def test_an_adapter_is_merged_into_its_base(base, trained, tmp_path):
    merged = merge(trained["adapter"], [], tmp_path / "out")
    assert same(merged.path, whole(trained["adapter"])) and not same(merged.path, base)
    assert (merged.path / "tokenizer.json").exists() and json.loads((merged.path / "training.json").read_text())
    with pytest.raises(TrainingError, match="is no adapter, so there is nothing to merge into its base"):
        merge(base, [], tmp_path / "other")


@pytest.mark.slow
def test_what_one_taught_is_added_and_taken_away(base, trained, tmp_path):
    """As the process does it: the job names the checkpoints of the vectors."""

    def job(out, parent, vectors, **models):
        described = Job(
            parent=parent, rows=tmp_path / "none", out=tmp_path / out, options={"vectors": vectors}, models=models
        )
        MERGE.check(described)
        return MERGE.run(described, lambda *_: None).path

    both = job("both", base, [{"model": "a"}, {"model": "t"}], a=trained["adapter"], t=trained["tuned"])
    assert not same(both, base)
    back = job("back", both, [{"model": "a", "base": "b", "weight": -1}], a=trained["adapter"], b=base)
    first, second = every.weights(back), every.weights(trained["tuned"])
    assert all(torch.allclose(value, second[name], atol=1e-6) for name, value in first.items())
    with pytest.raises(TrainingError, match=r"vectors.0: the job names no checkpoint 'x' under models"):
        job("x", base, [{"model": "x"}])
    vectors = [Vector(trained["tuned"], base, 1.0)]
    assert same(merge(base, vectors, tmp_path / "t", MergeConfig()).path, trained["tuned"])
