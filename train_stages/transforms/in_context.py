"""Examples and a question made of one document, so that a model learns to learn from what stands before."""

import re
from typing import ClassVar, Literal

import numpy as np
from pydantic import Field

from train_stages.transforms.base import Document, DocumentTransform, Example

Objective = Literal["next_sentence", "masked_word", "last_words", "order"]
OBJECTIVES: tuple[Objective, ...] = ("next_sentence", "masked_word", "last_words", "order")
_END = re.compile(r"(?<=[.!?])\s+|\n+")


class InContext(DocumentTransform):
    """Self-supervised rows in the form of few-shot prompts: inputs with their outputs, of which the last output is learned.

    "Improving in-context few-shot learning via self-supervised training" in our own words, of which only the abstract was read. It
    has four objectives; ours are: the sentence that follows, a word that was hidden, the last words of a sentence, and whether two
    sentences stand in their order. One is drawn for each document, and every example of the row is of that one; no sentence stands
    in two of them.
    """

    name: ClassVar[str] = "in_context"
    examples: ClassVar[tuple[Example, ...]] = (
        Example(
            "A b c. D e f. G h i. J k l. M n o.",
            Document("Input: A b c.\nOutput: D e f.\n\nInput: G h i.\nOutput:", " J k l."),
            {"objectives": ("next_sentence",)},
        ),
        Example(
            "A b c. D e f.",
            Document("Input: A\nOutput: b c.\n\nInput: D\nOutput:", " e f."),
            {"objectives": ("last_words",), "words": 2},
        ),
        Example("One sentence.", Document("", "One sentence."), {}),
    )

    objectives: tuple[Objective, ...] = Field(
        default=OBJECTIVES, min_length=1, description="Drawn from: next_sentence, masked_word, last_words, order."
    )
    examples_most: int = Field(default=8, ge=2, description="Pairs of input and output in a row, at most; ours.")
    words: int = Field(default=3, ge=1, description="Last words that are asked for; ours.")

    def __call__(self, text: str, rng: np.random.Generator) -> Document | None:
        """Return the pairs up to the last input, and the last output; None for a document of fewer than two pairs."""
        sentences = [sentence.strip() for sentence in _END.split(text) if len(sentence.split()) > 1]
        objective = self.objectives[int(rng.integers(len(self.objectives)))]
        pairs = self._pairs(sentences, objective, rng)[: self.examples_most]
        if len(pairs) < 2:
            return None
        shown = "".join(f"Input: {asked}\nOutput: {answer}\n\n" for asked, answer in pairs[:-1])
        asked, answer = pairs[-1]
        return Document(f"{shown}Input: {asked}\nOutput:", f" {answer}")

    def _pairs(self, sentences: list[str], objective: Objective, rng: np.random.Generator) -> list[tuple[str, str]]:
        following = list(zip(sentences[::2], sentences[1::2], strict=False))  # no answer is the next question
        if objective == "next_sentence":
            return following
        if objective == "order":
            kept = rng.random(len(following)) < 0.5
            return [
                (f"{a} {b}", "yes") if straight else (f"{b} {a}", "no")
                for (a, b), straight in zip(following, kept, strict=True)
            ]
        split = [sentence.split() for sentence in sentences]
        if objective == "last_words":
            return [(" ".join(w[: -self.words]), " ".join(w[-self.words :])) for w in split if len(w) > self.words]
        hidden = [int(rng.integers(len(words))) for words in split]
        return [
            (" ".join([*words[:at], "___", *words[at + 1 :]]), words[at])
            for words, at in zip(split, hidden, strict=True)
        ]
