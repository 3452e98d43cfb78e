"""What a tool is: a pure function of its arguments, which a model calls by name. The ledger keeps what it returned."""

import json
from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, ClassVar

from storage.errors import NightschoolError

MOST_TEXT = 20_000
"""Characters of what a tool returns that a model is told; our choice. A tool of few words says so itself."""
TOOL = "tool:"
"""What the identity of every tool begins with, where that of a model stands."""


class Tool(ABC):
    """One tool. Instances are stateless, and the same arguments give the same text.

    Attributes:
        name: What models call it by: its file's name.
        description: What it does, for models.
        parameters: JSON schema of its arguments, an object.
        version: Changes when the same arguments may give another text; it is part of the key of every call.
    """

    name: ClassVar[str]
    description: ClassVar[str]
    parameters: ClassVar[Mapping[str, Any]]
    version: ClassVar[str] = "1"

    @abstractmethod
    def run(self, arguments: Mapping[str, Any]) -> str:
        """Return what the model is told. Never raises on a model's arguments; what is wrong with them is told as well."""

    @property
    def model(self) -> str:
        """Its identity in the ledger, where the identity of a model stands."""
        return f"{TOOL}{self.name}@{self.version}"

    @property
    def schema(self) -> dict[str, Any]:
        """The tool as OpenAI's chat completions and chat templates describe one."""
        function = {"name": self.name, "description": self.description, "parameters": dict(self.parameters)}
        return {"type": "function", "function": function}

    def call(self, arguments: str) -> str:
        """Return what the model is told that calls it with this JSON text; at most `MOST_TEXT` characters.

        What the tool raises is told too, so that no argument of a model ends an evaluation or a training.

        Raises:
            NightschoolError: The tool cannot be run here at all, such as SandboxError.
        """
        try:
            read = json.loads(arguments)
        except (ValueError, RecursionError):
            read = None
        if not isinstance(read, dict):
            return "error: the arguments are not a JSON object"
        missing = [name for name in self.parameters.get("required", ()) if name not in read]
        if missing:
            return f"error: the argument {missing[0]!r} is missing"
        try:
            text = self.run(read)
        except NightschoolError:
            raise
        except Exception as error:  # a tool of anybody's
            return f"error: {type(error).__name__}: {error}"[:500]
        return text if len(text) <= MOST_TEXT else f"{text[:MOST_TEXT]}\n[cut: {len(text)} characters]"
