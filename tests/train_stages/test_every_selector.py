"""Every selector: at neutral settings nothing changes, and a training that broke off ends in the same weights."""

import json

import numpy as np
import pytest
import torch

from storage.errors import RecipeError
from tests.train_stages import every
from train_stages.config import SftConfig
from train_stages.selectors import SELECTORS
from train_stages.stages.sft import sft

PARTS = SELECTORS.all()
SETTINGS = {"random": {"share": 0.4}, "multistage": {"first": 0.2, "window": 8, "watched": 4, "confident": 0.6}}


def part(name):
    return PARTS[name](**SETTINGS.get(name, {}))


@pytest.mark.parametrize("name", PARTS)
def test_it_is_described(name):
    made = part(name)
    assert made.name == name and made.summary().endswith(".")
    assert all(field.description for field in type(made).model_fields.values())
    assert SELECTORS.read(made.model_dump(mode="json"), "here") == made
    with pytest.raises(RecipeError, match=r"^here\.shares: "):
        SELECTORS.read({**made.model_dump(mode="json"), "shares": 1}, "here")


def decisions(stream, rows, losses):
    """What a stream decides of rows that come four at a time."""
    made = []
    for at in range(0, len(rows), 4):
        looks = stream.looks(rows[at : at + 4])
        seen = [number for number, look in enumerate(looks, start=at) if look]
        learns = dict(zip(seen, stream.learns([rows[n] for n in seen], [losses[n] for n in seen]), strict=True))
        made += [(look, learns.get(number)) for number, look in enumerate(looks, start=at)]
    return made


@pytest.mark.parametrize("name", PARTS)
def test_a_state_goes_on_alike(name):
    rng = np.random.default_rng(0)
    rows = [rng.integers(0, 40, size=6).tolist() for _ in range(120)]
    losses = [1.0 + (min(row) < 5) + rng.random() / 10 for row in rows]
    whole = decisions(part(name).begin(120, 7), rows, losses)
    first, second = part(name).begin(120, 7), part(name).begin(120, 7)
    begun = decisions(first, rows[:60], losses[:60])
    second.restore(json.loads(json.dumps(first.state())))
    assert begun + decisions(second, rows[60:], losses[60:]) == whole
    assert len(set(whole)) > 1, "it selects something"


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name in PARTS if PARTS[name].neutral is not None])
def test_at_neutral_settings_it_changes_nothing(base, rows, tmp_path, name):
    options = {"batch_tokens": 240, "micro_batch_tokens": 80, "device": "cpu", "max_length": 128, "learning_rate": 1e-3}
    plain = sft(base, rows.slice(0, 40), tmp_path / "plain", SftConfig(**options))
    select = {"kind": name, **PARTS[name].neutral}
    selected = sft(base, rows.slice(0, 40), tmp_path / "selected", SftConfig(select=select, **options))
    before, after = every.weights(plain.path), every.weights(selected.path)
    assert all(torch.allclose(before[key], after[key], rtol=0, atol=1e-6) for key in before)
    assert selected.metrics["rows_learned"] == selected.metrics["rows_seen"] == 40
    assert selected.tokens == plain.tokens


@pytest.mark.slow
@pytest.mark.parametrize("name", PARTS)
def test_a_training_that_breaks_off_goes_on_to_the_same_weights(base, rows, tmp_path, name):
    select = {"kind": name, **SETTINGS.get(name, {})}
    every.check_resume("sft", base, rows.slice(0, 60), tmp_path, select=select, learning_rate=1e-3, batch_tokens=256)


def test_what_it_cannot_be_set_beside():
    for options, sentence in (
        ({"packing": True}, "select looks at each row by itself: set packing: false"),
        ({"accelerate": "ddp"}, "select decides in one process: leave accelerate out"),
    ):
        with pytest.raises(RecipeError, match=sentence):
            every.read("sft", select="multistage", **options)
    with pytest.raises(RecipeError, match="packing: none"):
        every.read("cpt", select="multistage", packing="wrapped")
