import pytest

from synth.answers.responses.phrases import announced, stated_answers


@pytest.mark.parametrize(
    "text",
    [
        "The answer is 5", "Final Answer: 5", "ans = 5", "A: 5", "Final answer → 5", "Final answer - 5",
        "The answer to the question is 5", "The correct option is 5",
        "Die Antwort lautet 5", "La réponse est 5", "La respuesta es 5", "Ответ: 5", "答案是5", "答えは5", "정답은 5",
    ],
)  # fmt: skip
def test_announcements_in_the_common_languages(text):
    assert text[announced(text)[-1].end() :].strip() == "5"


@pytest.mark.parametrize("text", ["There is 5", "They answer 5 questions", "An option for 5"])
def test_other_sentences_announce_nothing(text):
    assert announced(text) == []


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("$5$ is the answer", "$5$"),
        ("So (B) is correct.", "(B)"),
        ("Option C is the best.", "C"),
        ("I think it's B", "B"),
        ("therefore I believe that it is (B).", "(B)"),
        ("I'd go with option D because it fits.", "D"),
        ("My choice: A", "A"),
        ("It must be C.", "C"),
        ("Thus B is the answer.", "B"),
    ],
)
def test_answers_that_are_stated_otherwise(text, answer):
    assert [stated for _, stated in stated_answers(text)] == [answer]


@pytest.mark.parametrize(
    "text", ["I think a bird flies.", "It is either B or C", "I choose A box", "I think Bob is right"]
)
def test_sentences_that_choose_no_letter(text):
    assert stated_answers(text) == []
