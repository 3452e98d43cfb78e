from synth.problems.base import Problem
from synth.problems.rule import Rule

PROBLEM = Problem("math_word", "test", "q", "6", "q", solution="5 + 3 = 8\n8 - 2 = 6")
BARE = Problem("math_word", "test", "q", "6", "q")


def test_a_false_step_is_the_only_one_that_may_be_named():
    rule = Rule.of(PROBLEM, "5 + 3 = 8\n8 - 2 = 5\n#### 5")
    assert rule.sure and rule.first_false == rule.first_wrong == 2
    assert [rule.allows(step) for step in (None, 1, 2, 3, 4)] == [False, False, True, False, False]
    assert [rule.contradicts(step) for step in (None, 1, 2, 3, 4)] == [False, True, False, True, True]
    assert rule.columns(2) == {"rule_first_error_step": 2, "step_sure": True, "step_agrees": True}
    assert rule.columns(1)["step_agrees"] is False


def test_a_true_step_from_elsewhere_is_neither_named_nor_denied():
    rule = Rule.of(PROBLEM, "5 + 3 = 8\n8 + 2 = 10\n#### 10")
    assert not rule.sure and rule.first_wrong is None and rule.labels == (True, None)
    assert not rule.allows(2) and not rule.contradicts(2)
    assert rule.contradicts(1)  # which the derivation takes
    assert rule.columns(2) == {"rule_first_error_step": None, "step_sure": False, "step_agrees": None}


def test_steps_that_take_known_values_only_and_answer_wrongly_are_unsure():
    assert Rule.of(PROBLEM, "5 + 3 = 8\n#### 8").labels == (None,)


def test_without_a_derivation_a_teacher_is_believed_but_not_past_a_false_step():
    rule = Rule.of(BARE, "5 + 3 = 8\n8 + 2 = 10\n10 + 1 = 12\n#### 12")
    assert not rule.known and rule.labels == (None, None, False) and rule.columns(1) == {}
    assert rule.allows(2) and rule.allows(3) and rule.contradicts(4) and rule.contradicts(9)
