"""The tree of a search: its values against known ones, where it looks next, and when nothing is left."""

import math
import random

import pytest

from synth.methods.search_tree import Completion, Tree
from synth.notes import TreeNode


def roll(tree, path, width, chance, branches, rng, deep):
    """Completions by a policy that takes each of the branches alike, and ends right by a chance of the first branch taken."""
    prefix, completions = path[-1].prefix, []
    for number in range(width):
        step = str(rng.randrange(branches))
        first = (prefix + step)[0]
        right = rng.random() < chance[int(first)]
        completions.append(Completion(step, prefix + step, len(prefix) + 1 == deep, right, f"{prefix}{number}"))
    tree.expand(path, completions)


def test_values_come_to_the_known_ones():
    """Three branches that end right with .9, .5 and .1, whatever comes after them."""
    chance, rng = (0.9, 0.5, 0.1), random.Random(1)
    tree = Tree(depth=12, exploration=40)
    for iteration in range(400):
        roll(tree, tree.select(), 9 if iteration else 30, chance, 3, rng, deep=12)
    assert {child.step for child in tree.root.children} == {"0", "1", "2"}
    for child in tree.root.children:
        assert child.value == pytest.approx(chance[int(child.step)], abs=0.05)
        assert child.visits > 100 and child.q == pytest.approx(2 * child.value - 1)


def test_it_looks_where_it_is_right_more_often_the_less_it_explores():
    shares = []
    for exploration in (0.1, 100):
        rng, tree = random.Random(2), Tree(depth=12, exploration=exploration)
        for _ in range(100):
            roll(tree, tree.select(), 3 if tree.root.children else 20, (0.9, 0.1), 2, rng, deep=12)
        best = next(child for child in tree.root.children if child.step == "0")
        shares.append(best.visits / tree.root.visits)
    assert shares[0] > 0.9 > 0.7 > shares[1]


@pytest.mark.parametrize("count", [4, 16, 64])
def test_the_error_of_a_value_falls_with_the_root_of_the_completions(count):
    errors = []
    for seed in range(400):
        rng, tree = random.Random(seed), Tree()
        roll(tree, [tree.root], count, (0.5,), 1, rng, deep=9)
        errors.append((tree.root.value - 0.5) ** 2)
    expected = 0.5 / math.sqrt(count)
    assert math.sqrt(sum(errors) / len(errors)) == pytest.approx(expected, rel=0.12)


def completion(step, prefix, *, ends=False, right=False):
    return Completion(step, prefix, ends, right, f"call of {prefix}")


def test_the_next_node_is_the_one_with_the_highest_puct():
    tree = Tree(exploration=1.0)
    tree.expand(
        [tree.root],
        [
            completion("a", "a", right=True),
            completion("b", "b"),
            completion("a", "a"),
            completion("b", "b", right=True),
        ],
    )
    a, b = tree.root.children
    assert (a.visits, a.wins, b.visits, b.wins, tree.root.visits, tree.root.wins) == (2, 1, 2, 1, 4, 2)
    assert tree.select() == [tree.root, a]  # of equals the first
    tree.expand([tree.root, a], [completion("c", "ac"), completion("c", "ac")])
    # by hand: a has q = -1/2 and .5 * sqrt(6) / 5 = .245; b has q = 0 and .5 * sqrt(6) / 3 = .408
    assert tree.select() == [tree.root, b] and a.q == -0.5


def test_a_tree_whose_ends_are_all_seen_is_done():
    tree = Tree(depth=2)
    tree.expand([tree.root], [completion("a", "a"), completion("b", "b", ends=True, right=True)])
    a, b = tree.root.children
    assert b.explored and not a.explored and tree.select() == [tree.root, a]
    tree.expand([tree.root, a], [completion("c", "ac"), completion("", "a", ends=True)])
    assert a.children[0].explored, "at its depth it is not expanded"
    assert tree.select() is None and tree.leaves(right=True) == [b] and tree.leaves(right=False) == []
    assert [node.number for node in tree.path(a.children[0])] == ["0.0", "0.0.0"]
    noted = tree.noted()
    assert [(node.node, node.parent) for node in noted] == [("0", None), ("0.0", "0"), ("0.1", "0"), ("0.0.0", "0.0")]
    assert noted[2] == TreeNode(node="0.1", parent="0", step="b", value=1.0, visits=1, right=True)


def test_completions_that_say_nothing_end_the_search():
    tree = Tree()
    tree.expand([tree.root], [completion("", "", ends=True)] * 3)
    assert tree.select() is None and tree.root.visits == 3
