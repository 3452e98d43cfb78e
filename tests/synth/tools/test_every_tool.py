"""What every tool keeps: a schema that templates and servers read, and a text for whatever a model writes."""

import json
from typing import ClassVar

import pytest

from synth.sandbox import SandboxError
from synth.tools import TOOLS, Tool, get_tool
from synth.tools.base import MOST_TEXT

USES = {"calculator": ({"expression": "(1 + 2) / 4"}, "0.75"), "python": ({"code": "print(6 * 7)"}, "42")}


@pytest.mark.parametrize("name", TOOLS.names())
def test_a_tool_is_described_and_answers_whatever_comes(name):
    tool = get_tool(name)
    arguments, expected = USES[name]
    function = tool.schema["function"]
    assert (
        function["name"] == name
        and function["description"]
        and set(arguments) == set(function["parameters"]["required"])
    )
    assert all(entry["description"] and entry["type"] for entry in function["parameters"]["properties"].values())
    assert tool.call(json.dumps(arguments)) == expected
    for text in ("", "[]", "{", '"x"', "null"):
        assert tool.call(text) == "error: the arguments are not a JSON object"
    assert tool.call("{}").startswith("error: the argument")
    assert isinstance(tool.call(json.dumps({key: [1, None] for key in arguments})), str)
    assert tool.model == f"tool:{name}@{tool.version}"


@pytest.mark.parametrize("expression", ["2**-3", "2**3", "5 **-** 3", "9^9", "1e9", "\\ud800", "(" * 150, "9" * 201])
def test_what_is_no_plain_sum_is_not_calculated(expression):
    assert get_tool("calculator").run({"expression": expression}).startswith("not an expression")


class Odd(Tool):
    """A tool of somebody's."""

    name = "odd"
    description = "Does what it is told."
    parameters: ClassVar = {"type": "object", "properties": {"act": {"type": "string"}}, "required": ["act"]}

    def run(self, arguments):
        if arguments["act"] == "sandbox":
            raise SandboxError("there is none")
        return "x" * 5_000_000 if arguments["act"] == "long" else str(1 / len(arguments["act"]))


def test_what_a_tool_raises_is_told_and_what_is_endless_is_cut():
    assert Odd().call('{"act": 5}') == "error: TypeError: object of type 'int' has no len()"
    assert Odd().call('{"act": ""}') == "error: ZeroDivisionError: division by zero"
    told = Odd().call('{"act": "long"}')
    assert len(told) < MOST_TEXT + 50 and told.endswith("[cut: 5000000 characters]")
    with pytest.raises(SandboxError):
        Odd().call('{"act": "sandbox"}')
