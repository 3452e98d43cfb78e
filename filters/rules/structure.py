"""Whether a row is well formed: the shape its kind asks for, clean text, and nothing of a chat template inside."""

import json
import re

from pydantic import Field

from filters.base import PASS, Context, Finding, Options, fail, row_filter
from filters.rows import Row, texts
from filters.text import fold
from synth.notes import NOTES, NotesError, read_notes

# Markers of chat templates: <|im_start|>, <|eot_id|>, [INST], <<SYS>>, <start_of_turn>, </s>. GSM8K's calculator marks
# (<<3+4=7>>) and think tags are none.
_MARKER = re.compile(r"<\|[A-Za-z0-9_]{1,40}\|>|\[/?INST\]|<</?SYS>>|<(?:start|end)_of_turn>|</?s>")
_TURN = re.compile(r"^(?:Human|User|Assistant|System):\s", re.M)
# U+FFFD is what is left of broken UTF-8; the control characters are never part of a text (tab and line ends are).
_BROKEN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ufffd\ud800-\udfff]")
_CONTROL = bytes({*range(9), 11, 12, *range(14, 32), 127})
# Searching for plain text is fifty times faster than a pattern: a pattern runs where one of these stands.
_MARKER_PARTS = ("|>", "INST]", "SYS>>", "_of_turn>", "s>")
_TURN_PARTS = ("Human:", "User:", "Assistant:", "System:")
_KINDS = tuple(NOTES)
_TOOL_DIALOGUE = re.compile(r"user(?: assistant(?: tool)+(?: user)?| assistant user)*(?: assistant)?")
"""Roles of a chat with tools: each result follows a turn of the assistant, who goes on by itself."""
_CALL_PARTS = ("<tool_call>", "</tool_call>")


class StructureOptions(Options):
    """Options of `structure`."""

    truncated: bool = Field(
        default=False, description="Whether an answer that was cut off at its token limit may pass."
    )


@row_filter("structure", version="2", options=StructureOptions)
def structure(row: Row, context: Context, options: StructureOptions) -> Finding:
    """The row has the shape of its kind, clean text, and no markers of a chat template."""
    reason = "thoughts_cut" if row.notes.thoughts_cut else _shape(row) or _text(row) or _attrs(row, options)
    return fail(reason) if reason else PASS


def _blank(text: str | None) -> bool:
    return not text or not text.strip()


def _shape(row: Row) -> str | None:
    if row.kind not in _KINDS:
        return "unknown_kind"
    if row.kind == "text":
        return "empty_text" if _blank(row.text) else None
    return _chat(row) or _parts(row)


def _chat(row: Row) -> str | None:
    """An optional system turn, then user and assistant in turn, results of tools after calls; the answer follows, or is last."""
    turns = list(row.messages)
    if turns and turns[0][0] == "system":
        turns = turns[1:]
    if not turns:
        return "no_messages"
    if not row.calls_answered:
        return "calls_without_result"
    roles = [role for role, _ in turns if role != "tool"]
    expected = ("user", "assistant")
    if len(roles) == len(turns) and any(role != expected[index % 2] for index, role in enumerate(roles)):
        return "roles_do_not_alternate"
    if len(roles) < len(turns) and not _TOOL_DIALOGUE.fullmatch(" ".join(role for role, _ in turns)):
        return "roles_do_not_alternate"
    if any(_blank(content) for role, content in turns if role != "tool"):
        return "empty_message"
    if turns[-1][0] in ("user", "tool"):
        return None
    if row.kind != "sft":
        return "answer_in_prompt"
    return None if row.response is None or row.response == turns[-1][1] else "two_answers"


def _parts(row: Row) -> str | None:
    if row.kind in ("sft", "preference") and _blank(row.learned):
        return "empty_response"
    if row.kind == "preference":
        if _blank(row.rejected):
            return "empty_rejected"
        if fold(row.learned) == fold(row.rejected or ""):
            return "halves_equal"
    if row.kind == "stepwise":
        if not row.steps or any(_blank(step) for step in row.steps):
            return "empty_steps"
        if row.labels is None or len(row.labels) != len(row.steps) or None in row.labels:
            return "labels_do_not_match_steps"
    return None


def _text(row: Row) -> str | None:
    if row.broken:
        return "broken_text"
    for text in texts(row):
        if _broken(text):
            return "broken_text"
        if any(part in text for part in _MARKER_PARTS) and _MARKER.search(text):
            return "chat_marker"
    for learned in (row.learned, row.rejected or ""):
        if any(part in learned for part in _CALL_PARTS):
            return "call_in_answer"
        if any(part in learned for part in _TURN_PARTS) and _TURN.search(learned):
            return "chat_marker"
        if learned.count("<think>") != learned.count("</think>"):
            return "unclosed_think"
    return None


def _broken(text: str) -> bool:
    if text.isascii():
        data = text.encode()
        return len(data.translate(None, _CONTROL)) < len(data)
    return _BROKEN.search(text) is not None


def _attrs(row: Row, options: StructureOptions) -> str | None:
    if row.attrs_json is not None and row.attrs_json != "{}":
        try:
            value = json.loads(row.attrs_json)
            json.dumps(value, ensure_ascii=False).encode()
        except (ValueError, RecursionError):  # no JSON, or a lone surrogate in an escape
            return "invalid_attrs"
        if not isinstance(value, dict):
            return "invalid_attrs"
    try:
        notes = read_notes(row.kind, row.notes_json, row.attrs_json)
    except NotesError:
        return "invalid_notes"
    return "truncated" if notes.complete is False and not options.truncated else None
