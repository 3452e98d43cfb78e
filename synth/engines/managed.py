"""vLLM as a flow wants it: a server started at the first request, restarted when it dies, ended with the engine."""

import asyncio
import contextlib
import time
from collections.abc import Callable
from pathlib import Path

from storage.errors import ModelServerError, NightschoolError
from storage.models.checkpoints import Checkpoint
from synth.engines.base import Answer, Request, RequestRefused
from synth.engines.poison_requests import DEATHS
from synth.engines.vllm import Vllm
from synth.engines.vllm_command import ServerOptions
from synth.engines.vllm_server import VllmServer

CONCURRENCY = 256
"""Requests the server works on at once, when the recipe says nothing."""
RESTARTS = 2 * DEATHS
"""How often a server that died is started again within `RESTART_WINDOW_S`, unless a request is found to be the reason. Two
that kill it by turns are found within so many."""
RESTART_WINDOW_S = 3600.0
MOST_KILLERS = 10
"""Requests that killed the server, after which the server is at fault."""
MUTE_S = 60.0
"""How long a server may live without being healthy before it is started again."""


class ManagedVllm:
    """Serves one checkpoint with vLLM on this machine. A night that finds every answer in the ledger starts no server.

    Requests that were open when the server died are asked again; one that kills it each time fails as `kills_server`, and
    the others go on.

    Args:
        checkpoint: What to serve.
        folder: Where the server's log and record go.
        concurrency: Requests open at once, and worked on at once; None takes 256.
        model: Identity of who answers (`ModelSpec.identity`); None takes the checkpoint's.
        name: Which of the server's adapters is asked; None asks the checkpoint itself.
        timeout_s: Limit for one try of a request.
        progress: Told of each start: seconds so far and the last line of the log.
        options: How the server is started. Its context decides which requests are refused as `prompt_too_long` or
            `context_full`, never what an accepted answer says.
    """

    reads_problem = False
    scores_text = True

    def __init__(
        self,
        checkpoint: Checkpoint,
        folder: Path,
        *,
        concurrency: int | None = None,
        model: str | None = None,
        name: str | None = None,
        timeout_s: float = 600,
        progress: Callable[[float, str], None] | None = None,
        options: ServerOptions | None = None,
    ) -> None:
        self.model = model or checkpoint.id
        self._name = name
        self.concurrency = concurrency or CONCURRENCY
        chosen = options or ServerOptions(max_num_seqs=self.concurrency)
        self.server = VllmServer(checkpoint.path, "student", folder, chosen, progress)
        self._timeout_s = timeout_s
        self._client: Vllm | None = None
        self._starting: asyncio.Task[Vllm] | None = None
        self._restarts: list[float] = []
        self._killers = 0
        self._mute_since: float | None = None

    async def answer(self, request: Request) -> Answer:
        """Answer a request; the first one starts the server.

        Raises:
            RequestRefused: The server will never answer this request.
            ModelServerError: The server cannot be started, or died too often; its last words are in the message.
        """
        try:
            return await (await self._connected()).answer(request)
        except RequestRefused as error:
            if error.reason == "kills_server":
                self._killers += 1
                self._restarts.clear()  # a reason was found
            raise

    async def _connected(self) -> Vllm:
        if self._client is None:
            if self._starting is None or self._starting.done():
                self._starting = asyncio.ensure_future(self._start())
                self._starting.add_done_callback(lambda done: done.cancelled() or done.exception())
            self._client = await asyncio.shield(self._starting)
        return self._client

    async def close(self) -> None:
        """Close the client and end the server with all of its processes, also one that is still starting."""
        client, self._client = self._client, None
        self.server.abandon()
        if client is not None:
            await client.close()
        starting, self._starting = self._starting, None
        if starting is not None:
            with contextlib.suppress(NightschoolError, asyncio.CancelledError):
                await starting
        await asyncio.to_thread(self.server.stop)

    async def _start(self) -> Vllm:
        await asyncio.to_thread(self.server.start)
        start_s = self.server.options.start_limit_s
        return Vllm(
            self.server.endpoint,
            self._name or self.server.name,
            self.model,
            self.concurrency,
            timeout_s=self._timeout_s,
            outage_s=(RESTARTS + 1) * (start_s + MUTE_S),
            revive=self._revive,
        )

    async def _revive(self) -> None:
        """Start a server again that died, or that lives and says nothing; called by the client's prober.

        Raises:
            ModelServerError: It died too often.
        """
        now = time.monotonic()
        if self.server.running:
            if await asyncio.to_thread(lambda: self.server.healthy):
                self._mute_since = None
                return
            self._mute_since = self._mute_since or now
            if now - self._mute_since < MUTE_S:
                return
        self._restarts = [moment for moment in self._restarts if now - moment < RESTART_WINDOW_S]
        if len(self._restarts) >= RESTARTS or self._killers >= MOST_KILLERS:
            reason = "lives but does not answer"
            try:
                self.server.check()
            except ModelServerError as error:
                reason = str(error)
            raise ModelServerError(
                f"the vLLM server died {len(self._restarts) + 1} times within an hour"
                + (f", and {self._killers} requests were found to kill it" if self._killers else "")
                + f". What was answered is kept; {reason}"
            )
        self._restarts.append(now)
        self._mute_since = None
        await asyncio.to_thread(self.server.stop)
        if self._client is not None:
            self._client.fleet.members[0].died()
        await self._restart()

    async def _restart(self) -> None:
        starting = asyncio.ensure_future(asyncio.to_thread(self.server.start))
        try:
            await asyncio.shield(starting)
        except asyncio.CancelledError:  # the engine is being closed; the thread must have ended before the server is
            self.server.abandon()
            with contextlib.suppress(NightschoolError):
                await starting
            raise
        if self._client is not None:
            self._client.fleet.members[0].root = self.server.endpoint  # another program may have taken the port
