import pytest

from synth.answers.outcome import Outcome
from synth.problems import get_task, open_source
from synth.problems.solutions import (
    CUTS,
    Solution,
    new_strategies,
    outcome_efficiency,
    process_efficiency,
    solutions,
)


def part(words, right, *strategy, end=0):
    return Solution(end, words, Outcome.CORRECT if right else Outcome.WRONG, frozenset(strategy))


def test_the_papers_example():
    """39 of 901 tokens lead to the first right answer: 4.3 %."""
    assert round(outcome_efficiency([part(39, True), part(862, True)]), 3) == 0.043
    assert outcome_efficiency([part(39, False), part(61, True)]) == 1.0
    assert outcome_efficiency([part(39, False)]) == 0.0 and outcome_efficiency([]) is None


def test_process_efficiency_counts_each_strategy_once():
    parts = [part(10, True, "a"), part(30, True, "a"), part(20, True, "b"), part(40, True, "a", "b")]
    assert new_strategies(parts) == [True, False, True, False] and process_efficiency(parts) == 0.3
    assert process_efficiency([part(10, True), part(10, True)]) == 0.5, "nothing calculated: the first is new, no other"


def test_cuts_are_nested_and_end_where_a_solution_ends():
    parts = [
        part(5, False, "w", end=1),
        part(5, True, "a", end=2),
        part(5, True, "a", end=3),
        part(5, True, "b", end=4),
    ]
    assert {name: where(parts) for name, where in CUTS.items()} == {
        "first_right": 2,
        "first_right_and_reflection": 3,
        "greedily_diverse": 2,  # the next one calculates nothing new
    }
    parts[2] = part(5, True, "c", end=3)
    assert CUTS["greedily_diverse"](parts) == 4
    for where in CUTS.values():
        assert where(parts) >= CUTS["first_right"](parts) and where(parts[:1]) is None


@pytest.mark.parametrize("mark", ["#### {}", "\\boxed{{{}}}", "The answer is {}."])
def test_a_long_answer_is_cut_where_it_answers(mark):
    (problem,) = open_source("arithmetic", {"tiers": [1]}).draw(1, seed=1, tier=1)
    good, bad = mark.format(problem.gold), mark.format("-7")
    text = f"**Step 1**\n2 + 2 = 4\n{bad}\nWait, that is wrong.\n3 + 3 = 6\n{good}\nLet me check.\n{good}\nDone."
    parts = solutions(text, problem, get_task(problem.task))
    assert [section.right for section in parts] == [False, True, True]
    assert text[: parts[1].end].endswith(f"3 + 3 = 6\n{good}\n")
    assert parts[0].strategy == {"2+2=4"} and parts[2].strategy == frozenset()
