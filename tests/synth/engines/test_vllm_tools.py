"""Tools over HTTP: calls that a server parsed become text; a server without a parser shows tools and writes calls plainly."""

import json
from dataclasses import replace

import pytest

from synth.engines.base import RequestRefused, Sampling, with_tools
from synth.engines.vllm import Vllm
from synth.tools import get_tool
from synth.tools.calls import ToolCall, read_calls
from tests.synth.engines.scripted import Reply, ask, chat, scripted

TOOLS = [get_tool("calculator").schema]
CALL = {"id": "x", "type": "function", "function": {"name": "calculator", "arguments": '{"expression": "2 + 3"}'}}
NO_PARSER = {
    "error": {"message": '"auto" tool choice requires --enable-auto-tool-choice and --tool-call-parser to be set'}
}


def parsed(*calls, text=None):
    message = {"role": "assistant", "content": text, "tool_calls": list(calls)}
    return chat() | {"choices": [{"index": 0, "message": message, "finish_reason": "tool_calls"}]}


def asking(tools=TOOLS):
    return replace(ask(), sampling=with_tools(Sampling(max_tokens=10), tools))


async def test_calls_that_the_server_parsed_are_read_from_the_text_as_any_other():
    async with scripted(Reply(body=parsed(CALL, CALL, text="I add."))) as server:
        engine = Vllm(server.url, "m", "m@1")
        answer = await engine.answer(asking())
        await engine.close()
    assert server.seen[0]["tools"] == TOOLS and "tool_choice" not in server.seen[0]
    call = ToolCall("calculator", '{"expression": "2 + 3"}')
    assert answer.finish_reason == "stop" and read_calls(answer.text) == ("I add.", (call, call))


async def test_a_server_without_a_parser_shows_tools_and_writes_calls_plainly_from_then_on():
    written = '<tool_call>{"name": "calculator", "arguments": {"expression": "2 + 3"}}</tool_call>'
    async with scripted(Reply(status=400, body=NO_PARSER), Reply(body=chat(written))) as server:
        engine = Vllm(server.url, "m", "m@1")
        texts = [(await engine.answer(asking())).text for _ in range(2)]
        await engine.close()
    assert texts == [written] * 2
    assert [seen.get("tool_choice") for seen in server.seen] == [None, "none", "none"]
    assert all(seen["tools"] == TOOLS for seen in server.seen)


@pytest.mark.parametrize("tools", [None, TOOLS])
async def test_a_call_that_is_none_or_was_not_offered_is_refused(tools):
    calls = [CALL] if tools is None else [{"type": "function", "function": {"name": None}}]
    async with scripted(Reply(body=parsed(*calls))) as server:
        engine = Vllm(server.url, "m", "m@1")
        with pytest.raises(RequestRefused) as refused:
            await engine.answer(asking(tools))
        await engine.close()
    assert refused.value.reason == "tool_call" and json.dumps(server.seen)
