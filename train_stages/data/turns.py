"""Chats as a server shows them to the model, and which parts of them the model writes.

A row is what serving would make of it: the last turn's prompt exactly as the chat template renders it for generation (begin token,
injected dates, an opening tag of thoughts, thoughts of earlier turns stripped), tokenised by itself, and then what the model
has to write: the turn and its end. Rendering the whole chat at once, as training libraries do, gives other tokens where a
template writes an opening tag (R1 distillates, QwQ) or drops thoughts, and needs templates that mark the assistant's turns.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from storage.errors import TrainingError
from storage.messages import Message, for_template

Chat = Sequence[Message]

_THOUGHTS = re.compile(r"\A\s*<think>\n?(?P<thoughts>.*?)\n?</think>\s*", re.DOTALL)
_OPENS = re.compile(r"<think>\s*\Z")
_NOTHING_THOUGHT = "\n</think>\n\n"
_CHANNELS = "<|channel|>"
_PIECES = re.compile(r"<[^<>]*>|\s+|[^<\s]+")
"""What an end is made of: marks, white space, words; a mark is there whole or not at all."""


@dataclass(frozen=True, slots=True)
class Turns:
    """A chat in two parts.

    Attributes:
        prompt: What a server shows the model before it writes the last turn.
        learned: Parts of the prompt that are earlier turns of the assistant, as character positions.
        reply: What the model writes, its end included; empty where the chat does not end with the assistant.
    """

    prompt: str
    learned: tuple[tuple[int, int], ...]
    reply: str


class Renderer:
    """Renders chats with a tokenizer's own template.

    Args:
        tokenizer: The model's.
        template: What the chat template is told besides the chat: `enable_thinking: false`.

    Raises:
        TrainingError: It has no chat template.
    """

    def __init__(self, tokenizer: Any, template: Mapping[str, Any] | None = None) -> None:
        if not tokenizer.chat_template:
            raise TrainingError(
                "this checkpoint has no chat template; take an instruct model, or set base.template: plain"
            )
        self._tokenizer, self._template = tokenizer, dict(template or {})
        self._channels = _CHANNELS in str(tokenizer.chat_template)
        self._knows_tools = "tool" in str(tokenizer.chat_template)
        self._tools: list[Mapping[str, Any]] | None = None

    def turns(self, chat: Chat, given: int = 0, tools: Sequence[Mapping[str, Any]] | None = None) -> Turns:
        """Split a chat.

        Args:
            chat: Its turns.
            given: How many turns at its start are given: those of the assistant among them are not learned.
            tools: Schemas of the tools that it may call.

        Raises:
            TrainingError: The template drops or changes the last turn, refuses the chat, or knows no tools.
        """
        self._tools = list(tools or ()) or None
        if not self._knows_tools and (self._tools or any(turn.get("tool_calls") for turn in chat)):
            raise TrainingError(
                "the chat template of this checkpoint knows no tools, and a row calls some: leave such rows out (`methods`), or "
                "let the dialogue be played in plain text (tool_dialogue with form: text)"
            )
        ends = bool(chat) and chat[-1]["role"] == "assistant" and given < len(chat)
        prompt = self._render(chat[:-1], generate=True) if ends else self._render(chat, generate=False)
        reply = self._reply(chat, prompt) if ends else ""
        earlier = [
            at for at, turn in enumerate(chat[: len(chat) - ends]) if turn["role"] == "assistant" and at >= given
        ]
        ending = reply[reply.rfind(_said(chat[-1]["content"])) + len(_said(chat[-1]["content"])) :] if ends else ""
        return Turns(prompt, tuple(self._span(chat, at, prompt, ending) for at in earlier), reply)

    def _reply(self, chat: Chat, prompt: str) -> str:
        """What is written after the prompt: as the template renders the turn, or as the model itself would write it."""
        content: str = chat[-1]["content"]
        said = _said(content)
        whole = self._render(chat, generate=False)
        at = whole.rfind(said)
        if at < 0:
            raise TrainingError("the chat template drops or changes the text of a turn, so it cannot be learned")
        thought = _THOUGHTS.match(content)
        if whole.startswith(prompt) and (thought is None or thought["thoughts"].strip() in whole[len(prompt) :]):
            return whole[len(prompt) :]
        ending = whole[at + len(said) :]
        if not _OPENS.search(prompt):
            return content + ending
        return (f"{thought['thoughts']}\n</think>\n\n{said}" if thought else f"{_NOTHING_THOUGHT}{said}") + ending

    def _span(self, chat: Chat, at: int, prompt: str, ending: str) -> tuple[int, int]:
        """Where an earlier turn stands in the prompt, with as much of an end as the last turn has."""
        said = _said(chat[at]["content"])
        start = _alike(prompt, self._render(chat[:at], generate=True))
        if chat[at].get("tool_calls"):
            return self._span_of_calls(chat, at, prompt, start)
        found = prompt.find(said, start)
        if found < 0:
            raise TrainingError("the chat template drops or changes the text of a turn, so it cannot be learned")
        end = found + len(said)
        for piece in _PIECES.findall(ending):
            if not prompt.startswith(piece, end):
                break
            end += len(piece)
        return start, end

    def _span_of_calls(self, chat: Chat, at: int, prompt: str, start: int) -> tuple[int, int]:
        """Where an earlier turn with calls of tools stands: as the template writes it, its end included."""
        written = self._render(chat[: at + 1], generate=False)
        written = written[_alike(written, self._render(chat[:at], generate=True)) :]
        for text in (written, _THOUGHTS.sub("", written)):
            if text.strip() and prompt.startswith(text, start):
                return start, start + len(text)
        raise TrainingError("the chat template drops or changes a call of a tool, so it cannot be learned")

    def _render(self, chat: Chat, *, generate: bool) -> str:
        if not chat:
            return ""
        turns = [self._channelled(turn) for turn in for_template(chat)] if self._channels else for_template(chat)
        offered = {"tools": self._tools} if self._tools else {}
        try:
            return str(
                self._tokenizer.apply_chat_template(
                    turns, tokenize=False, add_generation_prompt=generate, **offered, **self._template
                )
            )
        except Exception as error:  # a template raises what it likes
            raise TrainingError(f"the chat template of this checkpoint refuses a row: {error}") from None

    def _channelled(self, turn: Message) -> Message:
        """Give a template with channels a turn's thoughts where it looks for them."""
        thought = _THOUGHTS.match(turn["content"]) if turn["role"] == "assistant" else None
        return turn if thought is None else {**turn, "content": _said(turn["content"]), "thinking": thought["thoughts"]}


def _alike(one: str, other: str) -> int:
    """Characters at the start of two texts that are the same."""
    return next((at for at, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other)))


def _said(content: str) -> str:
    """A turn without its thoughts, as templates that strip them leave it."""
    return _THOUGHTS.sub("", content).strip()
