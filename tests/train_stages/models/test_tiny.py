import json

import pytest
import torch
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from transformers import AutoModelForCausalLM, AutoTokenizer

from tests.train_stages.conftest import SMALL, chat
from train_stages.models.tiny import SPECIAL, TinyConfig, build_tokenizer, create_base


@pytest.fixture(scope="module")
def tokenizer(base):
    return AutoTokenizer.from_pretrained(base)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.text())
@example("Ann has 5 apples,  finds 3\r\n\tand -2.\n\n#### 6 ")
@example("naïve 中文 🙂 100 5+3=8 \u2581 \u0120 \x00")
def test_any_text_comes_back(tokenizer, text):
    if not any(special in text for special in SPECIAL):
        assert tokenizer.decode(tokenizer(text)["input_ids"]) == text


def test_words_and_numbers_are_whole_tokens(tokenizer):
    text = "Ann has 18 apples, sells 3 and finds 9."
    pieces = [tokenizer.decode([token]) for token in tokenizer(text)["input_ids"]]
    assert pieces[:4] == ["Ann", " has ", "18", " apples"]
    steps = [tokenizer.decode([token]) for token in tokenizer("18 - 3 = 15\n#### 15")["input_ids"]]
    assert steps == ["18", " - ", "3", " = ", "15", "\n", "#### ", "15"]
    for number in range(100):
        assert len(tokenizer(f"{number}")["input_ids"]) == 1
        assert tokenizer(f"has {number}")["input_ids"][-1] == tokenizer(f"{number}")["input_ids"][0]


def test_chat_template_marks_the_assistant(tokenizer, problems):
    problem = problems[0]
    two_turns = [*chat(problem), *chat(problem)]
    encoded = tokenizer.apply_chat_template(two_turns, return_dict=True, return_assistant_tokens_mask=True)
    marked = [i for i, m in zip(encoded["input_ids"], encoded["assistant_masks"], strict=True) if m]
    assert tokenizer.decode(marked) == f"{problem.solution}<|end|>" * 2
    asked = tokenizer.apply_chat_template(two_turns[:1], tokenize=False, add_generation_prompt=True)
    assert asked == f"<|user|>{problem.prompt}<|assistant|>"
    assert tokenizer.apply_chat_template(two_turns, tokenize=False).startswith(asked)


def test_folder_is_an_ordinary_checkpoint(base):
    model = AutoModelForCausalLM.from_pretrained(base)
    tokenizer = AutoTokenizer.from_pretrained(base)
    names = {path.name for path in base.iterdir()}
    assert {"config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json", "generation_config.json",
            "chat_template.jinja"} <= names  # fmt: skip
    assert model.config.vocab_size == len(tokenizer) <= SMALL.vocabulary
    assert model.generation_config.eos_token_id == tokenizer.eos_token_id == tokenizer.convert_tokens_to_ids("<|end|>")
    assert json.loads((base / "config.json").read_text())["architectures"] == ["LlamaForCausalLM"]


def test_same_seed_same_weights_and_vocabulary(tmp_path):
    config = TinyConfig(width=32, layers=1, heads=1, ffn=32)
    texts = ["Ann has 5 apples.", "Ann has pens."]
    first = AutoModelForCausalLM.from_pretrained(create_base(tmp_path / "1", texts, seed=1, config=config))
    same = AutoModelForCausalLM.from_pretrained(create_base(tmp_path / "2", texts, seed=1, config=config))
    other = AutoModelForCausalLM.from_pretrained(create_base(tmp_path / "3", texts, seed=2, config=config))
    weights = [m.model.layers[0].mlp.up_proj.weight for m in (first, same, other)]
    assert torch.equal(weights[0], weights[1]) and not torch.equal(weights[0], weights[2])
    assert (tmp_path / "1/tokenizer.json").read_bytes() == (tmp_path / "2/tokenizer.json").read_bytes()
    with pytest.raises(FileExistsError):
        create_base(tmp_path / "1", texts, config=config)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["1", "2", "3"]


def test_rare_words_are_spelled(problems):
    tokenizer = build_tokenizer(["once upon a time time"], TinyConfig(min_count=2))
    assert len(tokenizer(" time")["input_ids"]) == 1
    assert len(tokenizer(" upon")["input_ids"]) == len(" upon")
