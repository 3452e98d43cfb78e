"""Rows in context: every pair is one that the document holds, and only the last output carries loss."""

import itertools

import numpy as np
import pytest
from transformers import AutoTokenizer

from storage.errors import RecipeError
from train_stages.data.documents import encode_documents
from train_stages.transforms import TRANSFORMS
from train_stages.transforms.in_context import OBJECTIVES, InContext

SENTENCES = [f"Sentence {number} has the word w{number} in it." for number in range(20)]
TEXT = " ".join(SENTENCES)


def pairs(document):
    text = document.given + document.learned
    return [tuple(part.removeprefix("Input: ").split("\nOutput: ")) for part in text.split("\n\n")]


def test_each_objective_asks_what_the_document_answers():
    rng = np.random.default_rng(1)
    following = list(itertools.pairwise(SENTENCES))
    straight = {f"{a} {b}" for a, b in following}
    for objective in OBJECTIVES:
        made = pairs(InContext(objectives=(objective,))(TEXT, rng))
        assert len(made) == 8
        text = " ".join(part for pair in made for part in pair)
        assert all(text.count(f"w{number} ") <= 1 for number in range(20)), "no sentence stands in two pairs"
        for asked, answer in made:
            if objective == "next_sentence":
                assert (asked, answer) in following
            elif objective == "masked_word":
                assert asked.replace("___", answer) in SENTENCES
            elif objective == "last_words":
                assert f"{asked} {answer}" in SENTENCES and len(answer.split()) == 3
            else:
                assert (asked in straight) == (answer == "yes")


def test_both_orders_are_asked_for():
    rng = np.random.default_rng(2)
    answers = [answer for _ in range(200) for _, answer in pairs(InContext(objectives=("order",))(TEXT, rng))]
    assert abs(answers.count("yes") / len(answers) - 0.5) < 4 * (0.25 / len(answers)) ** 0.5


def test_loss_falls_on_the_last_output_alone(base):
    tokenizer = AutoTokenizer.from_pretrained(base)
    transform = InContext(objectives=("last_words",))
    table = encode_documents(tokenizer, [TEXT], 4096, [transform], ["a"]).table
    labels = [label for label in table["labels"][0].as_py() if label >= 0]
    ids = table["input_ids"][0].as_py()
    assert tokenizer.decode(labels[:-1]).strip() == "w7 in it."
    assert labels == ids[-len(labels) :] and labels[-1] == tokenizer.eos_token_id


def test_an_objective_that_is_not_there_is_refused():
    with pytest.raises(RecipeError, match="objectives"):
        TRANSFORMS.read({"kind": "in_context", "objectives": ["nothing"]}, "train.plan.0.cpt.transforms.0")
