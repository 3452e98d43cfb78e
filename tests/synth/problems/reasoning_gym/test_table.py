import pytest

from storage.errors import RecipeError
from synth.problems.reasoning_gym.table import offered, offered_task, surveyed


def test_most_tasks_of_the_library_are_offered_and_the_others_have_a_reason():
    assert len(offered()) >= 90
    assert all(row.refused or row.tiers >= 1 for row in surveyed().values())
    assert not {"composite", "codeio", "puzzle24", "game_of_life_halting"} & set(offered())
    assert surveyed()["number_format"].inexact and surveyed()["spell_backward"].inexact is None


def test_a_task_is_refused_by_name():
    with pytest.raises(
        RecipeError, match=r"'puzzle24' of reasoning-gym is not offered: its scorer takes the answers to other"
    ):
        offered_task("puzzle24")
    with pytest.raises(RecipeError, match="did you mean 'countdown'"):
        offered_task("countdwn")
