import pytest

from synth.answers.responses.lines import first_sentence


@pytest.mark.parametrize(
    ("content", "sentence", "exclaimed"),
    [
        ("5. Then more.", "5", False),
        ("3.5 hours", "3.5 hours", False),
        ("5!", "5", True),
        ("Mr. Brown", "Mr. Brown", False),
        ("5 sq. feet. More", "5 sq. feet", False),
        ("5, because it is", "5", False),
        ("**5**\nmore", "5", False),
        ("\n\n$$\n5\n$$", "5", False),
        (r"\frac{1.5}{2}", r"\frac{1.5}{2}", False),
        ("- apples", "apples", False),
        ("", "", False),
    ],
)
def test_the_first_sentence_without_afterthoughts(content, sentence, exclaimed):
    assert first_sentence(content) == (sentence, exclaimed)


def test_a_matrix_over_several_lines_is_taken_whole():
    text = "\\begin{pmatrix}\n1 \\\\ 2\n\\end{pmatrix}\nmore"
    assert first_sentence(text)[0] == r"\begin{pmatrix} 1 \\ 2 \end{pmatrix}"
