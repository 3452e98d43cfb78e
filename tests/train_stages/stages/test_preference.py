"""Pairs that cannot be used, and pairs made from a student's mistakes; losses are in `test_every_loss.py`."""

import json

import pyarrow as pa
import pytest
from transformers import AutoTokenizer

from storage.errors import TrainingError
from synth.sample import problem_row
from train_stages.config import PreferenceConfig
from train_stages.data.pairs import preference_pairs
from train_stages.stages.preference import encode_pairs

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def pairs(problems):
    rows = []
    for problem, other in zip(problems[:6], problems[6:12], strict=True):
        rows.append(
            {
                "prompt": [{"role": "user", "content": problem.prompt}],
                "chosen": [{"role": "assistant", "content": problem.solution}],
                "rejected": [{"role": "assistant", "content": other.solution + " #### 0"}],
            }
        )
    return pa.Table.from_pylist(rows)


def test_pairs_that_cannot_be_used_are_counted_or_named(base, pairs):
    tokenizer = AutoTokenizer.from_pretrained(base)
    kept, lengths, too_long = encode_pairs(tokenizer, pairs, PreferenceConfig(max_length=128))
    assert len(kept) == len(lengths) == 6 and too_long == 0
    with pytest.raises(TrainingError, match="6 are longer than max_length = 8"):
        encode_pairs(tokenizer, pairs, PreferenceConfig(max_length=8))
    with pytest.raises(TrainingError, match="lack rejected"):
        encode_pairs(tokenizer, pairs.drop_columns(["rejected"]), PreferenceConfig())


def test_a_students_mistakes_become_pairs(problems):
    def row(problem, number, **more):
        fields = problem_row(problem, split="train", night="n")
        return {
            **fields, "problem_attrs": fields["attrs"], "sample_id": f"s{number}", "method": "cot", "kind": "sft",
            "messages": [{"role": "user", "content": problem.prompt}], "response": problem.solution, "rejected": None,
            "attrs": "{}", **more,
        }  # fmt: skip

    def attempt(text):
        return {"method": "tutorship", "response": "a lesson", "notes": json.dumps({"attempt": {"text": text}})}

    first, second, third = problems[:3]
    rows = [
        row(first, 1),
        row(first, 2, **attempt("#### -7")),
        row(first, 3, **attempt(first.solution)),  # right: no pair
        row(first, 4, **attempt("no answer at all")),
        row(second, 5, **attempt("#### -7")),  # nobody answers this problem rightly
        row(third, 6, kind="preference", response="better", rejected="worse", method="constitutional"),
    ]
    pairs = preference_pairs(rows, lambda problem: [{"role": "user", "content": "ask: " + problem.prompt}])
    wrong = [pair for pair in pairs if pair["origin"] == "tutorship"]
    assert [pair["id"] for pair in pairs if pair["origin"] == "constitutional"] == ["s6"]
    assert {pair["id"] for pair in wrong} <= {"s2", "s4"} and "s2" in {pair["id"] for pair in wrong}
    assert wrong[0]["prompt"][0]["content"] == "ask: " + first.prompt
    assert wrong[0]["chosen"][0]["content"] == first.solution and wrong[0]["rejected"][0]["content"] == "#### -7"


def test_a_right_answer_never_stands_against_one_that_is_not(problems):
    def pair(number, problem, better, worse):
        fields = problem_row(problem, split="train", night="n")
        return {
            **fields, "problem_attrs": fields["attrs"], "sample_id": f"s{number}", "method": "candidates",
            "kind": "preference", "messages": [{"role": "user", "content": problem.prompt}], "response": better,
            "rejected": worse, "attrs": "{}",
        }  # fmt: skip

    problem = problems[0]
    right, longer, wrong = problem.solution, f"Well. {problem.solution}", "#### -7"
    rows = [pair(1, problem, right, wrong), pair(2, problem, right, longer), pair(3, problem, wrong, right)]

    def ids(**options):
        return [made["id"] for made in preference_pairs(rows, lambda problem: [], **options)]

    assert ids() == ["s1", "s2"] and ids(wrong=True) == ["s1"]
