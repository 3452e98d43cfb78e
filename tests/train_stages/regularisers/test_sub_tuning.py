"""What is not trained stays the very same; layers that are not there are refused; the search finds the layer that can learn."""

import json
from types import SimpleNamespace

import pyarrow as pa
import pytest
import torch

from storage.errors import RecipeError, TrainingError
from tests.train_stages import every
from train_stages.config import SftConfig
from train_stages.models.tiny import TinyConfig, create_base
from train_stages.process.layer_search import search
from train_stages.regularisers import REGULARISERS
from train_stages.regularisers.sub_tuning import greedy
from train_stages.stages.sft import sft

SUB_TUNING = REGULARISERS.get("sub_tuning")
NAMES = ["model.embed_tokens.weight", *(f"model.layers.{n}.mlp.up_proj.weight" for n in range(4)), "model.norm.weight"]


@pytest.mark.parametrize(
    ("settings", "trained"),
    [({"layers": (1, -1)}, [2, 4]), ({"layers": (2, 3), "others": True}, [0, 3, 4, 5])],
)
def test_which_parameters_are_trained(settings, trained):
    assert list(SUB_TUNING(**settings).trained(NAMES)) == [NAMES[number] for number in trained]


def test_a_layer_that_is_not_there_is_refused_with_those_that_are():
    with pytest.raises(ValueError, match=r"layers = 4: the model has layers 0 to 3"):
        SUB_TUNING(layers=(4,)).trained(NAMES)


@pytest.mark.slow
def test_all_other_weights_stay_to_the_bit(base, rows, tmp_path):
    config = SftConfig(
        regularisers=[{"kind": "sub_tuning", "layers": [0]}], device="cpu", max_length=128, learning_rate=1e-2
    )
    after, before = (
        every.weights(path) for path in (sft(base, rows.slice(0, 30), tmp_path / "out", config).path, base)
    )
    moved = {name for name, value in before.items() if not torch.equal(value, after[name])}
    assert moved and all(".layers.0." in name for name in moved)
    with pytest.raises(TrainingError, match="layers = 7"):
        wrong = SftConfig(regularisers=[{"kind": "sub_tuning", "layers": [7]}], device="cpu", max_length=128)
        sft(base, rows.slice(0, 4), tmp_path / "wrong", wrong)


# What each set of three layers gives: layer 1 is best alone, and only 0 adds to it.
LOSSES = {(): 10.0, (0,): 6.0, (1,): 4.0, (2,): 7.0, (0, 1): 3.0, (1, 2): 3.99, (0, 1, 2): 2.99}


@pytest.mark.parametrize(
    ("most", "least_gain", "layers", "losses"),
    [
        (3, 0.01, (1, 0), (10.0, 4.0, 3.0)),  # a third layer lowers 3 by less than a hundredth
        (3, 0.0, (1, 0, 2), (10.0, 4.0, 3.0, 2.99)),
        (1, 0.0, (1,), (10.0, 4.0)),
        (3, 0.3, (1,), (10.0, 4.0)),
    ],
)
def test_the_search_by_hand(most, least_gain, layers, losses):
    made = greedy(3, LOSSES.__getitem__, most=most, least_gain=least_gain)
    assert (made.layers, made.losses, made.profile) == (layers, losses, (6.0, 4.0, 7.0))


def test_where_no_layer_helps_one_is_taken_and_no_other():
    assert greedy(4, lambda layers: 5.0, most=3, least_gain=0.01).layers == (0,)


def test_settings_that_would_do_nothing_are_refused():
    for settings, name in (
        ({"layers": [1], "most": 2}, "most"),
        ({"layers": "random", "trial_steps": 3}, "trial_steps"),
    ):
        with pytest.raises(RecipeError, match=f"{name} does nothing beside layers"):
            REGULARISERS.read({"kind": "sub_tuning", **settings}, "here")
    with pytest.raises(ValueError, match="searches in sft and cpt alone: name the layers"):
        SUB_TUNING(layers="greedy").trained(NAMES)
    drawn = {tuple(SUB_TUNING(layers="random", most=2, seed=seed).trained(NAMES)) for seed in range(20)}
    assert len(drawn) == 6 and all(len(names) == 2 for names in drawn), "every pair of four layers is drawn"


class Gated(torch.nn.Module):
    """A model of layers whose outputs are added up; a layer whose gate is shut can learn what it likes, nothing comes of it."""

    device = torch.device("cpu")

    def __init__(self, gates, words=12):
        super().__init__()
        self.gates, self.model = gates, torch.nn.Module()
        self.model.layers = torch.nn.ModuleList([torch.nn.Embedding(words, words) for _ in gates])

    def forward(self, input_ids, attention_mask, use_cache):
        parts = zip(self.gates, self.model.layers, strict=True)
        return SimpleNamespace(logits=sum(gate * layer(input_ids) for gate, layer in parts))


def counting(rows=40):
    """Texts in which each word is followed by the next one."""
    ids = [[(number + at) % 12 for at in range(8)] for number in range(rows)]
    return pa.table({"input_ids": ids, "labels": ids})


def test_the_layer_that_can_learn_is_found_in_five_seeds_of_five():
    config = SftConfig(batch_tokens=64, device="cpu", learning_rate=0.1)
    part = SUB_TUNING(layers="greedy", most=2, trial_steps=10)
    for seed in range(5):
        torch.manual_seed(seed)
        model = Gated([float(layer == seed % 4) for layer in range(4)])
        before = {name: weight.detach().clone() for name, weight in model.named_parameters()}
        made = search(part, config, model, counting(), seed)
        assert made.layers == (seed % 4,) and made.losses[1] < 0.7 * made.losses[0], "no other adds anything"
        assert all(torch.equal(weight, before[name]) for name, weight in model.named_parameters())
        assert all(weight.requires_grad and weight.grad is None for weight in model.parameters())
    shut = search(part, config, Gated([0.0] * 4), counting(), 0)
    assert len(set(shut.profile)) == 1 and shut.losses[0] == shut.losses[1], "where none can learn none is better"


@pytest.mark.slow
def test_the_stage_trains_the_layers_that_it_found(problems, rows, tmp_path):
    shape = TinyConfig(width=32, layers=3, heads=1, ffn=64, context=128, vocabulary=400)
    deep = create_base(tmp_path / "base", [f"{p.prompt}\n{p.solution}" for p in problems], config=shape)
    part = {"kind": "sub_tuning", "layers": "greedy", "most": 2, "trial_steps": 2, "least_gain": 0}
    options = {"device": "cpu", "max_length": 128, "learning_rate": 1e-2, "batch_tokens": 400}
    result = sft(deep, rows.slice(0, 30), tmp_path / "out", SftConfig(regularisers=[part], **options))
    choice = json.loads((result.path / "sub_tuning.json").read_text())
    assert 1 <= len(choice["layers"]) <= 2 and len(choice["profile"]) == 3
    before, after = every.weights(deep), every.weights(result.path)
    moved = {name.split(".layers.")[-1][0] for name in before if not torch.equal(before[name], after[name])}
    assert moved == {str(layer) for layer in choice["layers"]}
    with pytest.raises(TrainingError, match="leave adapter out, or name the layers"):
        sft(deep, rows.slice(0, 8), tmp_path / "no", SftConfig(regularisers=[part], adapter={}, device="cpu"))
