from synth.problems.base import Problem
from synth.problems.holdout import draw_heldout, exclude_heldout, structure_ids
from synth.problems.knights_knaves import KnightsKnaves


def test_heldout_and_training_never_share_a_structure():
    source = KnightsKnaves(people=(2, 3), style="compact")
    held = draw_heldout(source, 10, (2, 3), seed=1)
    assert [problem.tier for problem in held] == [2] * 10 + [3] * 10
    assert held == draw_heldout(source, 10, (2, 3), seed=1) != draw_heldout(source, 10, (2, 3), seed=2)
    drawn = source.draw(60, seed=1, exclude=structure_ids(held))
    assert not structure_ids(held) & structure_ids(drawn)
    assert exclude_heldout(drawn, held) == list(drawn)


def test_the_same_prompt_is_excluded_under_another_structure():
    held = [Problem(task="t", source="s", prompt="p", gold="1", structure="a")]
    other = Problem(task="t", source="s", prompt="p", gold="1", structure="b")
    fresh = Problem(task="t", source="s", prompt="q", gold="1", structure="c")
    assert exclude_heldout([other, fresh], held) == [fresh]
