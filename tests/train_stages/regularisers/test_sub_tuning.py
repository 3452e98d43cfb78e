"""What is not trained stays the very same, and layers that are not there are refused."""

import pytest
import torch

from storage.errors import TrainingError
from tests.train_stages import every
from train_stages.config import SftConfig
from train_stages.regularisers import REGULARISERS
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
