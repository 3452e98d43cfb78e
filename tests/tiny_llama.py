"""A tiny random Llama that reads letter by letter: real to vLLM and to transformers, and made in seconds."""

from pathlib import Path
from typing import Any

SPECIALS = ("<unk>", "<pad>", "<s>", "</s>", "<user>", "<assistant>")


def letters() -> Any:
    """A tokenizer with one token per letter, and a chat template."""
    from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    alphabet = [chr(code) for code in range(32, 127)] + ["\n"]
    vocabulary = {token: index for index, token in enumerate([*SPECIALS, *alphabet])}
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


def make_tiny(folder: Path, *, layers: int = 2, width: int = 128, length: int = 2048, endless: bool = False) -> Path:
    """Write a checkpoint with its tokenizer and chat template, and return its folder.

    Args:
        folder: Where to.
        layers: Decoder layers.
        width: Hidden size; a head has 32 of it.
        length: Longest sequence in tokens.
        endless: Make it never end by itself, so that every completion is as long as it may be: the logits of the special
            tokens are 0, and the others are spread wide.
    """
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    tokenizer = letters()
    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=width,
        intermediate_size=2 * width,
        num_hidden_layers=layers,
        num_attention_heads=width // 32,
        num_key_value_heads=width // 32,
        max_position_embeddings=length,
        bos_token_id=2,
        eos_token_id=3,
        pad_token_id=1,
    )
    model = LlamaForCausalLM(config)
    if endless:
        with torch.no_grad():
            model.lm_head.weight.mul_(40)
            model.lm_head.weight[: len(SPECIALS)] = 0
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder
