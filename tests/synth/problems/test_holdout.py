from synth.problems.holdout import draw_heldout, structure_ids
from synth.problems.knights_knaves import KnightsKnaves


def test_heldout_and_training_never_share_a_structure():
    source = KnightsKnaves(people=(2, 3), style="compact")
    held = draw_heldout(source, 10, (2, 3), seed=1)
    assert [problem.tier for problem in held] == [2] * 10 + [3] * 10
    assert held == draw_heldout(source, 10, (2, 3), seed=1) != draw_heldout(source, 10, (2, 3), seed=2)
    drawn = source.draw(60, seed=1, exclude=structure_ids(held))
    assert not structure_ids(held) & structure_ids(drawn)
