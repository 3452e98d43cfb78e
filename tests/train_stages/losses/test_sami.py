"""SAMI learns which constitution an answer was written under, and nothing where that was drawn by lot."""

import math
import random

import pyarrow as pa
import pytest
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

from storage.errors import TrainingError
from tests.train_stages import every
from train_stages.config import PreferenceConfig
from train_stages.data.batches import Plan, with_twins
from train_stages.losses import LOSSES
from train_stages.losses.inputs import Answers, Pairs
from train_stages.stages.preference import preference, twins

SAMI = LOSSES.make("sami")


def turn(role, text):
    return [{"role": role, "content": text}]


def row(number, swapped=False):
    """A sum that is answered in long words under one constitution, and in short ones under the other."""
    prompts = [turn("user", f"{number} + 1? {how}") for how in ("Be long.", "Be short.")]
    first, second = reversed(prompts) if swapped else prompts
    chosen, rejected = (turn("assistant", text) for text in (f"it is after {number}", f"{number + 1}"))
    return {"prompt": first, "other_prompt": second, "chosen": chosen, "rejected": rejected}


def test_twins_exchange_prompts_and_answers():
    first, second = twins(row(3))
    assert first == row(3) and twins(second)[1] == first
    exchanged = {"prompt": "other_prompt", "other_prompt": "prompt", "chosen": "rejected", "rejected": "chosen"}
    assert second == {name: row(3)[other] for name, other in exchanged.items()}
    assert with_twins(Plan([[2], [0, 1]], 1, 2, 9)).batches == [[4, 5], [0, 1, 2, 3]]


def test_it_is_the_contrastive_loss_of_the_square():
    """Cross-entropy of the diagonal over rows and over columns, by torch, of squares of random log-probabilities."""
    square = torch.randn(5, 2, 2, dtype=torch.float64)
    diagonal = torch.arange(2).expand(5, 2)
    expected = [torch.nn.functional.cross_entropy(part, diagonal) for part in (square, square.transpose(1, 2))]
    ones = torch.ones(10)
    own, other = square.diagonal(dim1=1, dim2=2).flatten(), square.flip(2).diagonal(dim1=1, dim2=2).flatten()
    value = SAMI(Pairs(Answers(own, ones), Answers(other, ones))).mean()
    torch.testing.assert_close(value, sum(expected) / 2)


def test_two_prompts_that_are_the_same_tell_nothing():
    """The neutral limit: the bound is at most 0, and where both answers are as likely nothing is pulled."""
    ones = torch.ones(2)
    for pair in torch.randn(50, 2, dtype=torch.float64):
        assert SAMI(Pairs(Answers(pair, ones), Answers(pair.flip(0), ones))).mean() >= math.log(2)
    alike = torch.tensor([-1.5, -1.5], requires_grad=True)
    SAMI(Pairs(Answers(alike, ones), Answers(alike.flip(0), ones))).sum().backward()
    assert alike.grad.tolist() == pytest.approx([0.0, 0.0], abs=1e-7)


def bound(folder, rows):
    """The lower bound on the mutual information, in nats, on rows."""
    tokenizer, model = AutoTokenizer.from_pretrained(folder), AutoModelForCausalLM.from_pretrained(folder).eval()
    sides = {"chosen": [], "rejected": []}
    for pair in (twin for each in rows for twin in twins(each)):
        for side, means in sides.items():
            asked = tokenizer.apply_chat_template(pair["prompt"], add_generation_prompt=True, return_dict=True)
            ids = tokenizer.apply_chat_template(pair["prompt"] + pair[side], return_dict=True)["input_ids"]
            given = len(asked["input_ids"])
            logps, mask = every.log_probabilities(model, ids, [-100] * given + ids[given:])
            means.append(float(logps.sum() / mask.sum()))
    ones = torch.ones(2 * len(rows))
    return math.log(2) - float(SAMI(Pairs(*(Answers(torch.tensor(means), ones) for means in sides.values()))).mean())


@pytest.mark.slow
def test_what_is_planted_is_learned_and_what_is_drawn_by_lot_is_not(base, tmp_path):
    rng = random.Random(5)
    held, learned = [row(number) for number in range(50, 60)], range(10, 50)
    options = {
        "loss": "sami",
        "epochs": 4,
        "learning_rate": 1e-2,
        "batch_tokens": 400,
        "device": "cpu",
        "max_length": 128,
    }
    tables = {
        "planted": [row(number) for number in learned],
        "by lot": [row(number, swapped=rng.random() < 0.5) for number in learned],
    }
    bounds = {
        name: bound(
            preference(base, pa.Table.from_pylist(rows), tmp_path / name, PreferenceConfig(**options)).path, held
        )
        for name, rows in tables.items()
    }
    before = bound(base, held)
    assert abs(before) < 0.1, "the parent cannot tell"
    assert bounds["planted"] > 0.4 and bounds["by lot"] < 0.2, bounds


@pytest.mark.slow
def test_pairs_of_one_prompt_are_left_out_and_alone_refused(base, tmp_path):
    plain = {**row(1), "other_prompt": None}
    config = PreferenceConfig(loss="sami", device="cpu", max_length=128)
    made = preference(base, pa.Table.from_pylist([row(2), plain, row(3)]), tmp_path / "out", config)
    assert made.metrics["pairs"] == 4, "two rows, each with its twin"
    with pytest.raises(TrainingError, match="loss sami needs pairs with two prompts: select rows of the method sami"):
        preference(base, pa.Table.from_pylist([row(2)]).drop_columns("other_prompt"), tmp_path / "none", config)
