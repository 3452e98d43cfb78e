"""Every transform: by hand, a function of its seed that leaves the user's turns alone, and the same after a break."""

import pytest
from transformers import AutoTokenizer

from storage.errors import TrainingError
from tests.train_stages import every
from train_stages.config import SftConfig
from train_stages.stages.sft import encode
from train_stages.transforms import TRANSFORMS

PARTS = TRANSFORMS.all()


@pytest.mark.parametrize("name", PARTS)
def test_it_is_described(name):
    every.check_described(TRANSFORMS, name)


@pytest.mark.parametrize("name", PARTS)
def test_it_is_what_was_worked_out_by_hand(name):
    every.check_transform(PARTS[name])


@pytest.mark.parametrize("name", PARTS)
def test_what_is_encoded_is_transformed_or_was_encoded_before(base, rows, name):
    tokenizer = AutoTokenizer.from_pretrained(base)
    digests = [encode(tokenizer, rows, SftConfig(transforms=[name]), seed).digest for seed in (1, 1, 2)]
    assert digests[0] == digests[1] != digests[2]
    if PARTS[name].neutral is not None:
        still = SftConfig(transforms=[PARTS[name](**PARTS[name].neutral)])
        assert encode(tokenizer, rows, still).digest == encode(tokenizer, rows, SftConfig()).digest
    ready = encode(tokenizer, rows.slice(0, 2), SftConfig()).table
    with pytest.raises(TrainingError, match="leave transforms out"):
        encode(tokenizer, ready, SftConfig(transforms=[name]))


@pytest.mark.slow
@pytest.mark.parametrize("name", PARTS)
def test_a_training_that_breaks_off_goes_on_to_the_same_weights(base, rows, tmp_path, name):
    options = {"transforms": [name], "learning_rate": 1e-3, "batch_tokens": 256}
    every.check_resume("sft", base, rows.slice(0, 60), tmp_path, **options)
