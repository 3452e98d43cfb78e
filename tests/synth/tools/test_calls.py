"""Calls of tools are read as models and servers write them, and written so that they are read again."""

import json

import pytest

from storage.messages import chat_of, for_template, said_in
from synth.tools import get_tool
from synth.tools.calls import ToolCall, calls_in, read_calls, turn_of, write_calls

CALL = ToolCall("calculator", '{"expression": "2 + 3"}')
BODY = '{"name": "calculator", "arguments": {"expression": "2 + 3"}}'


@pytest.mark.parametrize(
    ("text", "content"),
    [
        (f"<tool_call>\n{BODY}\n</tool_call>", ""),
        (f"I add.\n<tool_call>{BODY}</tool_call>", "I add."),
        (f"<tool_call>\n{BODY}", ""),  # cut, or the end token came first
        (f"<tool_call>\n{BODY}}}\n</tool_call>", ""),  # one bracket too many, as small models write
        ("<tool_call>\n{'name': 'calculator', 'arguments': {'expression': '2 + 3'}}\n</tool_call>", ""),
        ('<tool_call>{"name": "calculator", "arguments": "{\\"expression\\": \\"2 + 3\\"}"}</tool_call>', ""),
        (f"[TOOL_CALLS] [{BODY}]", ""),
        (f"[{BODY}]", ""),
        (f"```json\n{BODY}\n```", ""),
        ('<|python_tag|>{"name": "calculator", "parameters": {"expression": "2 + 3"}}', ""),
    ],
)
def test_a_call_is_read_in_every_form(text, content):
    assert read_calls(text) == (content, (CALL,))


@pytest.mark.parametrize(
    "text",
    [
        "The answer is 5.\n#### 5",
        "<tool_call>\ncalculator(2 + 3)\n</tool_call>",
        '{"answer": 5}',
        '{"name": "", "arguments": {}}',
        f"I would write {BODY} here.",
        f"<tool_call>{BODY}</tool_call>" * 20,
        '<tool_call>{"name": "\\ud800", "arguments": {}}',
        '<tool_call>{"name": "calculator\\u0000", "arguments": {}}',
        '<tool_call>{"name": "\\u001b]0;x\\u0007", "arguments": {}}',
        "<tool_call>" + "-" * 50_000 + "1",
        "<tool_call>" + "{'a': " * 500,
    ],
)
def test_what_is_no_call_stays_text(text):
    assert read_calls(text) == (text, ())


@pytest.mark.parametrize(
    "arguments",
    ["b'abc'", "{1, 2}", "{(1, 2): 3}", "1j", "...", "{'n': 1e999}", '"{\\"n\\": NaN}"', "'" + "[" * 50_000 + "'",
     "{'code': '\\ud800'}", '"\\ud800"', "None", "{'n': " + "9" * 4000 + "}"],
)  # fmt: skip
def test_arguments_of_any_kind_are_json_that_can_be_stored_and_told(arguments):
    _, (call,) = read_calls(f"<tool_call>{{'name': 'calculator', 'arguments': {arguments}}}</tool_call>")
    json.loads(call.arguments, parse_constant=pytest.fail)
    assert call.arguments.encode() and read_calls(write_calls("", [call])) == ("", (call,))
    assert get_tool("calculator").call(call.arguments).startswith("error: ")


def test_several_calls_and_line_breaks_in_a_program_are_read():
    text = '<tool_call>{"name": "python", "arguments": {"code": "x = 1\nprint(x)"}}</tool_call>\n' + write_calls(
        "", [CALL]
    )
    _, (first, second) = read_calls(text)
    assert json.loads(first.arguments) == {"code": "x = 1\nprint(x)"} and second == CALL
    assert read_calls(write_calls("So:", [first, second])) == ("So:", (first, second))


def test_a_turn_is_openais_message_and_a_template_reads_objects():
    turn = turn_of("So:", [CALL, CALL], 7)
    assert [call["id"] for call in turn["tool_calls"]] == ["call00007", "call00008"] and calls_in(turn) == (CALL, CALL)
    [shown] = for_template([{**turn, "tool_call_id": None}])
    assert shown["tool_calls"][0]["function"]["arguments"] == {"expression": "2 + 3"} and "tool_call_id" not in shown
    assert chat_of([{**turn, "tool_call_id": None}]) == [turn]
    assert said_in(turn).splitlines() == ["So:", *['calculator({"expression": "2 + 3"})'] * 2]
    assert "tool_calls" not in turn_of("So:", [])
