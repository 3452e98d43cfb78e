from synth.answers.parsing.brackets import closes_last, depth_of


def test_which_bracket_closes_a_text():
    assert closes_last("(1, (2))") and closes_last("[1, 2)")
    assert not closes_last("(1)(2)") and not closes_last("(1")


def test_how_many_brackets_stay_open():
    assert [depth_of(text) for text in ("(1, [2", "(1)", "1)")] == [2, 0, -1]
