"""A verifier as an engine: a checkpoint says how likely an answer is to be right. It writes nothing.

It has one scalar head: a logit over the whole chat, as a Hugging Face model for sequence classification with one label gives it
(outcome verifiers: arXiv:2110.14168, section 4.2). A checkpoint whose configuration says that it scores steps has one at the end
of each step instead, and the score of the answer is the product of theirs: how likely it is that every step is right
(process verifiers: arXiv:2305.20050). One whose configuration says `likelihood_ratio` has two heads that write
(`synth.engines.likelihood_ratio`). Scorers, filters and rewards ask the role that it serves, like any model.
"""

import json
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from storage.errors import CheckpointError
from synth.engines.base import Answer, Message, Request, RequestRefused
from synth.engines.in_process import InProcess
from synth.engines.likelihood_ratio import RATIO, RatioHead
from synth.engines.verifier_reading import UNIT, encode, step_places

BATCH_TOKENS = 16_384
"""Rows times longest chat of one pass; bounds the memory, our choice."""


class Verifier(InProcess):
    """Scores chats in batches; `Answer.text` is `{"score": p}`, p between 0 and 1, with a list `steps` where steps are scored.

    Args:
        checkpoint: Hugging Face folder of a verifier; loaded at the first request.
        identity: Digest of the checkpoint.
        concurrency: Requests gathered at most.
    """

    scores_chats = True
    _head: "Head | RatioHead | None" = None

    async def answer(self, request: Request) -> Answer:
        """Score a chat together with its neighbours.

        Raises:
            RequestRefused: The chat is longer than the model's context, or a text was to be written.
            ModelServerError: The model cannot be loaded or failed.
        """
        if not request.scores:
            raise RequestRefused("writes_nothing", "a verifier scores answers and writes none; name another model here")
        return await super().answer(request)

    def answer_batch(self, requests: Sequence[Request]) -> list[Answer | Exception]:
        """Score chats in order; one that is too long is refused alone."""
        if self._head is None:
            self._head = load_head(self.checkpoint)
        return self._head.score([request.messages for request in requests])

    def release(self) -> None:
        """Let go of the model's memory."""
        self._head = None


def load_head(checkpoint: Path) -> "Head | RatioHead":
    """Load a verifier, of whichever kind its configuration says it is.

    Raises:
        CheckpointError: The folder holds no verifier.
    """
    try:
        unit = json.loads((checkpoint / "config.json").read_text(encoding="utf-8")).get(UNIT)
    except (OSError, ValueError) as error:
        raise CheckpointError(f"{checkpoint} cannot be loaded as a verifier: {error}") from error
    return RatioHead(checkpoint) if unit == RATIO else Head(checkpoint)


def chances(head: "Head | RatioHead", chats: Sequence[Sequence[Message]]) -> list[float | None]:
    """How likely each chat's answer is to be right; None for one that is too long."""
    answers = head.score(chats)
    return [float(json.loads(made.text)["score"]) if isinstance(made, Answer) else None for made in answers]


class Head:
    """A verifier with a scalar head in memory: the model and its tokenizer.

    Raises:
        CheckpointError: The folder holds no model with one label.
    """

    def __init__(self, checkpoint: Path) -> None:
        import torch
        from transformers import AutoModelForSequenceClassification, AutoTokenizer
        from transformers.utils import logging

        logging.disable_progress_bar()
        self.device = "cuda" if torch.cuda.is_available() else "cpu"
        dtype = torch.float32 if self.device == "cpu" else torch.bfloat16
        try:
            self.tokenizer: Any = AutoTokenizer.from_pretrained(str(checkpoint), local_files_only=True)
            model = AutoModelForSequenceClassification.from_pretrained(
                str(checkpoint), dtype=dtype, local_files_only=True
            )
        except (OSError, ValueError) as error:
            raise CheckpointError(f"{checkpoint} cannot be loaded as a verifier: {error}") from error
        if model.config.num_labels != 1:
            raise CheckpointError(
                f"{checkpoint} has {model.config.num_labels} labels; a verifier has one, the logit of right"
            )
        self.model: Any = model.to(self.device).eval()
        self.unit = getattr(self.model.config, UNIT, "answer")
        self.context = int(self.model.config.max_position_embeddings)
        if self.model.config.pad_token_id is None:
            self.model.config.pad_token_id = self.tokenizer.pad_token_id or self.tokenizer.eos_token_id or 0

    def score(self, chats: Sequence[Sequence[Message]]) -> list[Answer | Exception]:
        """Score chats in order; one that is too long is refused alone."""
        rows, places = [], []
        for chat in chats:
            ids, ends = step_places(self.tokenizer, chat) if self.unit == "step" else (encode(self.tokenizer, chat), [])
            rows.append(ids)
            places.append(ends or [len(ids) - 1])
        answers: list[Answer | Exception] = [
            RequestRefused("prompt_too_long", f"{len(row)} tokens, the model's limit is {self.context}") for row in rows
        ]
        fitting = sorted((n for n, row in enumerate(rows) if len(row) <= self.context), key=lambda n: len(rows[n]))
        while fitting:
            size = max(1, BATCH_TOKENS // len(rows[fitting[-1]]))
            batch, fitting = fitting[-size:], fitting[:-size]
            logits = self._logits([rows[n] for n in batch], [places[n] for n in batch])
            for number, own in zip(batch, logits, strict=True):
                chances = [1.0 / (1.0 + math.exp(-max(-700.0, min(700.0, logit)))) for logit in own]
                steps = {"steps": chances} if self.unit == "step" else {}
                text = json.dumps({"score": math.prod(chances), **steps})
                answers[number] = Answer(text, "stop", len(rows[number]), 0)
        return answers

    def _logits(self, rows: Sequence[Sequence[int]], places: Sequence[Sequence[int]]) -> list[list[float]]:
        """The logits of each row at its places."""
        import torch

        pad, longest = int(self.model.config.pad_token_id), max(map(len, rows))
        ids = torch.tensor([[*row, *[pad] * (longest - len(row))] for row in rows], device=self.device)
        mask = torch.tensor([[1] * len(row) + [0] * (longest - len(row)) for row in rows], device=self.device)
        backbone = getattr(self.model, self.model.base_model_prefix)
        with torch.inference_mode():
            hidden = backbone(input_ids=ids, attention_mask=mask, use_cache=False).last_hidden_state
            return [
                self.model.score(hidden[number, list(places[number])])[:, 0].float().tolist()
                for number in range(len(rows))
            ]
