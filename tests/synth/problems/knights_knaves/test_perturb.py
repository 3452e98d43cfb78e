import random

import pytest
from pydantic import ValidationError

from storage.errors import ProblemError
from synth.problems import get_task
from synth.problems.knights_knaves import KnightsKnaves
from synth.problems.knights_knaves.perturb import KINDS, LANGUAGE, perturb
from synth.problems.knights_knaves.reading import read, read_words, spoken_order
from synth.problems.knights_knaves.statements import as_puzzle, canonical, solutions
from synth.problems.knights_knaves.words import KNIGHTS, PAIRS, UNCOMMON_NAMES
from synth.problems.sources.knights_knaves import Options as KnightsKnavesOptions

TASK = get_task("knights_knaves")
BASES = list(KnightsKnaves(people=(2, 3, 5, 8)).draw(60, seed=4))


def leaves(statement):
    if statement[0] in ("knight", "knave"):
        return [statement]
    return [leaf for part in statement[1:] for leaf in leaves(part)]


@pytest.mark.parametrize("kind", KINDS)
def test_a_perturbed_puzzle_holds_together(kind):
    perturbed = 0
    for base in BASES:
        problem = perturb(base, kind, random.Random(base.id))
        if problem is None:  # some puzzles of two people have no other
            continue
        perturbed += 1
        puzzle = as_puzzle(problem.attrs["statements"])
        assert read(problem.prompt) == (puzzle, problem.attrs["names"])
        assert solutions(puzzle) == [tuple(problem.attrs["solution"])]
        assert problem.attrs["perturb_kind"] == kind and problem.attrs["base_problem_id"] == base.id
        assert problem.structure == canonical(puzzle) and (problem.structure == base.structure) >= (kind in LANGUAGE)
        for answer in (TASK.solve(problem), f"#### {problem.gold}"):
            assert TASK.check(problem, answer).outcome == "correct", problem.prompt
        assert TASK.review(problem, TASK.solve(problem)).first_wrong is None
        assert perturb(base, kind, random.Random(base.id)) == problem
    assert perturbed > 50


@pytest.mark.parametrize("kind", ["statement", "leaf"])
def test_one_person_says_something_else_and_the_solution_is_another(kind):
    for base in BASES:
        problem = perturb(base, kind, random.Random(1))
        if problem is None:
            continue
        before, after = (as_puzzle(item.attrs["statements"]) for item in (base, problem))
        changed = [pair for pair in zip(before, after, strict=True) if pair[0] != pair[1]]
        assert len(changed) == 1 and problem.attrs["solution"] != base.attrs["solution"]
        if kind == "leaf":
            old, new = (leaves(statement) for statement in changed[0])
            assert changed[0][0][0] == changed[0][1][0] or len(old) == 1
            assert sum(left != right for left, right in zip(old, new, strict=True)) == 1


def test_languages_differ_as_they_say():
    base = BASES[2]
    variants = {kind: perturb(base, kind, random.Random(3)) for kind in LANGUAGE}
    assert read_words(variants["role_words"].prompt) in PAIRS
    assert read_words(variants["flipped"].prompt) == KNIGHTS.flipped
    assert variants["flipped"].gold.replace("knight", "x").replace("knave", "knight").replace("x", "knave") == base.gold
    assert set(variants["uncommon_names"].attrs["names"]) <= set(UNCOMMON_NAMES)
    order = spoken_order(variants["reordered"].prompt, base.attrs["names"])
    assert sorted(order) == list(range(len(order))) != order


def test_a_source_of_perturbations_follows_the_source_of_bases():
    bases = KnightsKnaves(people=(4,)).draw(20, seed=9)
    for kind in KINDS:
        drawn = KnightsKnaves(people=(4,), perturb=kind).draw(20, seed=9)
        base_ids = {problem.id for problem in bases}
        assert sum(problem.attrs["base_problem_id"] in base_ids for problem in drawn) >= 18
        assert len({problem.structure_id for problem in drawn}) == len(drawn) == 20
    saints = KnightsKnaves(people=(3,), roles=("saint", "sinner")).draw(2, seed=1)
    assert all("saint" in problem.gold + problem.prompt and "knight" not in problem.prompt for problem in saints)


@pytest.mark.parametrize(
    "options",
    [
        {"style": "compact", "perturb": "flipped"},
        {"style": "compact", "roles": ["saint", "sinner"]},
        {"roles": ["saint", "saint"]},
        {"roles": ["Saint", "a b"]},
        {"perturb": "nothing"},
        {"people": [1]},
    ],
)
def test_options_that_do_not_fit_are_refused(options):
    with pytest.raises(ValidationError):
        KnightsKnavesOptions(**options)
    if options.get("style"):
        with pytest.raises(ProblemError, match="compact"):
            KnightsKnaves(**{**options, "people": (3,)})


def test_options_open_the_source():
    source = KnightsKnavesOptions(people=(3,), roles=("sage", "fool"), perturb="leaf").open()
    problem = source.draw(1, seed=1)[0]
    assert problem.attrs["role_words"] == ["sage", "fool"] and problem.attrs["perturb_kind"] == "leaf"
