import pytest

from synth.answers.parsing.form import read_form
from synth.answers.parsing.forms import Matrix, Words
from synth.answers.parsing.matrices import read_matrix


def values(text):
    matrix = read_matrix(text, read_form)
    assert isinstance(matrix, Matrix)
    return [[cell.value for cell in row] for row in matrix.rows]


def written(*rows, kind="pmatrix"):
    body = r" \\ ".join(" & ".join(map(str, row)) for row in rows)
    return rf"\begin{{{kind}}} {body} \end{{{kind}}}"


ONE, OTHER = written((1, 2), (3, 4)), written((5, 6), (7, 8))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (ONE, [[1, 2], [3, 4]]),
        (f"[{written((1, 2), kind='array')}]", [[1, 2]]),
        (f"{ONE} + {OTHER}", [[6, 8], [10, 12]]),
        (f"{OTHER} - {ONE}", [[4, 4], [4, 4]]),
        (f"{ONE} * {OTHER}", [[19, 22], [43, 50]]),
        (f"{ONE}{OTHER} + {ONE}", [[20, 24], [46, 54]]),
        (rf"\frac{{1}}{{2}}{ONE}", [[0.5, 1], [1.5, 2]]),
        (f"-{ONE}", [[-1, -2], [-3, -4]]),
        (f"{ONE} - 2{OTHER}", [[-9, -10], [-11, -12]]),
        (f"{ONE} {written((1,), (1,))}", [[3], [7]]),
    ],
)
def test_matrices_are_computed(text, expected):
    assert values(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        f"{ONE}^2",
        f"{ONE} = {ONE}",
        f"{ONE} + {written((1, 2))}",
        written((1, 2), (3,)),
        f"{written((1, 2))}{ONE}{written((1, 2))}",
    ],
)
def test_what_is_no_matrix_is_left_as_words(text):
    assert isinstance(read_matrix(text, read_form), Words)


def test_other_texts_hold_none():
    assert read_matrix("(1, 2)", read_form) is None
