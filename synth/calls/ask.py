"""What a method asks of a model: a prompt, a dialogue, a score; answered from the ledger or durably (`synth.calls.durable`).

What enters a call's content key is decided in `synth.calls.keys`; what a night may spend, in `synth.calls.budget`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from storage.ids import seed_from
from storage.ledger.ledger import Ledger
from synth.calls.budget import Budget, Meter, Price
from synth.calls.durable import DurableCalls, Question, clean
from synth.calls.keys import call_key, content_key
from synth.calls.prompting import Prompt, Prompts
from synth.calls.reviewed import ReviewedPair
from synth.calls.thoughts import part
from synth.calls.tools import ROLE, SAMPLE, SAMPLING, ToolEngine
from synth.calls.tools import asked as asked_tool
from synth.engines.base import Engine, Message, Request, RequestRefused, Sampling
from synth.engines.profile import PLAIN, Profile
from synth.problems.base import Problem
from synth.tools.base import Tool
from synth.tools.calls import ToolCall

__all__ = ["Asker", "Budget", "Price", "Reply", "call_key", "clean"]


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer as a method sees it.

    Attributes:
        text: What was said: the completion without its thoughts.
        call_id: Content key of the call; parents of samples are made of these.
        model: Identity of the model.
        complete: False when the completion was cut at `max_tokens`.
        by_rule: True when a rule-based solver wrote it.
        prompt_tokens: Tokens read.
        completion_tokens: Tokens written.
        reasoning: What the model thought before it answered, however it came (`synth.calls.thoughts`); no part of `text`.
        thoughts_cut: Whether the token limit ended the thoughts, so that nothing was said.
        learns_thoughts: Whether a row that teaches this reply teaches its thoughts too, as the recipe says of its role.
        value: The reply read by its schema, when one was asked for.
    """

    text: str
    call_id: str
    model: str
    complete: bool
    by_rule: bool
    completion_tokens: int
    prompt_tokens: int = 0
    reasoning: str = ""
    thoughts_cut: bool = False
    learns_thoughts: bool = True
    value: Any = None


_SCORING = Sampling(max_tokens=0)
_LOGPROBS = "logprobs"
_VERIFY = "verify"
_ANY = Problem("", "text", "", "", "")
"""A text that is scored belongs to no problem."""


class Asker:
    """Asks on behalf of one night; shared by all of its coroutines.

    Args:
        ledger: Where finished calls are.
        engines: Engine by role.
        prompts: The night's prompts.
        night: Logical date.
        draw: None to accept answers of other nights; else a word that enters every key.
        budget: Hard stop.
        prices: Price by role.
        profiles: How the model of each role is asked; a role that is not there is asked plainly.
        reviewed: Answers that people told apart.
    """

    def __init__(
        self,
        ledger: Ledger,
        engines: Mapping[str, Engine],
        prompts: Prompts,
        *,
        night: str,
        draw: str | None = None,
        budget: Budget | None = None,
        prices: Mapping[str, Price] | None = None,
        profiles: Mapping[str, Profile] | None = None,
        reviewed: Sequence[ReviewedPair] = (),
    ) -> None:
        self.engines = engines
        self.reviewed = reviewed
        self.profiles = profiles or {}
        self.prompts = prompts
        self._draw = draw
        self._tools: dict[str, ToolEngine] = {}
        self._calls = DurableCalls(ledger, night, Meter(budget or Budget(), prices or {}, ledger.spent(night)))

    @property
    def made(self) -> int:
        """Calls that engines were asked."""
        return self._calls.made

    @property
    def found(self) -> int:
        """Calls that the ledger knew."""
        return self._calls.found

    async def ask(
        self,
        role: str,
        prompt: Prompt | str,
        problem: Problem,
        inputs: Mapping[str, Any],
        sampling: Sampling,
        sample: str,
        method: str | None = None,
        begun: str = "",
    ) -> Reply:
        """Answer from the ledger, or ask the role's engine and record.

        Args:
            role: Who is asked.
            prompt: What is asked: a prompt, or the name of one of the night's.
            problem: What it is about.
            inputs: Values for the prompt, besides the problem.
            sampling: Sampling parameters.
            sample: Explicit sample number.
            method: On whose account the call is put when it has to be made.
            begun: How the answer begins; the model goes on from there.

        Raises:
            RequestRefused: The engine will never answer this request.
            ModelServerError: The engine cannot be reached.
            BudgetError: The budget has no room for this call.
            LakeError: The answer cannot be recorded, and so is not used.
        """
        engine = self.engines[role]
        prompt = self.prompts[prompt] if isinstance(prompt, str) else prompt
        messages = self.profiles.get(role, PLAIN).frame(prompt.messages({"problem": problem, **inputs}))
        if begun:
            messages = (*messages, {"role": "assistant", "content": begun})
        key = call_key(
            engine, messages, sampling, sample, act=prompt.act, problem=problem, inputs=inputs, draw=self._draw
        )
        request = Request(messages, sampling, seed_from(key), prompt.act, problem, inputs)
        opened = self.profiles.get(role, PLAIN).opens_thoughts and not begun
        reply = await self._reply(Question(key, role, engine, request, sample, method, opened))
        return self._without_thoughts(role, reply, begun=bool(begun))

    async def chat(
        self,
        role: str,
        messages: tuple[Message, ...],
        problem: Problem,
        sampling: Sampling,
        sample: str,
        method: str | None = None,
    ) -> Reply:
        """Go on with a dialogue that is rendered already, from the ledger or durably; arguments as for `ask`.

        Raises:
            RequestRefused: The engine will never answer this request, or answers by rule and reads no dialogue.
            ModelServerError: The engine cannot be reached.
            BudgetError: The budget has no room for this call.
            LakeError: The answer cannot be recorded, and so is not used.
        """
        engine = self.engines[role]
        if engine.reads_problem:
            raise RequestRefused("no_dialogue", f"the role {role!r} answers by rule and cannot go on with a dialogue")
        key = content_key(engine.model, messages, sampling, sample, draw=self._draw)
        request = Request(messages, sampling, seed_from(key), "chat", problem)
        opened = self.profiles.get(role, PLAIN).opens_thoughts
        reply = await self._reply(Question(key, role, engine, request, sample, method, opened))
        return self._without_thoughts(role, reply)

    def _without_thoughts(self, role: str, reply: Reply, *, begun: bool = False) -> Reply:
        """Part what was said from what was thought; the ledger keeps the completion as it came."""
        if reply.by_rule:
            return reply
        profile = self.profiles.get(role, PLAIN)
        parted = part(reply.text, opened=profile.opens_thoughts and not begun, complete=reply.complete)
        thoughts = "\n\n".join(text for text in (reply.reasoning.strip(), parted.thoughts) if text)
        silent = bool(thoughts) and not parted.said.strip() and not reply.complete
        return replace(
            reply,
            text=parted.said,
            reasoning=thoughts,
            thoughts_cut=silent,
            learns_thoughts=profile.learns_thoughts,
        )

    async def score(self, role: str, text: str, method: str | None = None) -> Reply:
        """Score how likely a text is to a role's model, from the ledger or durably; `Reply.text` is a `Score` in JSON.

        Its key has the sample name `logprobs`, which no chat has, and never a draw: a text is as likely every night.

        Raises:
            RequestRefused: The text will never be scored; `no_logprobs` where the role's engine cannot score any.
            ModelServerError: The engine cannot be reached.
            BudgetError: The budget has no room for this call.
            LakeError: The score cannot be recorded, and so is not used.
        """
        engine = self.engines[role]
        if not getattr(engine, "scores_text", False):
            raise RequestRefused(
                "no_logprobs", f"the engine of the role {role!r} gives no log-probabilities of a prompt"
            )
        messages: tuple[Message, ...] = ({"role": "assistant", "content": text},)
        key = content_key(engine.model, messages, _SCORING, _LOGPROBS)
        request = Request(messages, _SCORING, seed_from(key), "score", _ANY, scores=True)
        return await self._reply(Question(key, role, engine, request, _LOGPROBS, method))

    async def verify(self, role: str, messages: tuple[Message, ...], method: str | None = None) -> Reply:
        """Let a verifier score a whole chat, from the ledger or durably; `Reply.text` is `{"score": p}`.

        Its key has the sample name `verify`, which no chat has, and never a draw: a verifier says the same every night.

        Raises:
            RequestRefused: The chat will never be scored; `no_verifier` where the role's engine is none.
            ModelServerError: The engine cannot be reached.
            BudgetError: The budget has no room for this call.
            LakeError: The score cannot be recorded, and so is not used.
        """
        engine = self.engines[role]
        if not getattr(engine, "scores_chats", False):
            raise RequestRefused("no_verifier", f"the role {role!r} is no verifier; give it `engine: verifier`")
        key = content_key(engine.model, messages, _SCORING, _VERIFY)
        request = Request(messages, _SCORING, seed_from(key), "verify", _ANY, scores=True)
        return await self._reply(Question(key, role, engine, request, _VERIFY, method))

    async def run_tool(self, tool: Tool, call: ToolCall, method: str | None = None) -> Reply:
        """Run a call of a tool, from the ledger or durably; `Reply.text` is what the tool says.

        Its key has the tool's name and version, the arguments, and never a draw: a tool says the same every night.

        Raises:
            SandboxError: The tool needs a sandbox, and there is none.
            BudgetError: The budget has no room for another call.
            LakeError: The result cannot be recorded, and so is not used.
        """
        engine = self._tools.setdefault(tool.model, ToolEngine(tool))
        messages = asked_tool(call)
        key = content_key(engine.model, messages, SAMPLING, SAMPLE)
        request = Request(messages, SAMPLING, seed_from(key), ROLE, _ANY)
        return await self._reply(Question(key, ROLE, engine, request, SAMPLE, method))

    async def put(self, role: str, request: Request, sample: str) -> Reply:
        """Put a question that is rendered already, from the ledger or durably; the seed is the request's own.

        Raises:
            RequestRefused: The engine will never answer this request.
            ModelServerError: The engine cannot be reached.
            BudgetError: The budget has no room for this call.
            LakeError: The answer cannot be recorded, and so is not used.
        """
        key = content_key(self.engines[role].model, request.messages, request.sampling, sample, draw=self._draw)
        return await self._reply(Question(key, role, self.engines[role], request, sample, None))

    async def close(self) -> None:
        """Close the engines, each once; the asker may be used again."""
        for engine in {id(engine): engine for engine in self.engines.values()}.values():
            await engine.close()

    async def _reply(self, question: Question) -> Reply:
        call = await self._calls.find_or_make(question)
        return Reply(
            text=call.response,
            call_id=call.key,
            model=call.model,
            complete=call.finish_reason == "stop",
            by_rule=question.engine.reads_problem,
            completion_tokens=call.completion_tokens,
            prompt_tokens=call.prompt_tokens,
            reasoning=call.reasoning,
        )
