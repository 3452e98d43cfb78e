r"""Matrices in LaTeX, alone or computed: `\frac12 \begin{pmatrix}...`, sums, differences and products of matrices."""

import re

from synth.answers.algebra.expression import Tree, whole_expression
from synth.answers.parsing.forms import Form, Matrix, Quantity, Reader, Words

MAX_CELLS = 64

_ENVIRONMENT = re.compile(
    r"\\begin\s*\{([bpvBV]?matrix|smallmatrix|array)\*?\}(?:\s*\{[lcr|\s]*\})?(.*?)\\end\s*\{\1\*?\}", re.DOTALL
)
_BRACKETS = (("[", "]"), ("(", ")"), ("|", "|"))

Cells = tuple[tuple[Tree, ...], ...]


def read_matrix(text: str, read: Reader) -> Form | None:
    """Read a matrix, or an expression of matrices as the matrix that it is; None for anything else."""
    matches = list(_ENVIRONMENT.finditer(text))
    if not matches or any("\\begin" in match[2] for match in matches):
        return None
    matrices = [_rows(match[2], read) for match in matches]
    between = [text[start:end].strip() for start, end in zip(_ends(matches), _starts(matches, text), strict=True)]
    if len(matrices) == 1 and (not any(between) or (between[0], between[1]) in _BRACKETS):
        return Matrix(matrices[0], text) if matrices[0] is not None else Words(text)
    cells = [_trees(rows) for rows in matrices]
    result = _computed(between, [matrix for matrix in cells if matrix is not None]) if all(cells) else None
    if result is None:
        return Words(text)
    return Matrix(tuple(tuple(Quantity(tree, "") for tree in row) for row in result), text)


def _ends(matches: list[re.Match[str]]) -> list[int]:
    return [0, *(match.end() for match in matches)]


def _starts(matches: list[re.Match[str]], text: str) -> list[int]:
    return [*(match.start() for match in matches), len(text)]


def _rows(body: str, read: Reader) -> tuple[tuple[Form, ...], ...] | None:
    """The cells of a matrix; None when its rows are not as long as each other, or there are too many."""
    rows = [row for row in re.split(r"\\\\", body.replace("\\hline", "")) if row.strip()]
    cells = tuple(tuple(read(cell) for cell in row.split("&")) for row in rows)
    if not cells or len({len(row) for row in cells}) > 1 or sum(map(len, cells)) > MAX_CELLS:
        return None
    return cells


def _trees(rows: tuple[tuple[Form, ...], ...] | None) -> Cells | None:
    """The expressions of the cells; None when a cell is no plain expression."""
    if rows is None:
        return None
    trees = []
    for row in rows:
        quantities = [cell for cell in row if isinstance(cell, Quantity) and cell.unit is None and not cell.percent]
        if len(quantities) != len(row):
            return None
        trees.append(tuple(cell.tree for cell in quantities))
    return tuple(trees)


def _computed(between: list[str], matrices: list[Cells]) -> Cells | None:
    """Compute what stands between and before the matrices; None when it is anything but signs and factors."""
    if between[-1]:
        return None
    total: Cells | None = None
    product: Cells | None = None
    for index, (written, matrix) in enumerate(zip(between, matrices, strict=False)):
        sign, factor = written[:1] if written[:1] in ("+", "-") else "", written.lstrip("+- ").rstrip("* ")
        scalar = whole_expression(factor) if factor else ("n", 1, None)
        if scalar is None:
            return None
        scaled = _scaled(matrix, ("neg", scalar) if sign == "-" else scalar) if factor or sign == "-" else matrix
        if index and not sign:
            if factor or product is None:
                return None
            product = _product(product, matrix)
            if product is None:
                return None
            continue
        if product is not None:
            total = _sum(total, product)
            if total is None:
                return None
        product = scaled
    return _sum(total, product) if product is not None else None


def _scaled(matrix: Cells, scalar: Tree) -> Cells:
    return tuple(tuple(("mul", scalar, cell) for cell in row) for row in matrix)


def _sum(left: Cells | None, right: Cells) -> Cells | None:
    """The sum; None when the shapes differ. A left side of None is nothing."""
    if left is None:
        return right
    if (len(left), len(left[0])) != (len(right), len(right[0])):
        return None
    return tuple(tuple(("add", *pair) for pair in zip(*rows, strict=True)) for rows in zip(left, right, strict=True))


def _product(left: Cells, right: Cells) -> Cells | None:
    """The product; None when the shapes do not fit."""
    if len(left[0]) != len(right):
        return None
    columns = list(zip(*right, strict=True))
    return tuple(tuple(_dot(row, column) for column in columns) for row in left)


def _dot(row: tuple[Tree, ...], column: tuple[Tree, ...]) -> Tree:
    terms: list[Tree] = [("mul", *pair) for pair in zip(row, column, strict=True)]
    total = terms[0]
    for term in terms[1:]:
        total = ("add", total, term)
    return total
