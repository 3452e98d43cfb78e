"""What a response says after its thoughts: special tokens and thinking are left out."""

import re

from synth.answers.responses.tags import tagged

MAX_SCANNED = 32_000  # only the end of a response is searched for its answer

_FINAL_CHANNEL = re.compile(r"<\|channel\|>\s*final\s*<\|message\|>")
_CUT = re.compile(
    r"<\|(?:im_end|endoftext|eot_id|end|end_of_text|eom_id|return|im_start)\|>|</s>|<eos>|<end_of_turn>|<｜end▁of▁sentence｜>"
)
_THOUGHT_END = re.compile(r"</(?:think|thinking|thought|reasoning)>", re.IGNORECASE)
_THOUGHT = re.compile(r"<(?:think|thinking|thought|reasoning)>", re.IGNORECASE)


def without_thoughts(response: str) -> tuple[str, bool]:
    """Return what stands behind the thoughts, without special tokens, and whether a thought never ended."""
    text = response[-MAX_SCANNED * 2 :]
    channels = list(_FINAL_CHANNEL.finditer(text))
    if channels:
        text = text[channels[-1].end() :]
    thought = list(_THOUGHT_END.finditer(text))
    if thought:
        text = text[thought[-1].end() :]
    cut = _CUT.search(text)
    if cut and text[: cut.start()].strip():
        text = text[: cut.start()]
    elif cut:
        text = _CUT.sub(" ", text)
    opened = _THOUGHT.search(text)
    if opened is None:
        return text[-MAX_SCANNED:], False
    before, after = text[: opened.start()], text[opened.end() :]
    tags = tagged(after)
    if tags:
        return f"<answer>{tags[-1][2]}</answer>", False
    return before[-MAX_SCANNED:], not before.strip()
