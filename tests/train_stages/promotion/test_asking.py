"""How checkpoints are asked in an evaluation: by its settings, else as the student wants it, and alike."""

import pyarrow as pa
import pytest

from synth.engines.profile import Profile
from synth.engines.sampler import Generation
from synth.engines.sampling_spec import SamplingSpec
from synth.problems.base import Problem
from train_stages.promotion.evaluate import Asking, EvaluateConfig, evaluate

STUDENT = Profile(
    role=SamplingSpec(top_k=20), card=SamplingSpec(temperature=0.6, top_p=0.95, repetition_penalty=1.05),
    body='{"chat_template_kwargs": {"enable_thinking": true}}', thought_tokens=1000, opens_thoughts=True,
)  # fmt: skip
SUM = Problem("math_word", "test", "What is 2 + 3?", "5", "2 + 3")


def test_what_the_settings_leave_open_is_the_students():
    asking = Asking(EvaluateConfig(), STUDENT)
    assert asking.sampling(greedy=False) == {
        "temperature": 0.6, "top_p": 0.95, "top_k": 20, "max_tokens": 1512, "body": STUDENT.body,
    }  # fmt: skip
    assert asking.sampling(greedy=True) == {"temperature": 0.0, "max_tokens": 1512, "body": STUDENT.body}
    said = Asking(EvaluateConfig(temperature=1.0, top_p=0.5, max_tokens=64), STUDENT).sampling(greedy=False)
    assert (said["temperature"], said["top_p"], said["max_tokens"]) == (1.0, 0.5, 1064)


def test_a_model_of_which_nothing_is_said_is_asked_as_ever():
    plain = Asking(EvaluateConfig())
    assert plain.sampling(greedy=False) == {"temperature": 1.0, "top_p": 1.0, "max_tokens": 512}
    before = EvaluateConfig(temperature=1.0, top_p=1.0).model_dump(mode="json", exclude={"environment"})
    assert plain.identity() == before, "its key stays"


@pytest.mark.parametrize(
    ("text", "finish", "outcome"),
    [
        ("Is it 6?\n</think>\n\n2 + 3 = 5\n\\boxed{5}", "stop", "correct"),
        ("It is 5, so \\boxed{5}, but", "length", "wrong"),
        ("2 + 3 = 5\n\\boxed{5}", "stop", "correct"),
    ],
    ids=["after its thoughts", "cut within its thoughts", "without thoughts"],
)
def test_thoughts_that_were_cut_answer_nothing(text, finish, outcome, tmp_path):
    class Replies:
        def generate(self, conversations, **asked):
            return [Generation(text, finish, 1, 1) for _ in conversations]

    rows: pa.Table = evaluate(tmp_path, [SUM], EvaluateConfig(samples=0), sampler=Replies(), profile=STUDENT).rows
    assert rows["outcome"].to_pylist() == [outcome]
