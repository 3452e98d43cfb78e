import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from synth.methods.critique import read_explanations, read_verdicts
from synth.methods.leaks import mentions_labels, mentions_reference
from synth.methods.sections import accepts, sections
from synth.methods.tutorship.lesson import mentions_answer, read_lesson

HERE = Path(__file__).parent
LESSONS = json.loads((HERE / "lesson_cases.json").read_text(encoding="utf-8"))
CRITIQUES = json.loads((HERE / "critique_cases.json").read_text(encoding="utf-8"))
SECTIONS = json.loads((HERE / "section_cases.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize(("text", "check", "step", "why", "corrected"), LESSONS)
def test_a_reply_is_read_as_real_models_write_it(text, check, step, why, corrected):
    lesson = read_lesson(text)
    assert (lesson.check, lesson.first_wrong, lesson.why, lesson.corrected) == (check, step, why, corrected)


@pytest.mark.parametrize(("text", "steps", "verdicts"), CRITIQUES["verdicts"])
def test_verdicts_are_read_only_when_every_step_has_one(text, steps, verdicts):
    assert read_verdicts(text, steps) == verdicts


@pytest.mark.parametrize(("text", "leaks"), CRITIQUES["leaks"])
def test_a_critic_that_was_told_does_not_say_so(text, leaks):
    assert mentions_labels(text) is leaks


def test_explanations_are_cut_at_the_steps():
    text = "Step 1: right. It adds.\nStep 2: wrong.\nIt should subtract.\nVerdict: wrong"
    assert read_explanations(text, 2) == ["Step 1: right. It adds.", "Step 2: wrong.\nIt should subtract."]


@pytest.mark.parametrize(("text", "expected"), SECTIONS["sections"])
def test_replies_are_cut_at_their_headings(text, expected):
    assert sections(text, ["verdict", "solution"]) == expected


@pytest.mark.parametrize(("text", "tag"), SECTIONS["accepts"])
def test_tags_are_read(text, tag):
    assert accepts(text) is tag


@pytest.mark.parametrize(
    ("text", "mentions"),
    [
        ("the answer is 6.", True),
        ("so it is 6", True),
        ("6.0 apples", True),
        ("16 apples, 6.5 pears, 60", False),
        ("six", False),
    ],
)
def test_the_answer_in_a_text_is_found(problems, text, mentions):
    from dataclasses import replace

    assert mentions_answer(text, replace(problems[0], gold="6")) is mentions
    assert mentions_answer("it makes 1,234", replace(problems[0], gold="1234"))


@pytest.mark.parametrize(
    ("text", "mentions"),
    [
        ("Why: it does not match the reference answer.", True),
        ("The provided solution differs.", True),
        ("I was told that it is 6.", True),
        ("We were given 5 apples, so there are 5.", False),
        ("The given numbers are 5 and 3, and the expected value is 8.", False),
    ],
)
def test_a_teacher_that_was_told_does_not_say_so(text, mentions):
    assert mentions_reference(text) is mentions


NOISE = st.lists(
    st.sampled_from(
        ["Check:", "wrong", "correct", "First wrong step:", "2", "Why:", "Corrected:", "\n", "Step 1", "**", "[", "```"]
    )
    | st.text(max_size=5),
    max_size=30,
).map(" ".join)


@settings(deadline=None)
@given(NOISE)
def test_nothing_raises_on_model_text(text):
    read_lesson(text)
    read_verdicts(text, 2)
    assert len(read_explanations(text, 2)) == 2
    sections(text, ["check", "why"])


@pytest.mark.timeout(60)
def test_long_rubbish_does_not_hang():
    for text in (
        "Why: " + "a\n" * 20_000,
        "Check:" * 20_000,
        "* " * 30_000,
        "Step 1 (" * 20_000,
        "Corrected " * 20_000,
    ):
        read_lesson(text)
        read_verdicts(text, 2)
        mentions_labels(text)
        sections(text, ["check", "step"])
