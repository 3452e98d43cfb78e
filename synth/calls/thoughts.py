"""Thoughts are kept apart from what is said: steps, votes, parsers and prompts never read them.

How they come: in a field of their own (the server kept them apart), between tags, with a closing tag alone (the chat template
wrote the opening one into the prompt), or in channels (gpt-oss), with or without the tokens that mark them.
"""

import re
from dataclasses import dataclass

_OPENING = re.compile(r"<(?:think|thinking|thought|reasoning)>|\[THINK\]", re.IGNORECASE)
_CLOSING = re.compile(r"</(?:think|thinking|thought|reasoning)>|\[/THINK\]", re.IGNORECASE)
_CHANNEL = re.compile(r"(?:<\|start\|>assistant)?<\|channel\|>\s*(?P<name>\w+)[^<]*<\|message\|>")
_CHANNEL_END = re.compile(r"<\|(?:end|return|call)\|>")
_PLAIN_CHANNELS = re.compile(r"\Aanalysis(?P<thoughts>.*)assistant(?:commentary)?final(?P<said>.*)\Z", re.DOTALL)
"""What is left of channels where the server leaves special tokens out."""


@dataclass(frozen=True, slots=True)
class Parted:
    """A completion in its two parts.

    Attributes:
        thoughts: What was thought; empty where nothing was.
        said: What was said after it.
        unfinished: Whether the thoughts never ended, so that nothing was said.
    """

    thoughts: str
    said: str
    unfinished: bool = False


def part(text: str, *, opened: bool = False, complete: bool = True) -> Parted:
    """Part a completion.

    Args:
        text: What the model wrote.
        opened: Whether its chat template writes the opening tag, so that a completion without any tag that was cut is thought.
        complete: Whether the completion was not cut at its token limit.
    """
    if "<|channel|>" in text:
        return _channels(text)
    if text.startswith("analysis") and (plain := _PLAIN_CHANNELS.match(text)):
        return Parted(plain["thoughts"].strip(), plain["said"].strip())
    closings = list(_CLOSING.finditer(text)) if "</" in text or "[/" in text else []
    if closings:
        before, said = text[: closings[-1].start()], text[closings[-1].end() :]
        return Parted(_CLOSING.sub("", _OPENING.sub("", before)).strip(), said.lstrip())
    opening = _OPENING.search(text) if "<" in text or "[" in text else None
    if opening:
        return Parted(text[opening.end() :].strip(), text[: opening.start()].rstrip(), unfinished=True)
    if opened and not complete:
        return Parted(text.strip(), "", unfinished=True)
    return Parted("", text)


def _channels(text: str) -> Parted:
    parts = list(_CHANNEL.finditer(text))
    thoughts, said, final = [], "", False
    for position, channel in enumerate(parts):
        end = parts[position + 1].start() if position + 1 < len(parts) else len(text)
        content = _CHANNEL_END.split(text[channel.end() : end])[0].strip()
        if channel["name"] == "final":
            said, final = content, True
        else:
            thoughts.append(content)
    return Parted("\n".join(thoughts), said, unfinished=not final)
