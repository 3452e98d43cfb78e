"""Make a tiny random checkpoint and become a real vLLM server of it: `python -m tests.serve_tiny FOLDER PORT`."""

import os
import sys
from pathlib import Path
from typing import Any

from synth.engines.vllm_command import ServerOptions, serve_command, serve_environment, vllm_python

NAME = "tiny"
LENGTH = 2048
"""Room for the longest prompt of a method: the tiny model reads letter by letter."""


def letters() -> Any:
    """A tokenizer with one token per letter, and a chat template."""
    from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    specials = ["<unk>", "<pad>", "<s>", "</s>", "<user>", "<assistant>"]
    alphabet = [chr(code) for code in range(32, 127)] + ["\n"]
    vocabulary = {token: index for index, token in enumerate([*specials, *alphabet])}
    plain = Tokenizer(models.WordLevel(vocabulary, unk_token="<unk>"))
    plain.pre_tokenizer = pre_tokenizers.Split(Regex(r"[\s\S]"), "isolated")
    plain.decoder = decoders.Fuse()
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=plain, unk_token="<unk>", pad_token="<pad>", bos_token="<s>", eos_token="</s>"
    )
    tokenizer.add_special_tokens({"additional_special_tokens": ["<user>", "<assistant>"]})
    tokenizer.chat_template = (
        "<s>{% for message in messages %}{{ '<assistant>' if message.role == 'assistant' else '<user>' }}"
        "{{ message.content }}{% endfor %}{% if add_generation_prompt %}<assistant>{% endif %}"
    )
    return tokenizer


def make_tiny(folder: Path, length: int = LENGTH) -> Path:
    """A random two-layer Llama that reads letter by letter: real to vLLM, and made in seconds."""
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    tokenizer = letters()
    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=128,
        intermediate_size=256,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=4,
        max_position_embeddings=length,
        bos_token_id=2,
        eos_token_id=3,
        pad_token_id=1,
    )
    LlamaForCausalLM(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def main(folder: Path, port: int) -> None:
    """Replace this process by the server."""
    python, options = vllm_python(), ServerOptions(max_model_len=LENGTH)
    command = serve_command(python, make_tiny(folder), NAME, options, "127.0.0.1", port)
    os.execve(command[0], command, serve_environment(python, options))


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
