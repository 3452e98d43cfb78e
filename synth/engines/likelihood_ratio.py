"""A verifier of two models: how much likelier an answer is to one that learned right answers than to one that learned wrong ones.

    score(q, a) = log p_right(a | q) - log p_wrong(a | q)        (Likra, arXiv:2503.14391)

The sigmoid of the score is taken for the probability of being right: what it is where right and wrong answers are equally
frequent and both models have learned their distributions; how far that holds is measured (`calibration_error`). Far from zero it
is 0 or 1 to the last digit, and such answers are equal.

The folder is that of the model of right answers; that of wrong ones is the folder `wrong` in it, named by digest in the
configuration.
"""

import json
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from storage.errors import CheckpointError
from synth.engines.base import Answer, Message, RequestRefused

RATIO = "likelihood_ratio"
"""What the configuration of such a checkpoint says in the place of what has a score."""
WRONG = "wrong"
"""Folder of the model of wrong answers."""
BATCH_TOKENS = 8192
"""Rows times longest chat of one pass; bounds the memory of the logits, our choice."""


class RatioHead:
    """Both models in memory, and their tokenizer.

    Args:
        checkpoint: The folder.

    Raises:
        CheckpointError: It does not hold both models.
    """

    def __init__(self, checkpoint: Path) -> None:
        import torch
        from transformers import AutoModelForCausalLM, AutoTokenizer
        from transformers.utils import logging

        logging.disable_progress_bar()
        self.device = "cuda" if torch.cuda.is_available() else "cpu"
        dtype = torch.float32 if self.device == "cpu" else torch.bfloat16
        try:
            self.tokenizer: Any = AutoTokenizer.from_pretrained(str(checkpoint), local_files_only=True)
            self.right, self.wrong = (
                AutoModelForCausalLM.from_pretrained(str(folder), dtype=dtype, local_files_only=True)
                .to(self.device)
                .eval()
                for folder in (checkpoint, checkpoint / WRONG)
            )
        except (OSError, ValueError) as error:
            raise CheckpointError(f"{checkpoint} cannot be loaded as a verifier of two models: {error}") from error
        self.context = int(self.right.config.max_position_embeddings)

    def score(self, chats: Sequence[Sequence[Message]]) -> list[Answer | Exception]:
        """Score chats in order; `Answer.text` is `{"score": p, "ratio": r}`. One that is too long is refused alone."""
        encoded = [answer_tokens(self.tokenizer, chat) for chat in chats]
        fitting = [number for number, (ids, _) in enumerate(encoded) if len(ids) <= self.context]
        ratios = dict(zip(fitting, self.ratios([encoded[number] for number in fitting]), strict=True))
        answers: list[Answer | Exception] = []
        for number, (ids, _) in enumerate(encoded):
            if number not in ratios:
                reason = f"{len(ids)} tokens, the model's limit is {self.context}"
                answers.append(RequestRefused("prompt_too_long", reason))
                continue
            text = json.dumps({"score": probability(ratios[number]), "ratio": ratios[number]})
            answers.append(Answer(text, "stop", len(ids), 0))
        return answers

    def ratios(self, rows: Sequence[tuple[Sequence[int], int]]) -> list[float]:
        """Return the score of each row, its tokens and the number of the first one of the answer."""
        both = (log_likelihoods(model, rows) for model in (self.right, self.wrong))
        return [right - wrong for right, wrong in zip(*both, strict=True)]


def probability(ratio: float) -> float:
    """Return the sigmoid of a score."""
    return 1.0 / (1.0 + math.exp(-max(-700.0, min(700.0, ratio))))


def answer_tokens(tokenizer: Any, chat: Sequence[Message]) -> tuple[list[int], int]:
    """Return the tokens of a chat by the model's template, and the number of the first one of the answer, its last turn."""
    turns = [dict(turn) for turn in chat]
    whole: list[int] = tokenizer.apply_chat_template(turns, tokenize=True, return_dict=True)["input_ids"]
    asked = tokenizer.apply_chat_template(turns[:-1], tokenize=True, return_dict=True, add_generation_prompt=True)
    shared = 0
    for token, other in zip(whole, asked["input_ids"], strict=False):
        if token != other:
            break
        shared += 1
    return whole, max(1, shared)


def log_likelihoods(model: Any, rows: Sequence[tuple[Sequence[int], int]]) -> list[float]:
    """Return the log-probability of each row's tokens from its number on, given those before.

    Args:
        model: A causal language model.
        rows: Tokens, and the number of the first one that counts, at least 1.
    """
    import torch

    order = sorted(range(len(rows)), key=lambda number: len(rows[number][0]))
    sums: dict[int, float] = {}
    while order:
        size = max(1, BATCH_TOKENS // len(rows[order[-1]][0]))
        part, order = order[-size:], order[:-size]
        longest = max(len(rows[number][0]) for number in part)
        padded = [[*rows[number][0], *[0] * (longest - len(rows[number][0]))] for number in part]
        ids = torch.tensor(padded, device=model.device)
        mask = torch.tensor([[int(at < len(rows[n][0])) for at in range(longest)] for n in part], device=model.device)
        with torch.inference_mode():
            logits = model(input_ids=ids, attention_mask=mask, use_cache=False).logits[:, :-1].float()
            logps = logits.log_softmax(-1).gather(2, ids[:, 1:, None])[..., 0]
        for values, number in zip(logps, part, strict=True):
            tokens, first = rows[number]
            sums[number] = float(values[first - 1 : len(tokens) - 1].double().sum())
    return [sums[number] for number in range(len(rows))]
