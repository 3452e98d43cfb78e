"""Rewards are the tasks' checkers, a component each; problems are chosen by pass rate; groups come out as written down."""

import numpy as np
import pytest
import torch

from filters.pass_rate import PassRate
from storage.errors import TrainingError
from synth.answers.outcome import Check, Outcome
from synth.problems.base import Problem
from synth.problems.knights_knaves import KnightsKnaves
from train_stages.config import RlConfig
from train_stages.rewards.scoring import check_rewards, make_rewards
from train_stages.rl import pass_rates
from train_stages.rl.draws import Draws, Rollouts, unsolved
from train_stages.rl.refill import merge

REWARDS = ["answer", "assignment", {"kind": "format", "weight": 0.1}]


def said(*texts):
    return [[{"role": "assistant", "content": text}] for text in texts]


def test_each_component_scores_its_own_problems(problems):
    puzzle = KnightsKnaves((2,), "compact").draw(1, seed=1)[0]
    other = "#### ann is a knight, ben is a knight"
    other = other if puzzle.gold not in other else "#### ann is a knave, ben is a knave"
    rewards = make_rewards([problems[0], puzzle], RlConfig(rewards=REWARDS).rewards)
    completions = said(problems[0].solution, "#### 99", "no idea", f"#### {puzzle.gold}", other, "who knows")
    numbers = [0, 0, 0, 1, 1, 1]
    scores = {
        name: function(completions=completions, number=numbers, prompts=None)
        for name, function in zip(rewards.names, rewards.functions, strict=True)
    }
    assert scores == {
        "answer": [1.0, 0.0, 0.0, None, None, None],
        "assignment": [None, None, None, 1.0, 0.0, 0.0],
        "format": [1.0, 1.0, 0.0, 1.0, 1.0, 0.0],
    }
    assert rewards.weights == (1.0, 1.0, 0.1)
    assert [function.__name__ for function in rewards.functions] == list(rewards.names)


def test_a_checker_that_refuses_its_own_gold_answer_is_found(problems, monkeypatch):
    class Broken:
        def check(self, problem, response):
            return Check(Outcome.WRONG)

        def solve(self, problem):
            return problem.solution

    assert check_rewards(problems, RlConfig().rewards) == {"arithmetic": problems[0].gold}
    monkeypatch.setattr("synth.problems.get_task", lambda name: Broken())
    with pytest.raises(TrainingError, match="calls the gold answer"):
        check_rewards(problems, RlConfig().rewards)


def test_a_problem_that_no_reward_applies_to_is_refused(problems):
    puzzle = KnightsKnaves((2,), "compact").draw(1, seed=1)[0]
    with pytest.raises(
        TrainingError, match="no reward applies to problems of the task knights_knaves: rewards are answer, format"
    ):
        make_rewards([problems[0], puzzle], RlConfig(rewards=["answer", "format"]).rewards)
    assert make_rewards(problems[:2], RlConfig().rewards).names == ("answer", "format"), "no puzzle, no assignment"


@pytest.mark.parametrize(
    "solution", [None, "He sold 48/2 = <<48/2=24>>24 clips in May.\nAltogether 48+24 = <<48+24=72>>72."]
)
@pytest.mark.parametrize("gold", ["72", "3/4", "x = 5", "(2, 3)"])
def test_problems_as_real_data_sets_have_them_are_rewarded(solution, gold):
    """A raw solution without an answer line, or nothing but a gold answer."""
    problem = Problem("math_word", "gsm8k", "How many clips did she sell?", gold, "clips", solution=solution)
    assert check_rewards([problem], RlConfig(rewards=REWARDS).rewards) == {"math_word": gold}


def test_a_checker_that_refuses_the_gold_answer_is_named(problems, monkeypatch):
    import synth.problems

    class Deaf:
        def check(self, problem, response):
            return Check(Outcome.WRONG)

        def solve(self, problem):
            return None

    monkeypatch.setattr(synth.problems, "get_task", lambda name: Deaf())
    with pytest.raises(TrainingError, match=r"the checker of arithmetic calls the gold answer of problem .* wrong"):
        check_rewards(problems[:1], RlConfig(rewards=REWARDS).rewards)


def rate(problem, correct, tries=8):
    return PassRate(problem.id, "me", "", tries, correct)


def test_problems_that_are_always_or_never_solved_are_left_out(problems):
    five = problems[:5]
    rates = {p.id: rate(p, c, t) for p, c, t in zip(five, (0, 8, 3, 0), (8, 8, 8, 4), strict=False)}
    chosen = pass_rates.choose(five, rates, tries=8)
    assert chosen.problems == [five[2], five[3], five[4]], "four tries say nothing, nor does an unknown rate"
    assert chosen.figures == {
        "problems_given": 5, "pass_rate_known": 3, "always_solved": 1, "never_solved": 1, "chosen": 3
    }  # fmt: skip
    with pytest.raises(TrainingError, match=r"1 were always solved and 1 never in at least 8 .* difficulty: all"):
        pass_rates.choose(five[:2], rates, tries=8)


def test_measuring_stops_when_enough_problems_are_found(problems, monkeypatch):
    monkeypatch.setattr(pass_rates, "CHUNK", 10)
    asked = []

    def ask(some, tries):
        asked.extend(some)
        return [[p.solution if n < i % 3 else "no" for n in range(tries)] for i, p in enumerate(some)]

    rates = pass_rates.measure(problems, ask, model="me", tries=2, wanted=5, seed=0)
    assert len(asked) == len(rates) == 20  # 3 of each 10 are solved once in two tries
    assert sorted({(r.tries, r.correct) for r in rates.values()}) == [(2, 0), (2, 1), (2, 2)]


def test_measured_rates_are_read_back(problems, tmp_path):
    rates = [rate(problem, number, 8) for number, problem in enumerate(problems[:3])]
    pass_rates.keep(tmp_path / "rates.parquet", rates)
    assert pass_rates.kept(tmp_path / "rates.parquet") == {measured.problem_id: measured for measured in rates}


def test_srpo_leaves_out_what_was_all_right():
    last = {0: (8, 8), 1: (8, 0), 2: (8, 5)}
    assert unsolved([0, 1, 2, 3], last) == [1, 2, 3]
    assert unsolved([0], last) == [0], "with none left, all come again"


def drawn(draws, group=2):
    numbers = list(draws)
    assert len(numbers) == len(draws)
    assert all(numbers[i] == numbers[i + 1] for i in range(0, len(numbers), group))
    return numbers[::group]


def test_every_problem_is_drawn_once_before_any_is_drawn_twice():
    numbers = drawn(Draws(7, steps=7, prompts=3, group=2, repeats=1, seed=0, history=None))
    assert [sorted(numbers[start : start + 7]) for start in (0, 7, 14)] == [list(range(7))] * 3
    repeated = drawn(Draws(7, steps=1, prompts=3, group=2, repeats=4, seed=0, history=None))
    assert repeated == numbers[:3] * 4


def test_a_solved_problem_never_comes_back(tmp_path):
    """Outcomes are noted as a trainer does, one step late; a replay from the file draws the same."""
    rollouts, order = Rollouts(), []
    draws = Draws(10, steps=20, prompts=2, group=4, repeats=1, seed=3, history=rollouts)
    for index, number in enumerate(draws):
        order.append(number)
        if index % 8 == 0 and index >= 8:  # the first row of the next step is asked for: the one before it is scored
            step = index // 8 - 1
            numbers = order[step * 8 : step * 8 + 8]
            scores = [1.0 if n < 5 or (n == 9 and i % 2) else 0.0 for i, n in enumerate(numbers)]
            rollouts.add(step, numbers, scores, 4)
    chosen = order[::4]
    assert sorted(chosen[:10]) == list(range(10)) and not set(chosen[12:]) & set(range(5)) - set(chosen[10:12])
    assert set(chosen[14:]) == {5, 6, 7, 8, 9} and draws.pool == 5
    rollouts.write(tmp_path / "rollouts.parquet")
    again = Draws(10, steps=20, prompts=2, group=4, repeats=1, seed=3, history=Rollouts(tmp_path / "rollouts.parquet"))
    assert list(again) == order


def test_groups_of_several_batches_become_one():
    def batch(values, prompt, completion):
        rows = len(values)
        return {
            "prompt_ids": torch.full((rows, prompt), 7), "prompt_mask": torch.ones(rows, prompt, dtype=torch.long),
            "completion_ids": torch.tensor(values)[:, None].repeat(1, completion),
            "completion_mask": torch.ones(rows, completion, dtype=torch.long),
            "advantages": torch.tensor(values, dtype=torch.float), "num_items_in_batch": torch.tensor(99),
        }  # fmt: skip

    merged = merge([batch([1, 2, 3, 4], 2, 3), batch([5, 6, 7, 8], 3, 1)], [(0, 1), (1, 0)], 2, pad=0)
    assert merged["advantages"].tolist() == [3, 4, 5, 6] and "num_items_in_batch" not in merged
    assert merged["prompt_ids"].tolist() == [[0, 7, 7]] * 2 + [[7, 7, 7]] * 2
    assert merged["prompt_mask"].tolist() == [[0, 1, 1]] * 2 + [[1, 1, 1]] * 2
    assert merged["completion_ids"].tolist() == [[3, 3, 3], [4, 4, 4], [5, 0, 0], [6, 0, 0]]
    assert merged["completion_mask"].tolist() == [[1, 1, 1]] * 2 + [[1, 0, 0]] * 2


def test_outcomes_are_kept_by_problem(tmp_path):
    rollouts = Rollouts()
    rollouts.add(0, [4, 4, 2, 2], [1.0, 0.0, 1.0, 1.0], 2)
    rollouts.add(5, [4, 4], [0.0, 0.0], 2)
    assert rollouts.last(before=6) == {4: (2, 0), 2: (2, 2)} and rollouts.last(before=5)[4] == (2, 1)
    assert np.isclose(sum(c for _, c in rollouts.last(before=9).values()), 2)
