"""The loss of a model on held-out text, and whether training made it forget: bits per byte, document by document.

Bits per byte do not depend on the tokenizer (Gao et al. 2020, arXiv:2101.00027, section 3.1).
"""

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field

from storage.errors import RecipeError, TrainingError
from train_stages.promotion.statistics import paired_bootstrap


class TextsConfig(BaseModel):
    """Held-out text that a candidate must not forget."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    path: str = Field(
        description="A .jsonl or .parquet file with a column of texts, or a .txt file (blank lines part)."
    )
    field: str = Field(default="text", description="The column.")
    limit: int = Field(default=200, ge=2, description="Documents at most, the first ones.")
    max_length: int = Field(default=512, ge=2, description="Tokens of a document at most; the rest is left out.")


@dataclass(frozen=True, slots=True)
class TextChange:
    """Loss on the same documents before and after, in bits per byte.

    Attributes:
        before: The incumbent's.
        after: The candidate's.
        low: Lower end of the 95 % bootstrap interval of the rise, over documents.
        high: Upper end.
        documents: How many.
    """

    before: float
    after: float
    low: float
    high: float
    documents: int

    def worse(self, tolerated: float) -> bool:
        """Whether the loss rose for sure, and by more than a tolerated share."""
        return self.low > 0 and self.after > self.before * (1 + tolerated)

    def __str__(self) -> str:
        rise = f"rise [{self.low:+.3f}, {self.high:+.3f}]"
        return f"{self.before:.3f} to {self.after:.3f} bits per byte on {self.documents} documents, {rise}"


def read_texts(path: Path, config: TextsConfig) -> list[str]:
    """Read the documents.

    Raises:
        RecipeError: The file is missing, of another kind, or holds fewer than two texts.
    """
    try:
        if path.suffix == ".parquet":
            import pyarrow.parquet as pq

            texts = pq.read_table(path, columns=[config.field])[config.field].to_pylist()
        elif path.suffix == ".jsonl":
            with path.open(encoding="utf-8") as lines:
                texts = [json.loads(line)[config.field] for line in lines if line.strip()]
        elif path.suffix == ".txt":
            texts = path.read_text(encoding="utf-8").split("\n\n")
        else:
            raise RecipeError(f"train.evaluate.texts.path {path}: give a .jsonl, .parquet or .txt file")
    except (OSError, KeyError, ValueError, TypeError) as error:
        raise RecipeError(
            f"train.evaluate.texts.path {path} with field {config.field!r} cannot be read: {type(error).__name__}: {error}"
        ) from None
    documents = [text for text in texts if isinstance(text, str) and text.strip()][: config.limit]
    if len(documents) < 2:
        raise RecipeError(f"train.evaluate.texts.path {path} holds {len(documents)} texts; give at least two")
    return documents


def text_losses(
    checkpoint: Path, texts: Sequence[str], max_length: int, *, device: str | None = None
) -> list[tuple[float, int]]:
    """Return, for each text, the bits that a model needs to write it and the bytes that it wrote with them.

    The first token of a text is given, not written.

    Raises:
        CheckpointError: The checkpoint cannot be loaded.
        TrainingError: A text is shorter than two tokens.
    """
    import torch

    from synth.engines.sampler import Sampler

    sampler = Sampler(checkpoint, device=device)
    losses = []
    for text in texts:
        ids = sampler.tokenizer(text, add_special_tokens=False, verbose=False)["input_ids"][
            : min(max_length, sampler.context)
        ]
        if len(ids) < 2:
            raise TrainingError(f"held-out text {text[:40]!r} has fewer than two tokens; leave it out")
        tokens = torch.tensor([ids], device=sampler.device)
        with torch.inference_mode():
            logits = sampler.model(input_ids=tokens).logits[0, :-1].float()
        nats = torch.nn.functional.cross_entropy(logits, tokens[0, 1:], reduction="sum").item()
        losses.append((nats / math.log(2), max(1, len(sampler.tokenizer.decode(ids[1:]).encode()))))
    return losses


def compare_texts(before: Sequence[tuple[float, int]], after: Sequence[tuple[float, int]]) -> TextChange:
    """Put two models' losses on the same texts side by side."""
    size = sum(written for _, written in before) / len(before)
    rises = [(new - old) / size for (old, _), (new, _) in zip(before, after, strict=True)]
    low, high = paired_bootstrap(rises)
    total = size * len(before)
    return TextChange(
        sum(bits for bits, _ in before) / total, sum(bits for bits, _ in after) / total, low, high, len(before)
    )
