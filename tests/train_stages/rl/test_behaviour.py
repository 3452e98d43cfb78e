import pytest

from train_stages.rl.behaviour import behaviour


def test_what_responses_do_is_counted_right_and_wrong_ones_apart():
    texts = ["2 + 2 = 4. Wait, let me check. #### 4", "#### 5", "We await the waiter #### 4", "x x"]
    figures = behaviour(texts, [20, 4, 10, 30], [1.0, 0.0, 1.0, None], 30)
    assert figures == {
        "correct": pytest.approx(2 / 3), "reflecting": 0.25, "reflecting_right": 0.5, "right_tokens": 15.0,
        "wrong_tokens": 4.0, "cut_off": 0.25,
    }  # fmt: skip


@pytest.mark.parametrize("text", ["Hmm, no.", "That's wrong: 3", "I should double-check.", "let me RECONSIDER this"])
def test_words_by_which_a_text_goes_back_on_itself(text):
    assert behaviour([text], [1], [None], 9)["reflecting"] == 1.0


def test_what_there_is_none_of_has_no_figure():
    assert behaviour(["#### 1"], [3], [None], 9) == {"reflecting": 0.0, "cut_off": 0.0}
