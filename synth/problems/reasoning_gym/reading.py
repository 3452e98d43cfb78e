"""Where the answer to a problem of reasoning-gym stands in a response."""

from synth.answers.responses.tags import tagged, unclosed_tag
from synth.answers.responses.thoughts import without_thoughts


def tagged_answer(response: str) -> str | None:
    """Return all between the last tags, as it was written, however long; None without tags, or where a tag is open behind them."""
    text, thinking = without_thoughts(response)
    closed = [] if thinking else tagged(text)
    if not closed or unclosed_tag(text, closed) >= 0 or not closed[-1][2].strip():
        return None
    return closed[-1][2].strip()


def reads_back(gold: str) -> bool:
    """Return whether a gold answer in tags is read as it is; one of tens of thousands of characters is not."""
    return tagged_answer(f"<answer>{gold}</answer>") == gold.strip()
