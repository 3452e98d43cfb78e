"""Answers from vLLM, or any servers that speak OpenAI's chat completions, over HTTP; and scores of texts (`scoring.py`).

One request per sample (n = 1), so that every sample has its own seed, its own key in the ledger and its own failure.
How one question is sent is in `transport.py`; here is who is asked, and who is asked again.

A request that fails is asked again after a pause, and only so often. Then, or when it is refused for good, the question
is whether the request is at fault or the server. Answers to others since then tell; where there are none, a canary (one
token, outside ledger and budget) does. A request at fault fails alone; a server at fault is waited for, or stops the run. One that
kills its server each time is found too (`poison_requests.py`), and one that was forgotten is asked again
early (`stalled_requests.py`). What a server refuses for good counts as a call without tokens, and so does
what is given up while it is open (Ctrl-C, `finish_by`).

A completion that the server cut before `max_tokens` is refused: prompt and `max_tokens` did not fit its context, so the
server's `max_model_len` would have changed the answer, and that is not a part of the content key.

Not covered: HTTP proxies, streaming, servers that serve the model of one role under different names.
"""

import asyncio
import json
import random
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from storage.errors import ModelServerError, RecipeError
from storage.messages import said_in
from synth.engines.address import root_of
from synth.engines.base import Answer, Request, RequestRefused, tools_of
from synth.engines.fleet import LOOK_S, Fleet
from synth.engines.member import Member
from synth.engines.poison_requests import Item, Quarantine
from synth.engines.scoring import score_body
from synth.engines.stalled_requests import StalledRequests
from synth.engines.transport import Transport
from synth.engines.wire import DENIED, NO_TOOL_PARSER, Kind, Trouble

TRUST_S = 60.0
"""An answer this fresh vouches for the server when it refuses a request as malformed or too long."""
MOST_CONCURRENCY = 1024
"""Requests open at one endpoint that gives no number and tells its queue."""

TAKEN_UP = frozenset({Kind.LOST, Kind.FAILED, Kind.SILENT})
"""A try that ended so may have been worked on, and be on the bill."""

FIRST_PAUSE_S = 0.25
LONGEST_PAUSE_S = 60.0

Revive = Callable[[], Awaitable[None]]


class Vllm:
    """One model behind one or more OpenAI-compatible endpoints.

    Args:
        endpoint: Root of the server, for example `http://127.0.0.1:8000`, or several; a final `/v1` may be there or not.
        name: The name they serve the model under.
        identity: The digest of the weights, or `name@revision` as declared: what enters the content key. A served
            name is an alias that may point elsewhere tomorrow, so it never takes this place.
        concurrency: Requests to keep open at each endpoint at most; None takes what its queue allows.
        api_key_env: Name of the environment variable with the credential, read at each use.
        timeout_s: Limit for one try, from connecting to the last byte.
        outage_s: How long all endpoints may be away before the run stops.
        revive: Called before each sign of life is asked for; may put the server right.

    Raises:
        RecipeError: An endpoint is not an http(s) address, or holds a credential.
    """

    reads_problem = False
    scores_text = True

    def __init__(
        self,
        endpoint: str | Sequence[str],
        name: str,
        identity: str,
        concurrency: int | None = 64,
        api_key_env: str | None = None,
        timeout_s: float = 600,
        outage_s: float = 600,
        revive: Revive | None = None,
    ) -> None:
        roots = [root_of(address) for address in ([endpoint] if isinstance(endpoint, str) else endpoint)]
        if not roots:
            raise RecipeError("endpoint: the list is empty; right would be http://127.0.0.1:8000")
        cap = concurrency or MOST_CONCURRENCY
        self.fleet = Fleet(roots, cap, concurrency is not None, self._probe, outage_s)
        self._name = name
        self._identity = identity
        self._concurrency = cap * len(self.fleet.members)
        self._http = Transport(name, api_key_env, timeout_s)
        self._revive = revive
        self._looks: set[asyncio.Task[None]] = set()
        self._stalled = StalledRequests()
        self._quarantine = Quarantine(self.fleet)
        self._closings = 0
        self._parses_tools = True

    @property
    def model(self) -> str:
        """The identity given by whoever made this engine."""
        return self._identity

    @property
    def concurrency(self) -> int:
        """Requests it can use at once; how many are really open follows the servers."""
        return self._concurrency

    async def answer(self, request: Request) -> Answer:
        """Ask a server, again when what went wrong may pass.

        Raises:
            RequestRefused: `prompt_too_long`, `max_tokens_too_large`, `context_full`, `bad_request`, `access_denied`,
                `not_found`, `server_error`, `kills_server`, `no_answer`, `too_busy`, `content_filter`, `tool_call`,
                `not_text` or `malformed_answer`.
            ModelServerError: No server can be reached, or none knows the model or the credential.
            BudgetError: A try was lost, and the budget has no room for another.
        """
        self._connect()
        texts = tuple(said_in(message) for message in request.messages)
        most = sum(map(len, texts)) if request.scores else request.sampling.max_tokens
        offers = tools_of(request.sampling.body) is not None
        item = Item(
            self._body(request),
            texts,
            most,
            time.monotonic(),
            self._http.limit_key,
            scores=request.scores,
            tools=offers,
            on_lost_try=request.on_lost_try,
        )
        member: Member | None = None
        pauses, closings = 0, self._closings
        while closings == self._closings:
            member, began, outcome = await self._ask(item, avoid=member)
            if isinstance(outcome, Answer):
                return _checked(outcome, request)
            if self._http.rename_limit(outcome, item.limit_key):
                item.body, item.limit_key = self._body(request), self._http.limit_key
                continue
            if outcome.reason == NO_TOOL_PARSER and item.tools and not item.plain_tools:
                self._parses_tools = False
                item.body, item.plain_tools = self._body(request), True
                continue
            if outcome.kind in TAKEN_UP:
                request.on_lost_try()
            if item.count(outcome.kind, member, began, time.monotonic()) or outcome.kind is Kind.FINAL:
                await self._settle(member, item, began, outcome)
            if outcome.kind is not Kind.AWAY:
                pauses += 1
                await asyncio.sleep(pause(pauses, outcome.pause_s))
        raise self._closed()

    def _closed(self) -> ModelServerError:
        return ModelServerError(f"model {self._name!r}: the engine was closed while a request was open")

    async def _ask(self, item: Item, avoid: Member | None) -> tuple[Member, float, Answer | Trouble]:
        """Ask once, wherever there is room; one that was open when servers died waits for its turn among its like.

        Raises:
            RequestRefused: It is what kills them, or the answer says so.
        """
        member = await self.fleet.enter(avoid=avoid)
        began = time.monotonic()
        try:
            turn = self._quarantine.place(item, avoid)  # what died is known only once a place is free again
        except RequestRefused:
            self.fleet.leave(member, began, None)
            raise
        if turn is None:
            return member, began, await self._try(member, item)
        self.fleet.leave(member, began, None)
        closings = self._closings
        async with turn as member:
            began = time.monotonic()
            if closings != self._closings:
                self.fleet.leave(member, began, None)
                raise self._closed()
            outcome = await self._try(member, item)
            # A dying server resets connections a moment before it stops to listen: the next one must not meet that death.
            lost = isinstance(outcome, Trouble) and outcome.kind in (Kind.LOST, Kind.FAILED)
            if lost and await self.fleet.examine(member) is not None:
                self.fleet.set_aside(member)
            return member, began, outcome

    async def _try(self, member: Member, item: Item) -> Answer | Trouble:
        """Ask once at a place that was entered, and leave it.

        Raises:
            RequestRefused: The answer says so.
        """
        began = time.monotonic()
        scope = asyncio.timeout(None)
        attempt = self._stalled.begin(member, item.tokens, None if item.silent else scope)
        answer: Answer | None = None
        try:
            async with scope:
                answer = await self._http.ask(member.root, item.body, item.texts, scores=item.scores, tools=item.tools)
        except Trouble as trouble:
            self.fleet.leave(member, began, trouble)
            return trouble
        except RequestRefused:
            self.fleet.leave(member, began, None, answered=True)
            raise
        except TimeoutError:
            lost = Trouble(Kind.SILENT, f"no answer after {time.monotonic() - began:.0f} s, far more than others took")
            self.fleet.leave(member, began, lost)
            return lost
        except BaseException as error:
            self.fleet.leave(member, began, None)
            if isinstance(error, asyncio.CancelledError):  # given up by us: the server may have worked on it
                item.count_lost_try()
            raise
        finally:
            self._stalled.end(attempt, answer)
        self.fleet.leave(member, began, None, answered=True)
        if not member.limit.known and began - member.looked_at > LOOK_S:
            self._look(member, began)
        return answer

    async def _settle(self, member: Member, item: Item, began: float, failure: Trouble) -> None:
        """Decide who is at fault; return when only another try can tell.

        Raises:
            RequestRefused: The request: the server answers others.
            ModelServerError: The server refuses even the simplest request.
        """
        denied = failure.status in DENIED  # a key may have been withdrawn since the last answer: only a canary tells
        since = item.began - TRUST_S if failure.kind is Kind.FINAL and not denied else began
        if (denied or member.answered_at < since) and member.vouched_at < since:
            trouble = await self.fleet.examine(member)
            if trouble is not None:
                self.fleet.set_aside(member)
                return
        reason = {Kind.SILENT: "no_answer", Kind.BUSY: "too_busy"}.get(failure.kind, "server_error")
        message = f"{failure} ({item.tries} tries)"
        if failure.kind is Kind.LOST and item.deaths >= 2:
            reason = "kills_server"
        if failure.kind is Kind.FINAL:
            item.count_lost_try()
            reason, message = failure.reason, str(failure)
        raise RequestRefused(reason, message)

    async def close(self) -> None:
        """Close the connections; requests still open end with an error. The engine may be used again afterwards."""
        self._closings += 1
        self._stalled.stop()
        for look in self._looks:
            look.cancel()
        await self.fleet.close()
        await self._http.close()

    def _body(self, request: Request) -> bytes:
        sampling = request.sampling
        payload: dict[str, Any] = {
            "model": self._name,
            "messages": list(request.messages),
            "temperature": sampling.temperature,
            "top_p": sampling.top_p,
            self._http.limit_key: sampling.max_tokens,
            "seed": request.seed & (2**63 - 1),  # vLLM wants a signed 64-bit number
            **sampling.further(),
            **(json.loads(sampling.body) if sampling.body is not None else {}),
        }
        if not self._parses_tools and tools_of(sampling.body) is not None:
            payload["tool_choice"] = (
                "none"  # the chat template shows the tools, and the calls come back as they were written
            )
        if request.continues:
            payload |= {"continue_final_message": True, "add_generation_prompt": False}
        if request.scores:
            payload = score_body(self._name, request.messages[-1]["content"])
        if sampling.stop:
            payload["stop"] = list(sampling.stop)
        try:
            if sampling.schema is not None:
                form = {"name": "answer", "schema": json.loads(sampling.schema), "strict": True}
                payload["response_format"] = {"type": "json_schema", "json_schema": form}
            return json.dumps(payload, ensure_ascii=False, allow_nan=False).encode()
        except UnicodeEncodeError:
            raise RequestRefused("bad_request", "a message holds half a surrogate pair and is no Unicode") from None
        except ValueError:
            raise RequestRefused("bad_request", "a sampling parameter is not a number, or the schema no JSON") from None

    def _connect(self) -> None:
        """Be ready in the running loop: an engine may outlive an `asyncio.run`, what belongs to a loop may not."""
        if self._http.open():
            self.fleet.forget()
            self._looks.clear()
            self._stalled, self._quarantine = StalledRequests(), Quarantine(self.fleet)

    async def _probe(self, member: Member) -> None:
        """Ask for a sign of life, after whoever can has put the server right."""
        if self._revive is not None:
            await self._revive()
        await self._http.probe(member.root)

    def _look(self, member: Member, clock: float) -> None:
        """Ask for the length of the queue, beside the requests."""
        member.looked_at = clock
        task = asyncio.ensure_future(self._read_queue(member))
        self._looks.add(task)
        task.add_done_callback(self._looks.discard)

    async def _read_queue(self, member: Member) -> None:
        await asyncio.sleep(random.uniform(0, LOOK_S / 2))  # not in step with the answers
        try:
            queue = await self._http.queue(member.root)
        except Trouble:
            return
        if queue is None:
            member.looked_at = float("inf")
        else:
            member.limit.told_queue(*queue, member.outstanding)


def _checked(answer: Answer, request: Request) -> Answer:
    """Refuse an answer that was cut before `max_tokens`; one whose tokens nobody counted has no more of them than bytes."""
    allowed, written = request.sampling.max_tokens, answer.completion_tokens
    at_most = written or len(answer.text.encode()) + len(answer.reasoning.encode())
    if answer.finish_reason == "length" and at_most < allowed:
        raise RequestRefused(
            "context_full",
            f"the server cut the answer after {written or f'at most {at_most}'} of {allowed} tokens: with a prompt"
            f"{f' of {answer.prompt_tokens} tokens' if answer.prompt_tokens else ''} its context (max_model_len) is full",
            answer,
        )
    return answer


def pause(attempt: int, asked_s: float | None) -> float:
    """Seconds before the next try: doubling with jitter, never less than the server asked for, up to a limit.

    Jitter only: this randomness decides when a request is sent and never what it holds.
    """
    backoff = FIRST_PAUSE_S * 2.0 ** min(attempt - 1, 8) * random.uniform(0.5, 1.0)
    return min(LONGEST_PAUSE_S, backoff if asked_s is None else asked_s + backoff / 2)
