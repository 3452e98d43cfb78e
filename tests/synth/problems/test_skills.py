"""Problems composed of skills: the program's answer, its uniqueness, and what is held out."""

from collections import Counter

import pytest

from storage.errors import RecipeError
from synth.problems import get_task, open_source
from synth.problems.skills.library import SKILLS

TASK = get_task("skills")


@pytest.fixture(scope="module")
def drawn():
    return open_source("skills", {"tiers": [1, 2, 3, 5]}).draw(1200, seed=7)


def test_its_own_solution_is_right_and_shows_every_skill(drawn):
    assert len(drawn) == 1200 and Counter(problem.tier for problem in drawn) == dict.fromkeys((1, 2, 3, 5), 300)
    for problem in drawn[:400]:
        solution = TASK.solve(problem)
        assert TASK.check(problem, solution).outcome == "correct" and all(TASK.shown(problem, solution))
        review = TASK.review(problem, solution)
        assert review is not None and review.first_wrong is None
        assert len(problem.attrs["skills"]) == problem.tier == len(set(problem.attrs["skills"]))
        bare = f"It is clear.\n#### {problem.gold}"
        assert TASK.check(problem, bare).outcome == "correct" and not any(TASK.shown(problem, bare))


def test_a_step_that_is_left_out_is_seen():
    for problem in open_source("skills", {"tiers": [3]}).draw(40, seed=2):
        lines = problem.solution.splitlines()
        first = [line for line in lines if not line.endswith(f"= {problem.attrs['values'][0]}")]
        if str(problem.attrs["values"][0]) not in " ".join(line.rpartition("=")[2] for line in first).split():
            assert TASK.shown(problem, "\n".join(first))[0] is False


def test_no_problem_comes_twice_and_the_same_seed_draws_the_same(drawn):
    assert len({problem.structure_id for problem in drawn}) == len({problem.prompt for problem in drawn}) == len(drawn)
    again = open_source("skills", {"tiers": [1, 2, 3, 5]}).draw(1200, seed=7)
    assert [problem.id for problem in again] == [problem.id for problem in drawn]


def test_each_skill_is_drawn_as_often():
    """Every order of two of 13 skills once: 24 problems of each skill, less what fits no number."""
    problems = open_source("skills", {"tiers": [2]}).draw(13 * 12, seed=3)
    pairs = Counter(tuple(problem.attrs["skills"]) for problem in problems)
    counts = Counter(name for pair in pairs for name in pair)
    assert set(counts) == set(SKILLS)
    expected = sum(counts.values()) / len(SKILLS)
    assert sum((count - expected) ** 2 / expected for count in counts.values()) < 32.9, (
        "chi square, 12 degrees, p = .001"
    )


def test_what_is_held_out_is_in_no_problem():
    options = {"tiers": [2, 3], "without": ["average", "ratio"]}
    problems = open_source("skills", options).draw(300, seed=1)
    assert not {"average", "ratio"} & {name for problem in problems for name in problem.attrs["skills"]}
    tested = open_source("skills", {"tiers": [2], "skills": ["average", "ratio"]}).draw(20, seed=1)
    assert tested and all(set(problem.attrs["skills"]) == {"average", "ratio"} for problem in tested)
    assert not {one.structure_id for one in problems} & {one.structure_id for one in tested}


@pytest.mark.parametrize(
    ("options", "match"),
    [({"skills": ["avarage"]}, "did you mean 'average'"), ({"skills": ["gain"], "tiers": [2]}, "1 skills")],
)
def test_options_that_leave_nothing_are_refused(options, match):
    with pytest.raises(RecipeError, match=match):
        open_source("skills", options)
