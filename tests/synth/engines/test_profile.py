"""How a role's model wants to be asked: who decides each sampling parameter, and that all of it is in a call's key."""

import json

import pytest
from pydantic import ValidationError

from storage.errors import CheckpointError
from storage.models.checkpoints import Checkpoint
from synth.calls.keys import content_key
from synth.calls.models import Models
from synth.engines.base import Sampling
from synth.engines.profile import PLAIN, Profile, SamplingSpec, read_card
from synth.engines.spec import ModelSpec
from tests.synth.conftest import Scripted

CARD = SamplingSpec(temperature=0.7, top_p=0.8, top_k=20, repetition_penalty=1.05)
ROLE = SamplingSpec(temperature=0.6, top_p=0.95)
CHAT = ({"role": "user", "content": "2+2?"},)


@pytest.mark.parametrize(
    ("call", "role", "essential", "card", "temperature"),
    [
        (0.1, 0.2, 0.3, 0.4, 0.1),
        (None, 0.2, 0.3, 0.4, 0.2),
        (None, None, 0.3, 0.4, 0.3),
        (None, None, None, 0.4, 0.4),
        (None, None, None, None, 0.0),
        (0.0, 0.2, 0.3, 0.4, 0.0),
    ],
)
def test_the_first_that_says_something_decides(call, role, essential, card, temperature):
    profile = Profile(SamplingSpec(temperature=role), SamplingSpec(temperature=card))
    paper = {} if essential is None else {"temperature": essential}
    assert profile.sampling({"temperature": call}, paper).temperature == temperature


@pytest.mark.parametrize(
    ("call", "role", "card", "temperature"),
    [
        (None, None, None, 1.0),
        (None, None, 0.0, 1.0),
        (None, None, 0.4, 0.4),
        (None, 0.0, 0.4, 0.0),
        (0.0, None, None, 0.0),
    ],
)
def test_answers_that_have_to_differ_are_drawn_where_nobody_chose_greedy(call, role, card, temperature):
    profile = Profile(SamplingSpec(temperature=role), SamplingSpec(temperature=card))
    assert profile.sampling({"temperature": call}, differ=1.0).temperature == temperature


def test_a_parameter_is_decided_apart_from_the_others():
    sampling = Profile(ROLE, CARD).sampling({"max_tokens": 64})
    assert sampling == Sampling(0.6, 64, 0.95, top_k=20, repetition_penalty=1.05)
    assert PLAIN.sampling({}) == Sampling(0.0, 1024, 1.0)


def test_a_greedy_call_leaves_out_what_only_the_card_says_of_drawing():
    assert Profile(card=CARD).sampling({"temperature": 0}) == Sampling(0.0, 1024, 1.0, repetition_penalty=1.05)
    assert Profile(ROLE, CARD).sampling({"temperature": 0}).top_p == 0.95, "the recipe's words count as they stand"


def test_a_plain_call_has_the_key_it_always_had():
    key = content_key("m", CHAT, Sampling(0.7, 100, 0.9, ("x",), None), "0.1")
    assert key == "c0cdd14e4f85027876f494c4f3f3ac3de49cb865f3d5ce626906e4d5b357dc28"


def test_a_card_is_read_and_what_is_a_librarys_default_left(tmp_path):
    file = tmp_path / "generation_config.json"
    assert read_card(tmp_path) == read_card(None) == SamplingSpec()
    file.write_text(
        json.dumps({"do_sample": True, "temperature": 0.6, "top_k": 20, "max_length": 20, "eos_token_id": [1]})
    )
    assert read_card(tmp_path) == SamplingSpec(temperature=0.6, top_k=20)
    file.write_text(json.dumps({"do_sample": False, "temperature": 1.0, "top_k": 50}))
    assert read_card(tmp_path) == SamplingSpec(temperature=0.0)
    file.write_text(json.dumps({"temperature": -1}))
    with pytest.raises(CheckpointError, match="temperature = -1"):
        read_card(tmp_path)
    file.write_text("no json")
    with pytest.raises(CheckpointError, match="cannot be read"):
        read_card(tmp_path)


def test_a_role_says_system_template_and_further_keys(tmp_path):
    (tmp_path / "generation_config.json").write_text(json.dumps({"temperature": 0.6}))
    spec = ModelSpec.model_validate(
        {
            "engine": "vllm", "checkpoint": "x", "sampling": {"top_p": 0.9}, "system": "You are terse.",
            "chat_template": {"enable_thinking": False}, "reasoning_effort": "low", "extra_body": {"priority": 3},
        }
    )  # fmt: skip
    profile = spec.profile(Checkpoint("id", tmp_path, "given"))
    assert profile.sampling({}).temperature == 0.6 and profile.sampling({}).top_p == 0.9
    assert json.loads(str(profile.sampling({}).body)) == {
        "priority": 3, "chat_template_kwargs": {"enable_thinking": False}, "reasoning_effort": "low",
    }  # fmt: skip
    assert profile.frame(CHAT) == ({"role": "system", "content": "You are terse."}, *CHAT)
    framed = profile.frame(({"role": "system", "content": "Check."}, *CHAT))
    assert [message["content"] for message in framed] == ["You are terse.\n\nCheck.", "2+2?"]


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (
            {"engine": "transformers", "checkpoint": "x", "reasoning_effort": "low"},
            "reasoning_effort needs the engine vllm",
        ),
        (
            {"engine": "transformers", "checkpoint": "x", "sampling": {"presence_penalty": 1}},
            "sampling.presence_penalty needs",
        ),
        ({"engine": "vllm", "checkpoint": "x", "extra_body": {"seed": 1}}, "extra_body may not hold 'seed'"),
        ({"engine": "vllm", "checkpoint": "x", "extra_body": {"top_k": 1}}, "stand in `sampling`"),
        ({"engine": "vllm", "checkpoint": "x", "sampling": {"temperatur": 1}}, "temperatur"),
        ({"engine": "vllm", "checkpoint": "x", "sampling": {"top_p": 0}}, "top_p"),
    ],
    ids=str,
)
def test_what_a_role_may_not_say_is_named(more, message):
    with pytest.raises(ValidationError, match=message):
        ModelSpec.model_validate(more)


async def test_a_call_is_asked_as_its_role_says(make_asker, problems):
    engine = Scripted(lambda request: "4")
    asker = make_asker(engine, profiles={"student": Profile(ROLE, CARD, "Be brief.", '{"a": 1}')})
    await Models(asker, problems[0], 0).student("solve", max_tokens=32)
    (request,) = engine.requests
    assert request.sampling == Sampling(0.6, 32, 0.95, top_k=20, repetition_penalty=1.05, body='{"a": 1}')
    assert request.messages[0] == {"role": "system", "content": "Be brief."} and request.messages[1]["role"] == "user"
