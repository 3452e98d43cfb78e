"""Goals: a true later line, told before its own place, at the share that was asked for; without it the text is the same."""

import numpy as np

from train_stages.transforms.future_goal import FutureGoal

LINES = [f"line {number}" for number in range(6)]
TEXT = "\n".join([*LINES, "#### 6"])


def test_a_goal_is_a_later_line_and_taking_it_out_gives_the_text_back():
    rng, goals, places = np.random.default_rng(1), set(), set()
    for _ in range(400):
        lines = FutureGoal(share=1)(TEXT, rng).split("\n")
        (at,) = [number for number, line in enumerate(lines) if line.startswith("<goal>")]
        goal = lines.pop(at).removeprefix("<goal>").removesuffix("</goal>")
        assert "\n".join(lines) == TEXT and LINES.index(goal) > at - 1
        assert LINES.index(goal) >= at and lines[-1] == "#### 6"
        goals.add(goal)
        places.add(at)
    assert goals == set(LINES[1:]) and places == {0, 1, 2, 3, 4}


def test_the_share_is_kept():
    rng = np.random.default_rng(2)
    changed = sum(FutureGoal(share=0.3)(TEXT, rng) != TEXT for _ in range(4000)) / 4000
    assert abs(changed - 0.3) < 4 * (0.3 * 0.7 / 4000) ** 0.5
