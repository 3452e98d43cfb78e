import pytest

from synth.answers.responses.marks import find_marks, last_mark


@pytest.mark.parametrize(
    ("text", "kind", "content"),
    [
        ("#### 5", "hashes", "5"),
        ("prose #### 5", "hashes", "5"),
        ("#### Final Answer\n5", "heading", "5"),
        ("### Answer\n5", "heading", "5"),
        ("<answer>5</answer>", "tag", "5"),
        (r"\boxed{5}", "box", "5"),
        ("The answer is 5", "phrase", "5"),
        (r"\boxed{4} but the answer is 5", "phrase", "5"),
        (r"\boxed{5} and the answer is good", "box", "5"),
        ("#### 5\n#### 2. Check", "hashes", "5"),
        ("#### 5\n#### Step 3", "hashes", "5"),
    ],
)
def test_the_mark_that_counts(text, kind, content):
    mark = last_mark(find_marks(text)[0])
    assert (mark.kind, mark.content.splitlines()[0]) == (kind, content)


def test_marks_that_are_none_and_those_that_are_unfinished():
    assert find_marks("##### 5\nplain") == ([], -1)
    assert find_marks("#### 5 <answer>7")[1] == 7
    assert find_marks(r"a \boxed{7")[1] == 2
