from synth.answers.comparing.outcomes import CORRECT, UNVERIFIABLE, WRONG, at_most, equally, of_all


def test_how_outcomes_of_parts_come_together():
    assert of_all([CORRECT, WRONG, UNVERIFIABLE]) is WRONG
    assert of_all([CORRECT, UNVERIFIABLE]) is UNVERIFIABLE
    assert of_all([CORRECT]) is CORRECT
    assert [at_most(outcome) for outcome in (CORRECT, WRONG, UNVERIFIABLE)] == [UNVERIFIABLE, WRONG, UNVERIFIABLE]
    assert (equally(True), equally(False)) == (CORRECT, WRONG)
