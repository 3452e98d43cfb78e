"""A tree of steps, its values, and which node is looked at next. Asks nobody: it is told how completions ended.

A node is a solution up to the end of a step. A completion from it is one sample of its value, and of the value of its child, the
step that the completion goes on with. So an expansion costs no calls of its own, and a node's value is the share of all completions
through it that ended right, as in Math-Shepherd (arXiv:2312.08935) and CPL (arXiv:2409.08642).
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from synth.notes import TreeNode


@dataclass
class Node:
    """A solution up to the end of a step.

    Attributes:
        number: Its place: `0` is the root, `0.2` the root's third child.
        step: The step, as it was written; the root's is empty.
        prefix: The solution up to and with the step, as it was written.
        depth: Steps up to here.
        ends: Nothing comes after it: the step is the last of a solution.
        right: Whether that solution is right; None where nothing ends here.
        visits: Completions through it.
        wins: Those of them that ended right.
        call_ids: Calls whose replies take this step, in the order of asking.
        children: What comes next, in the order of sampling.
        whole: The first right and the first wrong solution through it, by whether it is right.
        explored: Nothing below it is left to be sampled.
    """

    number: str
    step: str = ""
    prefix: str = ""
    depth: int = 0
    ends: bool = False
    right: bool | None = None
    visits: int = 0
    wins: int = 0
    call_ids: list[str] = field(default_factory=list)
    children: list["Node"] = field(default_factory=list)
    whole: dict[bool, str] = field(default_factory=dict)
    explored: bool = False

    @property
    def value(self) -> float:
        """The share of the completions through it that ended right, 0 to 1; 0 where there is none."""
        return self.wins / self.visits if self.visits else 0.0

    @property
    def q(self) -> float:
        """The mean of rewards of +1 and -1, -1 to 1, as CPL counts them."""
        return 2 * self.value - 1


@dataclass(frozen=True)
class Completion:
    """How a completion from a node went on.

    Attributes:
        step: The step that it takes next.
        prefix: The solution up to the end of that step.
        ends: Whether that is all of it.
        right: Whether the whole solution ends right.
        call_id: The call behind it.
        whole: The whole solution.
    """

    step: str
    prefix: str
    ends: bool
    right: bool
    call_id: str
    whole: str = ""


class Tree:
    """The tree of one problem.

    Args:
        exploration: Weight of what was seldom looked at, in PUCT with the same prior for all children.
        depth: Steps of a path at most; deeper nodes are completed but never expanded.
    """

    def __init__(self, *, exploration: float = 1.25, depth: int = 6) -> None:
        self.root = Node("0")
        self._exploration = exploration
        self._depth = depth

    def select(self) -> list[Node] | None:
        """Return the path from the root to the node that is expanded next; None where nothing is left."""
        if self.root.explored:
            return None
        path = [self.root]
        while path[-1].children:
            node = path[-1]
            path.append(max((child for child in node.children if not child.explored), key=self._score(node)))
        return path

    def _score(self, parent: Node) -> Any:
        prior = 1 / len(parent.children)

        def score(child: Node) -> tuple[float, int]:
            explore = self._exploration * prior * math.sqrt(parent.visits) / (1 + child.visits)
            return child.q + explore, -parent.children.index(child)

        return score

    def expand(self, path: list[Node], completions: list[Completion]) -> None:
        """Add what completions from the last node of a path went on with, and count how they ended, up to the root.

        Completions that take the same step share a child. One that ends where it began adds no child.
        """
        node = path[-1]
        for completion in completions:
            for above in path:
                above.visits += 1
                above.wins += completion.right
            if not completion.step:
                continue
            child = self._child(node, completion)
            child.visits += 1
            child.wins += completion.right
            child.call_ids.append(completion.call_id)
            child.whole.setdefault(completion.right, completion.whole)
        if not node.children:
            node.explored = True
        for above in reversed(path):
            above.explored = above.explored or (bool(above.children) and all(c.explored for c in above.children))

    def _child(self, node: Node, completion: Completion) -> Node:
        for child in node.children:
            if child.step == completion.step and child.ends == completion.ends:
                return child
        deep = node.depth + 1 >= self._depth
        child = Node(
            f"{node.number}.{len(node.children)}",
            completion.step,
            completion.prefix,
            node.depth + 1,
            ends=completion.ends,
            right=completion.right if completion.ends else None,
            explored=completion.ends or deep,
        )
        node.children.append(child)
        return child

    def nodes(self) -> Iterator[Node]:
        """Walk all nodes, parents before children."""
        waiting = [self.root]
        while waiting:
            node = waiting.pop(0)
            yield node
            waiting.extend(node.children)

    def path(self, node: Node) -> list[Node]:
        """Return the nodes from the root's child to this one."""
        path, here = [], self.root
        for place in node.number.split(".")[1:]:
            here = here.children[int(place)]
            path.append(here)
        return path

    def leaves(self, *, right: bool) -> list[Node]:
        """Return the ends of right or of wrong solutions, those with the highest-valued paths first."""
        ends = [node for node in self.nodes() if node.ends and node.right is right]
        return sorted(ends, key=lambda node: (-self._worth(node), len(self.path(node)), node.number))

    def _worth(self, leaf: Node) -> float:
        path = self.path(leaf)
        return sum(node.value for node in path) / len(path)

    def noted(self) -> tuple[TreeNode, ...]:
        """Return the nodes as notes of a row, which the view `search_nodes` shows as rows."""
        return tuple(
            TreeNode(
                node=node.number,
                parent=node.number.rpartition(".")[0] or None,
                step=node.step,
                value=round(node.value, 6),
                visits=node.visits,
                right=node.right,
            )
            for node in self.nodes()
        )
