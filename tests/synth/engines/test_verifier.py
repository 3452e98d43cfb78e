"""A verifier with one scalar head, made on the spot: scores do not depend on the batch, are kept, and are never text."""

import asyncio

import pytest
import torch
from transformers import LlamaConfig, LlamaForSequenceClassification

from storage.errors import CheckpointError
from synth.calls.ask import Asker
from synth.calls.models import Models
from synth.calls.prompting import Prompts
from synth.engines.base import Request, RequestRefused, Sampling
from synth.engines.spec import ModelSpec
from synth.engines.verifier import Verifier
from synth.problems.base import Problem
from tests.tiny_llama import letters

ANY = Problem("", "text", "", "", "")


def chat(answer):
    return ({"role": "user", "content": "2 + 2?"}, {"role": "assistant", "content": answer})


def save(folder, labels=1, context=128):
    tokenizer = letters()
    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=len(tokenizer), hidden_size=32, intermediate_size=64, num_hidden_layers=2, num_attention_heads=2,
        num_key_value_heads=2, max_position_embeddings=context, num_labels=labels, pad_token_id=tokenizer.pad_token_id,
    )  # fmt: skip
    LlamaForSequenceClassification(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory):
    return save(tmp_path_factory.mktemp("verifier"))


def make(ledger, engine):
    return Models(Asker(ledger, {"verifier": engine}, Prompts(), night="2026-01-01/test"), ANY, 0)


async def test_a_score_is_a_probability_does_not_depend_on_the_batch_and_is_asked_once(ledger, checkpoint):
    answers = ["4", "five, I think", "it is 22 because 2 and 2 stand beside each other"]
    alone = [(await make(ledger, Verifier(checkpoint, "v1")).verifier.score(chat(answer)))[0] for answer in answers]
    models = make(ledger, Verifier(checkpoint, "v2"))
    together = await asyncio.gather(*(models.verifier.score(chat(answer)) for answer in answers))
    assert [score for score, _ in together] == pytest.approx(alone, abs=1e-5)
    assert all(0 < score < 1 for score in alone) and len({round(score, 6) for score in alone}) == 3
    assert len({reply.call_id for _, reply in together}) == 3
    again = make(ledger, Verifier(checkpoint / "is not loaded", "v1"))
    assert [(await again.verifier.score(chat(answer)))[0] for answer in answers] == alone


async def test_what_cannot_be_scored_is_refused_with_its_reason(ledger, checkpoint):
    with pytest.raises(RequestRefused, match="the model's limit is 128"):
        await make(ledger, Verifier(checkpoint, "v")).verifier.score(chat("x" * 500))
    with pytest.raises(RequestRefused, match="writes none"):
        await Verifier(checkpoint, "v").answer(Request(chat("4"), Sampling(), 0, "solve", ANY))


async def test_a_role_that_is_no_verifier_scores_nothing(make_asker, problems):
    with pytest.raises(RequestRefused, match="engine: verifier"):
        await Models(make_asker(), problems[0], 0).teacher.score(chat("4"))


async def test_a_checkpoint_with_other_labels_is_no_verifier(ledger, tmp_path):
    with pytest.raises(CheckpointError, match="3 labels"):
        await make(ledger, Verifier(save(tmp_path, labels=3), "v")).verifier.score(chat("4"))


def test_a_recipe_names_a_verifier_by_its_checkpoint():
    assert ModelSpec.model_validate({"engine": "verifier", "checkpoint": "x"}).engine == "verifier"
    with pytest.raises(ValueError, match="engine verifier needs `checkpoint`"):
        ModelSpec.model_validate({"engine": "verifier"})
    assert ModelSpec.model_validate({"engine": "verifier", "checkpoint": "verifier"}).checkpoint == "verifier"
    for engine, checkpoint in (("verifier", "promoted"), ("transformers", "verifier")):
        with pytest.raises(ValueError, match=f"checkpoint: {checkpoint} is no model for the engine {engine}"):
            ModelSpec.model_validate({"engine": engine, "checkpoint": checkpoint})
