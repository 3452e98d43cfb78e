import json

import pytest
from pydantic import ValidationError

from storage.models.checkpoints import Checkpoint
from synth.engines.families import families, family_of
from synth.engines.spec import ModelSpec

CHATML = "{% for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>{% endfor %}"
CASES = [
    ("qwen2", CHATML, "qwen2_5"),
    ("qwen2", CHATML + "<|im_start|>assistant\n<think>\n", "qwq"),
    ("qwen2", "<｜User｜>{{ m.content }}<｜Assistant｜><think>\n", "r1_distill"),
    ("llama", "<｜User｜>{{ m.content }}<｜Assistant｜><think>\n", "r1_distill"),
    ("qwen3", CHATML + "{% if enable_thinking is false %}<think>\n\n</think>\n\n{% endif %}", "qwen3"),
    ("qwen3", CHATML, "qwen3_instruct"),
    ("llama", "<|start_header_id|>user<|end_header_id|>", "llama3"),
    ("gemma3_text", "<start_of_turn>user", "gemma3"),
    ("mistral", "[INST]{{ m.content }}[/INST]", "mistral"),
    ("phi3", "<|im_start|>user<|im_sep|>", "phi4"),
    ("gpt_oss", "<|channel|>analysis<|message|>", "gpt_oss"),
    ("smollm3", CHATML + "<think>", "smollm3"),
    ("olmo3", "<|im_start|>assistant\n<think>", "olmo_think"),
    ("olmo2", "<|assistant|>", "olmo"),
    ("llama", CHATML, None),  # a model of our own, or one that we know nothing of
    ("bert", CHATML, None),
]


def checkpoint(folder, model_type, template, **card):
    (folder / "config.json").write_text(json.dumps({"model_type": model_type}))
    (folder / "tokenizer_config.json").write_text(json.dumps({"chat_template": template}))
    if card:
        (folder / "generation_config.json").write_text(json.dumps(card))
    return Checkpoint("c", folder, "given")


@pytest.mark.parametrize(("model_type", "template", "name"), CASES)
def test_a_checkpoint_belongs_to_the_family_of_its_config_and_template(tmp_path, model_type, template, name):
    assert family_of(checkpoint(tmp_path, model_type, template).path) == name
    (tmp_path / "tokenizer_config.json").unlink()
    (tmp_path / "chat_template.jinja").write_text(template)
    assert family_of(tmp_path) == name


def test_every_family_says_where_its_values_are_published_and_can_be_found():
    for name, family in families().items():
        assert len(family.source) > 20 and family.url and family.marker and family.model_types, name
        assert bool(family.sampling.given()) or "ours counts" in family.source, name
    assert {name for _, _, name in CASES if name} | {"phi4_reasoning"} == set(families())


def test_what_is_used_is_the_recipes_then_the_cards_then_the_familys(tmp_path):
    model = checkpoint(tmp_path, "qwen3", CHATML + "<think>", temperature=0.5, do_sample=True)
    profile = ModelSpec(engine="vllm", checkpoint="x").profile(model)
    asked = profile.sampling({"max_tokens": 512})
    assert (profile.family, asked.temperature, asked.top_p, asked.top_k) == ("qwen3", 0.5, 0.95, 20)
    assert asked.max_tokens == 512 + 16384, "thoughts have room beside the answer"
    assert profile.sampling({"temperature": 0.0}).top_k is None, "a greedy call draws nothing"
    recipe = ModelSpec(
        engine="vllm", checkpoint="x", sampling={"temperature": 0.9}, thoughts={"tokens": 100, "learn": False}
    )
    asked = recipe.profile(model).sampling({"max_tokens": 512})
    assert (asked.temperature, asked.max_tokens, recipe.profile(model).learns_thoughts) == (0.9, 612, False)


def test_thoughts_that_are_switched_off_or_do_not_fit_take_no_room(tmp_path):
    model = checkpoint(tmp_path, "qwen3", CHATML + "<think>")
    off = ModelSpec(engine="vllm", checkpoint="x", chat_template={"enable_thinking": False})
    assert off.profile(model).thought_tokens == 0
    carded = checkpoint(tmp_path, "qwen3", CHATML + "<think>", temperature=0.6, top_p=0.95)
    assert off.profile(carded).sampling({}).temperature == 0.7, "the card's values are those of thinking"
    small = ModelSpec(engine="vllm", checkpoint="x", max_model_len=4096)
    assert small.profile(model).thought_tokens == 2048
    (tmp_path / "config.json").write_text(json.dumps({"model_type": "qwen3", "max_position_embeddings": 8192}))
    assert ModelSpec(engine="vllm", checkpoint="x").profile(model).thought_tokens == 4096, (
        "half of the model's own context"
    )


def test_a_model_behind_an_address_has_the_family_that_the_recipe_names():
    role = {"engine": "vllm", "endpoint": "http://127.0.0.1:1", "name": "m", "revision": "1"}
    named = ModelSpec(**role, family="r1_distill").profile(None)
    assert named.opens_thoughts and named.sampling({}).temperature == 0.6
    assert ModelSpec(**role).profile(None).sampling({}).temperature == 0.0
    with pytest.raises(ValidationError, match="unknown family 'qwen9'"):
        ModelSpec(**role, family="qwen9")


def test_an_engine_that_knows_no_penalty_is_asked_for_none(tmp_path):
    model = checkpoint(tmp_path, "qwen2", CHATML)
    assert ModelSpec(engine="vllm", checkpoint="x").profile(model).sampling({}).repetition_penalty == 1.05
    assert ModelSpec(engine="transformers", checkpoint="x").profile(model).sampling({}).repetition_penalty is None
