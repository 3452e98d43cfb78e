"""Every switch: by hand, a chance whatever the norms are."""

import pytest

from storage.errors import RecipeError
from tests.train_stages import every
from train_stages.config import RlConfig
from train_stages.switches import SWITCHES
from train_stages.switches.base import Norms

PARTS = SWITCHES.all()


@pytest.mark.parametrize("name", PARTS)
def test_it_is_described(name):
    every.check_described(SWITCHES, name)


@pytest.mark.parametrize("name", PARTS)
def test_it_is_what_was_worked_out_by_hand(name):
    assert PARTS[name].examples
    for example in PARTS[name].examples:
        assert PARTS[name](**example.settings)(example.norms) == pytest.approx(example.expected, abs=1e-9)


@pytest.mark.parametrize("name", PARTS)
def test_it_is_a_chance(name):
    for supervised in (None, 0.0, 1e-9, 1.0, 1e9):
        for reinforced in (None, 0.0, 1e-9, 1.0, 1e9):
            assert 0 <= PARTS[name]()(Norms(supervised, reinforced)) <= 1


def test_averages_move_by_a_tenth_and_apart():
    norms = Norms().after(True, 2.0, 0.9).after(False, 5.0, 0.9).after(True, 4.0, 0.9)
    assert norms == Norms(pytest.approx(0.9 * 2 + 0.1 * 4), 5.0)


def test_a_switch_is_read_as_a_recipe_writes_it():
    assert RlConfig().switch is None and every.read("rl", switch=None).switch is None
    assert every.read("rl", switch="sasr").switch.gamma == 1
    assert every.read("rl", switch={"kind": "share", "supervised": 0.2}).switch.supervised == 0.2
    with pytest.raises(RecipeError, match=r"^rl\.switch\.gama: unknown setting"):
        every.read("rl", switch={"kind": "sasr", "gama": 1})
    with pytest.raises(RecipeError, match="exchange them"):
        every.read("rl", switch={"kind": "sasr", "least": 0.9, "most": 0.1})
