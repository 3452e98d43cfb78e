"""Loss never falls on what a tool says, tested on the tokens of dialogues that a method made."""

import json

import pytest
from transformers import AutoTokenizer

from storage.errors import TrainingError
from synth.environments import get_environment
from synth.environments.dialogue import Dialogue
from tests.tiny_llama import letters
from tests.train_stages.data.test_turns import TRL
from train_stages.data.encode import IGNORED, encode_conversations, show_loss

CALL = '<tool_call>\n{"name": "calculator", "arguments": {"expression": "20 + 31"}}\n</tool_call>'


def played(problem, *replies, form="tools"):
    """A dialogue with the calculator as a row teaches it, and its tools as JSON."""
    dialogue = Dialogue(
        get_environment("calculator"), problem, [{"role": "user", "content": problem.prompt}], form=form
    )
    for reply in replies:
        dialogue.take(dialogue.read(reply))
    chat = [*dialogue.messages, {"role": "assistant", "content": replies[-1]}]
    return chat, json.dumps(dialogue.tools) if dialogue.tools else None


def learned(tokenizer, encoded):
    return [part.split("<<")[0].removeprefix(">") for part in show_loss(tokenizer, encoded).split(">>")[1:]]


def test_what_an_environment_says_carries_no_loss(base, problems):
    answer = f"#### {problems[0].gold}"
    chat, _ = played(problems[0], "calculate: 2 + 3", answer, form="text")
    tokenizer = AutoTokenizer.from_pretrained(base)
    encoded = encode_conversations(tokenizer, [chat], 1024)
    assert [part.split("<|")[0] for part in learned(tokenizer, encoded)] == ["calculate: 2 + 3", answer]
    assert "2 + 3 = 5" in chat[2]["content"]


@pytest.mark.parametrize(
    ("template", "call", "result"),
    [
        ("qwen2_5", f"{CALL}<|im_end|>\n", "<tool_response>\n51\n</tool_response>"),
        ("qwen3", f"{CALL}<|im_end|>\n", "<tool_response>\n51\n</tool_response>"),
        ("llama3_1", '{"name": "calculator", "parameters": {"expression": "20 + 31"}}<|eot_id|>', '"51"'),
    ],
)
def test_a_call_is_learned_as_the_template_writes_it_and_its_result_is_not(template, call, result, problems):
    tokenizer = letters()
    tokenizer.chat_template = TRL[template]
    answer = f"So it is.\n#### {problems[0].gold}"
    chat, tools = played(problems[0], CALL, CALL, answer)
    encoded = encode_conversations(tokenizer, [chat], 99_999, tools=[tools])
    parts = learned(tokenizer, encoded)
    assert parts[:2] == [call, call] and answer in parts[2] and len(parts) == 3
    ids, labels = encoded.table["input_ids"][0].as_py(), encoded.table["labels"][0].as_py()
    shown = tokenizer.decode(ids)
    assert shown.count(result) == 2 and "Calculates the exact value" in shown
    assert result not in tokenizer.decode([label for label in labels if label != IGNORED])


def test_a_template_without_tools_is_refused_with_the_remedy(base, problems):
    chat, tools = played(problems[0], CALL, f"#### {problems[0].gold}")
    with pytest.raises(TrainingError, match="form: text"):
        encode_conversations(AutoTokenizer.from_pretrained(base), [chat], 1024, tools=[tools])
