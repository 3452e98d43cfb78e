import json

import pytest
from transformers import AutoModelForCausalLM, AutoTokenizer

from flows.recipe.parts import BaseSpec
from storage.errors import TrainingError
from storage.lake.lake import Lake
from storage.workspace import Workspace
from tests.train_stages.conftest import chat
from train_stages.config import RlConfig
from train_stages.data.encode import encode_conversations, show_loss
from train_stages.models.base import make_base
from train_stages.stages.rl import rl


@pytest.fixture
def silent(base, tmp_path):
    """A checkpoint that was never taught to chat."""
    tokenizer = AutoTokenizer.from_pretrained(base)
    tokenizer.chat_template = None
    tokenizer.save_pretrained(tmp_path / "silent")
    AutoModelForCausalLM.from_pretrained(base).save_pretrained(tmp_path / "silent")
    return tmp_path / "silent"


@pytest.mark.slow
def test_a_base_model_that_cannot_chat_is_asked_plainly_and_learns_by_rl(silent, problems, tmp_path):
    with Lake(Workspace.create(tmp_path / "space")) as lake:
        made = {
            template: make_base(
                lake, checkpoint=str(silent), texts=(), options={}, night="n", code_version="1", template=template
            ).path
            for template in (None, "plain")
        }
    assert made[None] != made["plain"]
    with pytest.raises(TrainingError, match=r"base\.template: plain"):
        encode_conversations(AutoTokenizer.from_pretrained(made[None]), [chat(problems[0])], 128)
    tokenizer = AutoTokenizer.from_pretrained(made["plain"])
    asked = tokenizer.apply_chat_template(chat(problems[0])[:1], add_generation_prompt=True, tokenize=False)
    assert asked == f"Question:\n{problems[0].prompt}\nAnswer:\n"
    learned = show_loss(tokenizer, encode_conversations(tokenizer, [chat(problems[0])], 128))
    assert learned == f"{asked}>>{problems[0].solution}{tokenizer.eos_token}<<"
    config = RlConfig(steps=1, prompts_per_step=2, samples=2, max_tokens=8, device="cpu", difficulty="all")
    out = rl(made["plain"], problems[:4], tmp_path / "out", config).path
    assert AutoTokenizer.from_pretrained(out).chat_template == tokenizer.chat_template
    assert json.loads((out / "training.json").read_text())["metrics"]["steps"] == 1


def test_a_plain_prompt_is_for_a_checkpoint():
    with pytest.raises(ValueError, match="template is for a checkpoint"):
        BaseSpec(template="plain")
