"""The embedded default's base model: a tiny Llama with random weights and a word-level tokenizer.

The tokenizer knows the most frequent words of the given texts and the numbers 0 to 99 as whole tokens and spells
everything else in bytes, so any text comes back exactly as it went in. The folder is an ordinary Hugging Face
checkpoint: transformers and vLLM load it like any other.
"""

import os
import shutil
import uuid
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

PAD, END, SYSTEM, USER, ASSISTANT = "<|pad|>", "<|end|>", "<|system|>", "<|user|>", "<|assistant|>"
SPECIAL = (PAD, END, SYSTEM, USER, ASSISTANT)

# A space belongs to the following word, but before a digit to what stands ahead of it: a number is then one and the
# same token wherever it stands, which a tiny model needs. Longer numbers are spelled digit by digit.
PIECES = r" ?\p{L}+(?: (?=\d))?|(?<!\d)\d{1,2}(?!\d)|\d| ?[^\s\p{L}\d]+(?: (?=\d))?|\s+"
NUMBERS = tuple(str(n) for n in range(100))
SIGNS = ("\n", " + ", " - ", " * ", " = ", "#### ")

# One token opens a turn and, for the assistant, one closes it; the markers tell trainers where the loss is.
CHAT_TEMPLATE = (
    "{%- for message in messages -%}"
    "{%- if message['role'] == 'assistant' -%}"
    "{{- '<|assistant|>' -}}{%- generation -%}{{- message['content'] + '<|end|>' -}}{%- endgeneration -%}"
    "{%- else -%}"
    "{{- '<|' + message['role'] + '|>' + message['content'] -}}"
    "{%- endif -%}"
    "{%- endfor -%}"
    "{%- if add_generation_prompt -%}{{- '<|assistant|>' -}}{%- endif -%}"
)


class TinyConfig(BaseModel):
    """Sizes of the tiny base model; the defaults have about a third of a million parameters."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    width: int = Field(default=96, gt=0, description="Size of the hidden state; a multiple of `heads`.")
    layers: int = Field(default=3, gt=0, description="Number of decoder layers.")
    heads: int = Field(
        default=3, gt=0, description="Attention heads; 96 / 3 gives heads of 32, the least that vLLM serves."
    )
    ffn: int = Field(default=256, gt=0, description="Width of the feed-forward layer.")
    context: int = Field(default=2048, gt=0, description="Longest sequence, in tokens.")
    vocabulary: int = Field(
        default=512, ge=384, description="Size of the vocabulary, of which about 365 are always there."
    )
    min_count: int = Field(default=2, ge=1, description="A word seen less often is spelled in bytes.")
    tie_embeddings: bool = Field(default=True, description="Use one matrix for the input and the output embedding.")


def build_tokenizer(texts: Iterable[str], config: TinyConfig | None = None) -> Any:
    """Build the tokenizer (a `PreTrainedTokenizerFast`) from the most frequent words of `texts`."""
    from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    config = config or TinyConfig()
    cut = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(PIECES), "isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    counts: Counter[str] = Counter()
    for text in texts:
        counts.update(piece for piece, _ in cut.pre_tokenize_str(text))
    signs = [cut.pre_tokenize_str(f"{sign}0")[0][0] for sign in SIGNS]  # a space at the end needs the digit
    tokens = list(dict.fromkeys([*SPECIAL, *sorted(pre_tokenizers.ByteLevel.alphabet()), *NUMBERS, *signs]))
    known_tokens = set(tokens)
    frequent = sorted(
        (word for word, n in counts.items() if n >= config.min_count and word not in known_tokens),
        key=lambda word: (-counts[word], word),
    )
    tokens.extend(frequent[: max(0, config.vocabulary - len(tokens))])
    vocabulary = {word: number for number, word in enumerate(tokens)}

    # Byte-level BPE without a single merge: a piece is either a whole token or its bytes.
    tokenizer = Tokenizer(models.BPE(vocab=vocabulary, merges=[], ignore_merges=True))
    tokenizer.pre_tokenizer = cut
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.add_special_tokens([AddedToken(token, special=True, normalized=False) for token in SPECIAL])
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        eos_token=END,
        pad_token=PAD,
        additional_special_tokens=[SYSTEM, USER, ASSISTANT],
        model_max_length=config.context,
        clean_up_tokenization_spaces=False,
        padding_side="right",
        chat_template=CHAT_TEMPLATE,
    )


def build_model(tokenizer: Any, config: TinyConfig | None = None, *, seed: int = 0) -> Any:
    """Build the model (a `LlamaForCausalLM`) with random weights; the same seed gives the same weights."""
    import torch
    from transformers import GenerationConfig, LlamaConfig, LlamaForCausalLM

    config = config or TinyConfig()
    shape = LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=config.width,
        num_hidden_layers=config.layers,
        num_attention_heads=config.heads,
        num_key_value_heads=config.heads,
        intermediate_size=config.ffn,
        max_position_embeddings=config.context,
        tie_word_embeddings=config.tie_embeddings,
        bos_token_id=None,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = LlamaForCausalLM(shape)
    model.generation_config = GenerationConfig(eos_token_id=tokenizer.eos_token_id, pad_token_id=tokenizer.pad_token_id)
    return model


def create_base(folder: Path, texts: Iterable[str], *, seed: int = 0, config: TinyConfig | None = None) -> Path:
    """Write an untrained tiny model with its tokenizer to `folder`, all or nothing.

    Args:
        folder: Where to; it must not exist yet.
        texts: What the model will read and write; its frequent words become tokens.
        seed: Seed of the random weights.
        config: Sizes.

    Returns:
        `folder`.

    Raises:
        FileExistsError: `folder` exists.
    """
    from transformers.utils import logging

    if folder.exists():
        raise FileExistsError(folder)
    logging.disable_progress_bar()
    tokenizer = build_tokenizer(texts, config)
    model = build_model(tokenizer, config, seed=seed)
    folder.parent.mkdir(parents=True, exist_ok=True)
    beside = folder.parent / f".{folder.name}.{uuid.uuid4().hex[:8]}.partial"
    try:
        model.save_pretrained(beside)
        tokenizer.save_pretrained(beside)
        os.rename(beside, folder)  # noqa: PTH104 - fails when the folder exists, unlike Path.replace
    finally:
        shutil.rmtree(beside, ignore_errors=True)
    return folder
