"""Trees of expressions: their nodes and their variables. See `expression` for how they are built."""

from collections.abc import Iterator

from synth.answers.algebra.tokens import Tree


def symbols(tree: Tree) -> set[str]:
    """Return the names of an expression's variables."""
    return {node[1] for node in walk(tree) if node[0] == "s"}


def walk(tree: Tree) -> Iterator[Tree]:
    """Yield every node."""
    yield tree
    for part in tree[1:]:
        if isinstance(part, tuple):
            yield from walk(part)


def has(tree: Tree, kind: str, name: str | None = None) -> bool:
    """Whether a node of that kind (and name) occurs."""
    return any(node[0] == kind and (name is None or node[1] == name) for node in walk(tree))
