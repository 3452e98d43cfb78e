"""Training sees what serving sees: a row is the prompt as it is served, and then what the model has to write."""

from pathlib import Path

import pyarrow as pa
import pytest
import trl
import yaml

from storage.errors import TrainingError
from tests.tiny_llama import letters
from train_stages.config import PreferenceConfig
from train_stages.data.encode import IGNORED, encode_conversations
from train_stages.data.turns import Renderer
from train_stages.stages.preference import encode_pairs

OURS = yaml.safe_load((Path(__file__).parent / "templates.yaml").read_text(encoding="utf-8"))
TRL = {path.stem: path.read_text(encoding="utf-8") for path in (Path(trl.__file__).parent / "chat_templates").iterdir()}
SAID, THOUGHT = "2 + 3 = 5", "<think>\nIs it 6?\n</think>\n\n2 + 3 = 5"
ASKED = [{"role": "user", "content": "What is 2 + 3?"}]
EARLIER = [{"role": "user", "content": "And 2 + 2?"}, {"role": "assistant", "content": "2 + 2 = 4"}]
WROTE = "Is it 6?\n</think>\n\n2 + 3 = 5"
NOT_THOUGHT = "\n</think>\n\n2 + 3 = 5"
CASES = {  # by template: where it is, what is learned of a plain reply, of one with thoughts, and of an earlier turn
    "qwen2_5": (TRL, f"{SAID}<|im_end|>\n", f"{THOUGHT}<|im_end|>\n", "2 + 2 = 4<|im_end|>\n"),
    "qwen3": (TRL, f"<think>\n\n</think>\n\n{SAID}<|im_end|>\n", f"{THOUGHT}<|im_end|>\n", "2 + 2 = 4<|im_end|>\n"),
    "qwen3_instruct_2507": (TRL, f"{SAID}<|im_end|>\n", f"{THOUGHT}<|im_end|>\n", "2 + 2 = 4<|im_end|>\n"),
    "qwq": (OURS, f"{NOT_THOUGHT}<|im_end|>\n", f"{WROTE}<|im_end|>\n", "2 + 2 = 4<|im_end|>\n"),
    "deepseek_r1_distill": (
        TRL, f"{NOT_THOUGHT}<｜end▁of▁sentence｜>", f"{WROTE}<｜end▁of▁sentence｜>", "2 + 2 = 4<｜end▁of▁sentence｜>",
    ),
    "llama3": (TRL, f"{SAID}<|eot_id|>", f"{THOUGHT}<|eot_id|>", "2 + 2 = 4<|eot_id|>"),
    "llama3_1": (TRL, f"{SAID}<|eot_id|>", f"{THOUGHT}<|eot_id|>", "2 + 2 = 4<|eot_id|>"),
    "llama3_2": (TRL, f"{SAID}<|eot_id|>", f"{THOUGHT}<|eot_id|>", "2 + 2 = 4<|eot_id|>"),
    "gemma3": (TRL, f"{SAID}<end_of_turn>\n", f"{THOUGHT}<end_of_turn>\n", "2 + 2 = 4<end_of_turn>\n"),
    "mistral": (OURS, f" {SAID}</s>", f" {THOUGHT}</s>", " 2 + 2 = 4</s>"),
    "phi3": (TRL, f"{SAID}<|end|>\n</s>", f"{THOUGHT}<|end|>\n</s>", "2 + 2 = 4<|end|>\n"),
    "phi4": (OURS, f"{SAID}<|im_end|>", f"{THOUGHT}<|im_end|>", "2 + 2 = 4<|im_end|>"),
    "gptoss": (
        TRL,
        f"<|channel|>final<|message|>{SAID}<|return|>",
        f"<|channel|>analysis<|message|>Is it 6?<|end|><|start|>assistant<|channel|>final<|message|>{SAID}<|return|>",
        "<|channel|>final<|message|>2 + 2 = 4",
    ),
    "smollm3": (OURS, f"{SAID}<|im_end|>\n", f"{THOUGHT}<|im_end|>\n", "2 + 2 = 4<|im_end|>\n"),
    "olmo2": (OURS, f"{SAID}</s>", f"{THOUGHT}</s>", "2 + 2 = 4</s>"),
    "olmo3_think": (OURS, f"{NOT_THOUGHT}</s>", f"\n{WROTE}</s>", "2 + 2 = 4"),  # its tag ends without a line break
}  # fmt: skip


def tokenizer_of(name):
    tokenizer = letters()
    tokenizer.chat_template = CASES[name][0][name]
    return tokenizer


def chat(reply, earlier=False):
    return [*(EARLIER if earlier else []), *ASKED, {"role": "assistant", "content": reply}]


@pytest.mark.parametrize("name", CASES)
def test_what_is_learned_is_what_the_model_has_to_write_after_the_served_prompt(name):
    _, plain, thought, before = CASES[name]
    tokenizer = tokenizer_of(name)
    for reply, learned in ((SAID, plain), (THOUGHT, thought)):
        for earlier in (False, True):
            whole = chat(reply, earlier)
            served = tokenizer.apply_chat_template(whole[:-1], tokenize=False, add_generation_prompt=True)
            turns = Renderer(tokenizer).turns(whole)
            assert (turns.prompt, turns.reply) == (served, learned)
            assert [turns.prompt[start:end] for start, end in turns.learned] == ([before] if earlier else [])
    assert Renderer(tokenizer).turns(chat(SAID, True), given=2).learned == ()


@pytest.mark.parametrize("name", CASES)
def test_a_pair_is_learned_after_the_served_prompt_too(name):
    _, plain, thought, _ = CASES[name]
    tokenizer = tokenizer_of(name)
    row = {
        "prompt": [*EARLIER, *ASKED],
        **{side: [{"role": "assistant", "content": said}] for side, said in (("chosen", SAID), ("rejected", THOUGHT))},
    }
    ((pair,), (length,), _) = encode_pairs(tokenizer, pa.Table.from_pylist([row]), PreferenceConfig())
    served = tokenizer.apply_chat_template(row["prompt"], tokenize=False, add_generation_prompt=True)
    ids = [tokenizer(text, add_special_tokens=False)["input_ids"] for text in (served, plain, thought)]
    assert [pair[name] for name in ("prompt_ids", "chosen_ids", "rejected_ids")] == ids
    assert length == 2 * len(ids[0]) + len(ids[1]) + len(ids[2])


@pytest.mark.slow
@pytest.mark.vllm
@pytest.mark.parametrize("name", CASES)
def test_ids_and_mask_are_those_that_vllm_serves(name, vllm_server):
    import json
    from urllib.request import Request, urlopen

    tokenizer = tokenizer_of(name)
    for reply, learned in zip((SAID, THOUGHT), CASES[name][1:3], strict=True):
        whole = chat(reply, earlier=True)
        body = {"model": vllm_server.name, "messages": whole[:-1], "chat_template": tokenizer.chat_template}
        request = Request(
            f"{vllm_server.endpoint}/tokenize", json.dumps(body).encode(), {"Content-Type": "application/json"}
        )
        with urlopen(request, timeout=120) as answer:
            served = json.loads(answer.read())["tokens"]
        row = encode_conversations(tokenizer, [whole], 9999, given=[2])
        ids, labels = (row.table[column][0].as_py() for column in ("input_ids", "labels"))
        assert ids[: len(served)] == served and labels[: len(served)] == [IGNORED] * len(served)
        assert ids[len(served) :] == labels[len(served) :] == tokenizer(learned, add_special_tokens=False)["input_ids"]


def test_what_a_template_does_not_show_cannot_be_learned():
    tokenizer = letters()
    tokenizer.chat_template = "{% for m in messages %}{{ m.role }}{% endfor %}"
    with pytest.raises(TrainingError, match="drops or changes"):
        Renderer(tokenizer).turns(chat(SAID))
    tokenizer.chat_template = OURS["mistral"]
    with pytest.raises(TrainingError, match="refuses a row: Conversation roles must alternate"):
        Renderer(tokenizer).turns([{"role": "system", "content": "Be brief."}, *chat(SAID)])
    tokenizer.chat_template = None
    with pytest.raises(TrainingError, match="no chat template"):
        Renderer(tokenizer)


def test_a_template_is_told_what_the_role_tells_it():
    """Qwen3 that is told not to think is served empty thoughts: they are then given, not learned."""
    turns = Renderer(tokenizer_of("qwen3"), {"enable_thinking": False}).turns(chat(SAID))
    assert (
        turns.prompt.endswith("<|im_start|>assistant\n<think>\n\n</think>\n\n") and turns.reply == f"{SAID}<|im_end|>\n"
    )


def test_the_prompts_tokens_are_those_that_are_served_also_where_a_token_would_reach_across():
    """A tokenizer with a token for two line breaks: the template's last one and the reply's first are not put together."""
    from tokenizers import Tokenizer, models
    from transformers import PreTrainedTokenizerFast

    letters_of = {token: number for number, token in enumerate(["\n\n", "\n", "a", "b", "u"])}
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=Tokenizer(models.BPE(letters_of, [("\n", "\n")])), eos_token="b"
    )
    tokenizer.chat_template = (
        "{% for m in messages %}{{ 'u' if m.role == 'user' else 'a\n' }}{{ m.content }}{% endfor %}"
        "{% if add_generation_prompt %}a\n{% endif %}"
    )
    row = encode_conversations(
        tokenizer, [[{"role": "user", "content": "b"}, {"role": "assistant", "content": "\nb"}]], 99
    )
    text = {number: token for token, number in letters_of.items()}
    ids, labels = (row.table[name][0].as_py() for name in ("input_ids", "labels"))
    assert [text[token] for token in ids] == ["u", "b", "a", "\n", "\n", "b"]
    assert labels[:4] == [IGNORED] * 4 and labels[4:] == ids[4:]
