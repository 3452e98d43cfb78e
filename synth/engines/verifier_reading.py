"""What a verifier reads, and where its scores stand: the same in training and when it is asked.

A verifier of answers has its score at the last token of the chat, one of steps at the last token of each step. One of
comparisons reads the question and both answers in the turn of the user.
"""

from collections.abc import Sequence
from typing import Any, Literal

from synth.engines.base import Message
from synth.problems.steps import split_steps

UNIT = "verifier_unit"
"""Key of a checkpoint's configuration that says what has a score."""
Unit = Literal["answer", "step", "pair", "comparison"]


def encode(tokenizer: Any, chat: Sequence[Message]) -> list[int]:
    """Return the tokens of a chat by the model's template."""
    ids: list[int] = tokenizer.apply_chat_template(list(chat), tokenize=True, return_dict=True)["input_ids"]
    return ids


def step_places(
    tokenizer: Any, chat: Sequence[Message], steps: Sequence[str] | None = None
) -> tuple[list[int], list[int]]:
    """Return the tokens of a chat and, for each step of its last turn, the number of the token in which it ends.

    Args:
        tokenizer: The model's.
        chat: The chat; its last turn is the answer.
        steps: Its steps in order; None cuts it as people do. From the first that is not in the text on, they are left out.

    Raises:
        ValueError: The template changes the text of a turn, so that steps cannot be found in it.
    """
    answer = chat[-1]["content"]
    text = tokenizer.apply_chat_template(list(chat), tokenize=False)
    encoding = tokenizer(text, add_special_tokens=False, return_offsets_mapping=True)
    ids, offsets = list(encoding["input_ids"]), list(encoding["offset_mapping"])
    start = text.rfind(answer)
    if start < 0 or ids != encode(tokenizer, chat):
        raise ValueError("the chat template changes the text of a turn, so its steps cannot be told from the rest")
    places, at, token = [], 0, 0
    for step in split_steps(answer) if steps is None else steps:
        begin = answer.find(step, at)
        if begin < 0 or not step:
            break
        at = begin + len(step)
        while token + 1 < len(ids) and offsets[token + 1][0] < start + at:
            token += 1
        places.append(token)
    return ids, places


def comparison(chat: Sequence[Message], first: str, second: str) -> list[dict[str, str]]:
    """Return the chat in which a verifier of comparisons reads a question and two answers."""
    asked = (
        f"{chat[-1]['content']}\n\nFirst answer:\n{first}\n\nSecond answer:\n{second}\n\nIs the first answer better?"
    )
    return [*(dict(turn) for turn in chat[:-1]), {"role": "user", "content": asked}]
