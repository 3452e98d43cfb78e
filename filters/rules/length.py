"""Whether a row is neither too short to teach anything nor too long to be trained on."""

from collections.abc import Mapping

from pydantic import Field

from filters.base import PASS, Context, Finding, Options, fail, row_filter
from filters.rows import Row


class Limits(Options):
    """Limits of one task, in words separated by white space (the unit of the column `words`)."""

    least: int = Field(default=1, ge=0, description="Fewest words of what is learned.")
    most: int = Field(
        default=16_384, ge=1, description="Most words of what is learned; 16,384 tokens is usual for traces."
    )
    prompt: int = Field(default=4_096, ge=1, description="Most words of the chat before the answer.")
    characters: int = Field(
        default=200_000, ge=1, description="Most characters of the whole row, for texts without spaces."
    )


class LengthOptions(Options):
    """Options of `length`. All numbers are our own choice."""

    limits: Mapping[str, Limits] = Field(
        default_factory=lambda: {
            "arithmetic": Limits(most=400, prompt=1_000),  # the longest derivation has 7 lines
            "knights_knaves": Limits(most=8_192),  # a search through all cases is long and must pass
            "math_word": Limits(most=4_096),
        },
        description="Limits by task; those of a recipe replace all of these.",
    )
    default: Limits = Field(default=Limits(), description="Limits of every other task.")


@row_filter("length", version="1", options=LengthOptions)
def length(row: Row, context: Context, options: LengthOptions) -> Finding:
    """What is learned, and the prompt before it, are within the limits of the task."""
    limits = options.limits.get(row.task, options.default)
    learned = _learned(row)
    before = row.messages[:-1] if row.messages and row.messages[-1][0] == "assistant" else row.messages
    prompt = [content for _, content in before]
    characters = sum(map(len, (*learned, *prompt)))
    if characters > limits.characters:
        return fail("too_long", characters=characters, limit=limits.characters)
    if (word_count := sum(len(text.split()) for text in prompt)) > limits.prompt:
        return fail("prompt_too_long", words=word_count, limit=limits.prompt)
    for word_count in (len(text.split()) for text in learned):
        if word_count < limits.least:
            return fail("too_short", words=word_count, limit=limits.least)
        if word_count > limits.most:
            return fail("too_long", words=word_count, limit=limits.most)
    return PASS


def _learned(row: Row) -> list[str]:
    """The texts that a limit holds for: each half of a pair by itself, the steps of a stepwise row together."""
    if row.kind == "prompt":
        return []
    if row.kind == "text":
        return [row.text or ""]
    if row.kind == "preference":
        return [row.learned, row.rejected or ""]
    if row.kind == "stepwise":
        return [" ".join([*(step or "" for step in row.steps or ()), row.learned])]
    return [row.learned]
