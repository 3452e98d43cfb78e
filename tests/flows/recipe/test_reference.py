from pathlib import Path

import pytest

from flows.recipe.reference import reference, section, sections
from storage.errors import RecipeError
from train_stages.reference import setting_rows

ROOT = Path(__file__).resolve().parents[3]


def test_every_key_of_every_part_has_a_meaning():
    nameless = [(part.name, key) for part in sections() for key, _, meaning in setting_rows(part.model) if not meaning]
    assert not nameless, "give the field a description"


def test_parts_of_every_kind_are_there():
    names = [part.name for part in sections()]
    assert len(set(names)) == len(names)
    assert {"recipe", "source gsm8k", "method cot", "filter length", "train sft", "budget"} <= set(names)


def test_the_page_is_what_the_program_says():
    assert (ROOT / "docs" / "recipe.md").read_text(encoding="utf-8") == reference(), "run `make docs`"


def test_an_unknown_part_names_the_nearest():
    with pytest.raises(RecipeError, match="did you mean 'budget'"):
        section("bugdet")
