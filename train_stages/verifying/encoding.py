"""Judged answers as tokens, the places where their scores stand, and their labels; and as batches."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from storage.errors import TrainingError
from storage.ids import digest
from synth.engines.verifier_reading import Unit, comparison, encode, step_places


@dataclass(frozen=True, slots=True)
class Judged:
    """One answer, or one pair.

    Attributes:
        row: Number of the row that it was made from.
        ids: Its tokens.
        places: Numbers of the tokens at which it has a score.
        labels: What each score should be, 0 to 1.
        others: Tokens of the worse answer, or of the pair in the other order; none where there is no second text.
    """

    row: int
    ids: list[int]
    places: list[int]
    labels: list[float]
    others: list[int] = field(default_factory=list)

    @property
    def tokens(self) -> int:
        """Tokens of both texts."""
        return len(self.ids) + len(self.others)


def encode_judged(
    tokenizer: Any, rows: Sequence[Mapping[str, Any]], unit: Unit, max_length: int
) -> tuple[list[Judged], int]:
    """Encode judged answers; what is longer than `max_length`, or has no step that stands in it, is left out.

    Args:
        tokenizer: The model's.
        rows: What `train_stages.verifying.rows` makes for the unit.
        unit: What has a score.
        max_length: Longest text in tokens.

    Returns:
        The answers, and how many were left out.

    Raises:
        TrainingError: There is no chat template, or it changes the text of a turn.
    """
    if not tokenizer.chat_template:
        raise TrainingError("this checkpoint has no chat template; take an instruct model, or set base.template: plain")
    judged = []
    for number, row in enumerate(rows):
        if unit == "step":
            try:
                ids, places = step_places(tokenizer, row["messages"], row["steps"])
            except ValueError as error:
                raise TrainingError(f"verifier: {error}") from None
            made = Judged(number, ids, places, list(row["labels"])[: len(places)])
        elif unit == "answer":
            ids = encode(tokenizer, row["messages"])
            made = Judged(number, ids, [len(ids) - 1], [float(row["label"])])
        else:
            ids, others = (encode(tokenizer, chat) for chat in _sides(row, unit))
            made = Judged(number, ids, [len(ids) - 1], [float(row.get("label", 1.0))], others)
        if made.places and max(len(made.ids), len(made.others)) <= max_length:
            judged.append(made)
    return judged, len(rows) - len(judged)


def _sides(row: Mapping[str, Any], unit: Unit) -> list[list[dict[str, str]]]:
    """The chats of both sides of a pair, or of the pair in both orders."""
    texts = [row[side][-1]["content"] for side in ("chosen", "rejected")]
    if unit == "pair":
        return [[*row["prompt"], *row[side]] for side in ("chosen", "rejected")]
    return [comparison(row["prompt"], *texts), comparison(row["prompt"], *reversed(texts))]


def content(judged: Sequence[Judged]) -> str:
    """Digest of what is learned."""
    return digest("judged", [[made.ids, made.places, made.labels, made.others] for made in judged])


def batch(judged: Sequence[Judged], pad: int) -> dict[str, Any]:
    """Return a batch of `B` answers or pairs, with `N` scores.

    Returns:
        `input_ids` and `attention_mask`, `[B, T]` or `[2 B, T]`, the second texts behind the first; `at_row` and `at_token`,
        `[N]` or `[2 N]`, where the scores stand; `labels`, `[N]`; and `rows`, `[N]`, the numbers of the rows.
    """
    import torch

    texts = [made.ids for made in judged] + [made.others for made in judged if made.others]
    longest = max(map(len, texts))
    at = [(number, place) for number, made in enumerate(judged) for place in made.places]
    at += [(len(judged) + number, len(made.others) - 1) for number, made in enumerate(judged) if made.others]
    return {
        "input_ids": torch.tensor([[*ids, *[pad] * (longest - len(ids))] for ids in texts]),
        "attention_mask": torch.tensor([[1] * len(ids) + [0] * (longest - len(ids)) for ids in texts]),
        "at_row": torch.tensor([row for row, _ in at]),
        "at_token": torch.tensor([token for _, token in at]),
        "labels": torch.tensor([label for made in judged for label in made.labels]),
        "rows": torch.tensor([made.row for made in judged for _ in made.labels]),
    }
