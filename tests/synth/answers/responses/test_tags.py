from synth.answers.responses.tags import boxed, tagged, unclosed_tag


def test_tags_that_are_closed_and_one_that_is_not():
    text = "<answer>1</answer> then <ANSWER>2</answer> then <answer>3"
    tags = tagged(text)
    assert [content for _, _, content in tags] == ["1", "2"]
    assert unclosed_tag(text, tags) == text.rindex("<answer>")
    assert unclosed_tag("<answer>1</answer>", tagged("<answer>1</answer>")) == -1


def test_boxes_joined_ones_are_a_list():
    assert boxed(r"so \boxed{1} and \boxed{2}.")[0] == [(3, "1, 2")]
    assert [content for _, content in boxed(r"\boxed{1}. Then much later it is \boxed{2}.")[0]] == ["1", "2"]
    assert boxed(r"\boxed{\frac{1}{2}} \boxed 7")[0][-1][1] == r"\frac{1}{2}, 7"
    assert boxed(r"\fbox{3}")[0] == [(0, "3")]


def test_a_box_that_is_never_closed():
    assert boxed(r"\boxed{1} or \boxed{2")[1] == 13
    assert boxed(r"\boxed{1}")[1] == -1
