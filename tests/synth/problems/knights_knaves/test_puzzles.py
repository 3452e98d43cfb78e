import random
from itertools import permutations, product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from storage.errors import ProblemError
from synth.problems.knights_knaves import KnightsKnaves
from synth.problems.knights_knaves.generate import draw_any, draw_puzzle
from synth.problems.knights_knaves.reading import read
from synth.problems.knights_knaves.search import search
from synth.problems.knights_knaves.statements import _relabel, as_puzzle, canonical, conflicts, mentioned, solutions
from synth.problems.knights_knaves.text import COMPACT_NAMES, FRAMES, NAMES, answer_text, write
from synth.problems.tasks.knights_knaves import KnightsKnavesTask

SEEDS = st.integers(0, 2**32)


def holds(statement, knights):
    """Semantics written a second time, by recursion instead of bit tables."""
    operator, *parts = statement
    if operator in ("knight", "knave"):
        return knights[parts[0]] == (operator == "knight")
    values = [holds(part, knights) for part in parts]
    return {
        "not": lambda: not values[0],
        "and": lambda: all(values),
        "or": lambda: any(values),
        "implies": lambda: not values[0] or values[1],
        "iff": lambda: values[0] == values[-1],
    }[operator]()


def by_enumeration(puzzle):
    return [
        knights
        for knights in product((False, True), repeat=len(puzzle))
        if all(holds(statement, knights) == knight for statement, knight in zip(puzzle, knights, strict=True))
    ]


@given(SEEDS, st.integers(2, 8))
def test_solver_agrees_with_enumeration(seed, people):
    puzzle = draw_any(random.Random(seed), people)
    assert sorted(solutions(puzzle)) == sorted(by_enumeration(puzzle))


def test_all_two_person_leaf_puzzles():
    leaves = [(role, person) for role in ("knight", "knave") for person in range(2)]
    for puzzle in product(leaves, repeat=2):
        assert sorted(solutions(puzzle)) == sorted(by_enumeration(puzzle))


# One, no and several solutions, and knights among the solutions: 20,000 draws each. Small samples put the first at .34 to .40.
SHARES = {
    2: (0.411, 0.209, 0.380, 0.500),
    3: (0.378, 0.252, 0.370, 0.529),
    4: (0.370, 0.274, 0.356, 0.534),
    5: (0.354, 0.290, 0.356, 0.538),
    6: (0.336, 0.317, 0.348, 0.535),
    7: (0.326, 0.332, 0.342, 0.544),
    8: (0.317, 0.340, 0.343, 0.542),
}


@pytest.mark.parametrize("people", SHARES)
def test_shares_of_the_published_generator(people):
    rng = random.Random(1000 + people)
    solution_sets = [solutions(draw_any(rng, people)) for _ in range(3_000)]
    unique = [each[0] for each in solution_sets if len(each) == 1]
    single, none, several, knights = SHARES[people]
    assert len(unique) / len(solution_sets) == pytest.approx(single, abs=0.035)  # four standard deviations
    assert sum(not each for each in solution_sets) / len(solution_sets) == pytest.approx(none, abs=0.035)
    assert sum(len(each) > 1 for each in solution_sets) / len(solution_sets) == pytest.approx(several, abs=0.035)
    assert sum(map(sum, unique)) / (people * len(unique)) == pytest.approx(knights, abs=0.05)


@given(SEEDS, st.integers(2, 8))
def test_puzzles_follow_the_rules(seed, people):
    puzzle, solution = draw_puzzle(random.Random(seed), people)
    assert by_enumeration(puzzle) == [solution]
    for speaker, statement in enumerate(puzzle):
        for leaf in [statement] if statement[0] in ("knight", "knave") else statement[1:]:
            assert leaf[0] in ("knight", "knave") and leaf != ("knave", speaker)
        if len(statement) == 3:
            assert statement[1] != statement[2]
        assert all(0 <= person < people for person in mentioned(statement))


@given(SEEDS, st.integers(2, 8))
def test_text_can_be_read_back(seed, people):
    rng = random.Random(seed)
    puzzle = draw_any(rng, people)
    names = rng.sample(NAMES, people)
    assert read(write(puzzle, names, "full", rng)) == (puzzle, names)
    compact = list(COMPACT_NAMES[:people])
    assert read(write(puzzle, compact, "compact", rng)) == (puzzle, compact)


def test_wording():
    assert len(set(FRAMES)) == 18 and len(set(NAMES)) == len(NAMES)
    puzzle = (("implies", ("knave", 1), ("knight", 0)), ("not", ("knight", 0)))
    text = write(puzzle, ["ann", "ben"], "compact", random.Random(0))
    assert text == "ann says if ben lies then ann tells truth . ben says not ann tells truth . who is a knight ?"
    for broken in ["", "ann lies . who is a knight ?", "ann says cal lies . who is a knight ?", "Hello."]:
        with pytest.raises(ValueError):
            read(broken)


def renamed(puzzle, order):
    number = {person: index for index, person in enumerate(order)}
    return tuple(_relabel(puzzle[person], number) for person in order)


@given(SEEDS, st.integers(2, 8), st.randoms(use_true_random=False))
def test_structure_forgets_names(seed, people, rng):
    puzzle = draw_any(random.Random(seed), people)
    order = list(range(people))
    rng.shuffle(order)
    assert canonical(renamed(puzzle, order)) == canonical(puzzle)


@settings(max_examples=60)
@given(SEEDS, SEEDS)
def test_structure_tells_different_puzzles_apart(first, second):
    left, right = (draw_any(random.Random(seed % 50), 3) for seed in (first, second))
    same = any(renamed(left, order) == renamed(right, range(3)) for order in permutations(range(3)))
    assert (canonical(left) == canonical(right)) == same


def test_symmetric_puzzles_have_a_structure_too():
    ring = tuple(("knave", (person + 1) % 6) for person in range(6))
    assert canonical(renamed(ring, (3, 1, 5, 0, 2, 4))) == canonical(ring)
    pairs = tuple(("knave", person ^ 1) for person in range(6))
    assert canonical(pairs) != canonical(ring)


@given(SEEDS, st.integers(2, 8))
def test_search_ends_in_the_solution(seed, people):
    puzzle, solution = draw_puzzle(random.Random(seed), people)
    tape = search(puzzle)
    assert tape[-1].against is None and dict(tape[-1].roles) == dict(enumerate(solution))
    for move in tape:
        if move.exhausted is None:
            assert (move.against is None) == (not conflicts(puzzle, dict(move.roles)))


def test_two_person_structures_run_out():
    source = KnightsKnaves(people=(2,), style="compact")
    drawn = source.draw(500, seed=5)
    assert len(drawn) == len({problem.structure for problem in drawn}) == 95


def test_draws_are_distinct_shared_out_and_repeatable():
    source = KnightsKnaves(people=(3, 4))
    drawn = source.draw(40, seed=9)
    assert drawn == KnightsKnaves(people=(3, 4)).draw(40, seed=9) != source.draw(40, seed=10)
    assert drawn[:10] == source.draw(10, seed=9)
    assert [problem.tier for problem in drawn].count(3) == 20
    assert {problem.tier for problem in source.draw(5, seed=9, tier=4)} == {4}
    assert source.draw(5, seed=9, tier=7) == []
    rest = source.draw(40, seed=9, exclude=frozenset(problem.structure_id for problem in drawn))
    assert not {problem.structure for problem in rest} & {problem.structure for problem in drawn}


@pytest.mark.parametrize("style", ["full", "compact"])
def test_problems_hold_together(style):
    task = KnightsKnavesTask()
    for problem in KnightsKnaves(people=(2, 3, 5), style=style).draw(30, seed=2):
        puzzle = as_puzzle(problem.attrs["statements"])
        assert read(problem.prompt)[0] == puzzle and canonical(puzzle) == problem.structure
        assert problem.gold == answer_text(problem.attrs["solution"], problem.attrs["names"])
        assert problem.solution is None and task.solve(problem).endswith(f"\n#### {problem.gold}")


def test_impossible_sizes_are_refused():
    with pytest.raises(ProblemError, match="2 to 8"):
        KnightsKnaves(people=(1,))
