"""The models of a recipe as a method sees them: one attribute per role, called with the name of a prompt."""

import json
from collections.abc import Coroutine, Mapping, Sequence
from dataclasses import replace
from typing import Any

from synth.answers.format import FORMATS, AnswerFormat
from synth.calls.ask import Asker, Reply
from synth.calls.prompting import Prompt, Replaced, prompt_of
from synth.calls.reviewed import ReviewedPair
from synth.calls.structured import Schema, read_structured, schema_text
from synth.engines.base import Message, with_tools
from synth.engines.profile import PLAIN, UNKNOWN_LICENSE, Profile
from synth.problems import answer_format_of
from synth.problems.base import Problem
from synth.tools.base import Tool
from synth.tools.calls import ToolCall


class Role:
    """One model as a method sees it: call it with the name of a prompt.

    Args:
        name: Role.
        models: The attempt it belongs to.
    """

    def __init__(self, name: str, models: "Models") -> None:
        self._name = name
        self._models = models

    async def __call__(
        self,
        prompt: str,
        *,
        temperature: float | None = None,
        max_tokens: int | None = None,
        top_p: float | None = None,
        essential: Mapping[str, float] | None = None,
        differ: float | None = None,
        stop: tuple[str, ...] = (),
        sample: int = 0,
        schema: Schema | None = None,
        begun: str = "",
        **inputs: Any,
    ) -> Reply:
        """Render a prompt with the problem and `inputs`, and ask durably.

        What is not said here is decided by the role, the paper, the model's own card and our default, in this order:
        `synth.engines.profile`.

        Args:
            prompt: Name of the prompt: the method's own by its file's name, or a shared one.
            temperature: 0 is greedy.
            max_tokens: Upper bound on the completion.
            top_p: Nucleus share.
            essential: The paper's values that the method could not do without, by parameter.
            differ: Temperature of answers that have to differ, where recipe and paper say none and the model's own is greedy.
            stop: Strings at which generation stops.
            sample: Number of this answer among several to the same question, from the call site.
            begun: How the answer begins: the model goes on with its own turn from there, and the reply is what comes after.
            schema: What the answer must look like, a pydantic model or a JSON schema; `Reply.value` is then the answer read.
            inputs: Values for the prompt, besides `problem`.

        Raises:
            RequestRefused: The engine will never answer this request, or the answer breaks the schema
                (`schema_violation`); let it pass, the attempt then fails with its reason.
        """
        call = {"temperature": temperature, "max_tokens": max_tokens, "top_p": top_p}
        profile = self._models.profile(self._name)
        sampling = profile.sampling(call, essential, differ=differ, stop=tuple(stop), schema=schema_text(schema))
        models = self._models
        asked, number = models._prompt(prompt), f"{models._repetition}.{sample}"
        reply = await models._remember(
            models._asker.ask(self._name, asked, models._problem, inputs, sampling, number, models._method, begun)
        )
        if schema is None:
            return reply
        return replace(reply, value=read_structured(reply.text, schema, reply.complete))

    async def chat(
        self,
        messages: Sequence[Message],
        *,
        temperature: float | None = None,
        max_tokens: int | None = None,
        differ: float | None = None,
        sample: int = 0,
        tools: Sequence[Mapping[str, Any]] | None = None,
    ) -> Reply:
        """Go on with a dialogue, durably: `messages` are rendered already and end with another's turn.

        Args:
            messages: The dialogue so far.
            tools: Schemas of the tools that the model may call; its calls stand in the reply's text (`synth.tools.calls`).
            temperature: 0 is greedy; None lets role, card and default decide.
            max_tokens: Upper bound on the completion, likewise.
            differ: As for a prompt.
            sample: Number of this answer among several to the same dialogue, from the call site.

        Raises:
            RequestRefused: The engine will never answer this request; let it pass.
        """
        models, profile = self._models, self._models.profile(self._name)
        sampling = with_tools(
            profile.sampling({"temperature": temperature, "max_tokens": max_tokens}, differ=differ), tools
        )
        framed, number = profile.frame(tuple(messages)), f"{models._repetition}.{sample}"
        return await models._remember(
            models._asker.chat(self._name, framed, models._problem, sampling, number, models._method)
        )

    async def score(self, messages: Sequence[Message]) -> tuple[float, Reply]:
        """Let a verifier score a chat that ends with the answer, durably.

        Returns:
            How likely the answer is to be right, between 0 and 1, and the call behind it.

        Raises:
            RequestRefused: The role is no verifier, or the chat is too long for it; let it pass.
        """
        models = self._models
        reply = await models._remember(models._asker.verify(self._name, tuple(messages), models._method))
        return float(json.loads(reply.text)["score"]), reply


class Models:
    """The models of the recipe, bound to one attempt; `models.teacher(...)` asks the role `teacher`.

    Args:
        asker: The night's asker.
        problem: What the attempt is about.
        repetition: Repetition of the attempt; it enters every sample number.
        method: Name of the method, whose prompts are named and which calls are put on the account of.
        replaced: Files that the recipe's entry uses instead of prompts.
    """

    def __init__(
        self,
        asker: Asker,
        problem: Problem,
        repetition: int,
        method: str | None = None,
        replaced: Replaced | None = None,
    ) -> None:
        self._prompts = asker.prompts.of(method, replaced)
        self._asker = asker
        self._problem = problem
        self._repetition = repetition
        self._method = method
        self._asked: list[Reply | None] = []
        self.used_prompts: list[str] = []

    def __getattr__(self, role: str) -> Role:
        if role.startswith("_") or role not in self._asker.engines:
            raise AttributeError(f"the recipe names no model for the role {role!r}")
        return Role(role, self)

    @property
    def reviewed(self) -> Sequence[ReviewedPair]:
        """Answers that people told apart, of any night."""
        return self._asker.reviewed

    def about(self, problem: Problem) -> "Models":
        """Return the same models, bound to another problem; what they are asked is remembered here too."""
        other = Models(self._asker, problem, self._repetition, self._method)
        other._prompts, other._asked, other.used_prompts = self._prompts, self._asked, self.used_prompts
        return other

    async def run_tool(self, tool: Tool, call: ToolCall) -> Reply:
        """Run a call of a tool, durably: what ran once is found in the ledger. The run is a parent like any call.

        Raises:
            SandboxError: The tool needs a sandbox, and there is none.
        """
        return await self._remember(self._asker.run_tool(tool, call, self._method))

    def profile(self, role: str) -> Profile:
        """Return how the model of a role is asked."""
        return self._asker.profiles.get(role, PLAIN)

    def license_of(self, model: str) -> str:
        """Return the licence that the recipe says of a model, by its identity; that of one of its roles where they differ."""
        licenses = {
            self.profile(role).license for role, engine in self._asker.engines.items() if engine.model == model
        } - {UNKNOWN_LICENSE}
        return min(licenses, default=UNKNOWN_LICENSE)

    async def _remember(self, asking: Coroutine[Any, Any, Reply]) -> Reply:
        """Wait for a reply and keep it at the place where it was asked for, whichever comes first."""
        position = len(self._asked)
        self._asked.append(None)
        reply = await asking
        self._asked[position] = reply
        return reply

    @property
    def form(self) -> AnswerFormat:
        """How final answers are written here: as the problem's task says, else as the recipe does."""
        own = answer_format_of(self._problem.task)
        return self._asker.prompts.form if own is None else FORMATS[own]

    @property
    def replies(self) -> list[Reply]:
        """What was answered so far, in the order of asking (not of arrival, so that a replay has the same parents)."""
        return [reply for reply in self._asked if reply is not None]

    def messages(self, prompt: str, **inputs: Any) -> list[Message]:
        """Render a prompt without asking, to word a sample."""
        return list(self._prompt(prompt).messages({"problem": self._problem, **inputs}))

    def text(self, prompt: str, **inputs: Any) -> str:
        """Render a prompt to plain text without asking, to word a sample."""
        return self._prompt(prompt).text({"problem": self._problem, **inputs})

    def source(self, prompt: str) -> str:
        """Return the template of a prompt: what a model may have copied instead of following it."""
        return prompt_of(self._prompts, prompt).source

    def _prompt(self, name: str) -> Prompt:
        """Return a prompt, and remember that it was used."""
        prompt = prompt_of(self._prompts, name)
        if prompt.digest not in self.used_prompts:
            self.used_prompts.append(prompt.digest)
        return prompt
