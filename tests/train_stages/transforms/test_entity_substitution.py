"""Substituted entities: the reply follows the changed question, nothing that only memory has is changed."""

import numpy as np

from train_stages.transforms.entity_substitution import CAPITALS, EntitySubstitution


def chat(asked, reply):
    return [{"role": "user", "content": asked}, {"role": "assistant", "content": reply}]


def substituted(asked, reply, seed=0, **settings):
    first, second = EntitySubstitution(share=1, **settings).turns(chat(asked, reply), np.random.default_rng(seed))
    return first["content"], second["content"]


def test_the_reply_names_what_the_question_now_says():
    seen = set()
    for seed in range(200):
        asked, reply = substituted("The tower stands in Rome. Romeo asks: in Rome?", "In Rome, Romeo.", seed)
        name = reply.removeprefix("In ").removesuffix(", Romeo.")
        assert asked == f"The tower stands in {name}. Romeo asks: in {name}?", "whole words alone"
        seen.add(name)
    assert seen == set(CAPITALS) - {"Rome"}


def test_several_entities_stay_different_ones():
    for seed in range(50):
        asked, reply = substituted("From Rome to Paris by way of Bern.", "Paris is reached from Rome.", seed)
        to, start = reply.split()[0], reply.rstrip(".").split()[-1]
        assert asked == f"From {start} to {to} by way of Bern." and len({to, start, "Bern", "Rome", "Paris"}) == 5


def test_what_only_memory_knows_is_left_alone():
    assert substituted("What is the capital of France?", "Paris.") == ("What is the capital of France?", "Paris.")


def test_without_enough_others_the_row_stays():
    assert substituted("Paris or Rome?", "Rome and Paris.", names=("Paris", "Rome", "Bern")) == (
        "Paris or Rome?",
        "Rome and Paris.",
    )
