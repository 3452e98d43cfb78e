"""vLLM as a flow wants it: a server started at the first request and ended with the engine."""

import asyncio
from collections.abc import Callable
from pathlib import Path

from storage.checkpoints import Checkpoint
from synth.engines.base import Answer, Request
from synth.engines.vllm import Vllm
from synth.engines.vllm_server import ServerOptions, VllmServer


class ManagedVllm:
    """Serves one checkpoint with vLLM on this machine. A night that finds every answer in the ledger starts no server.

    Args:
        checkpoint: What to serve.
        folder: Where the server's log and record go.
        concurrency: Requests open at once.
        max_model_len: Longest prompt and completion together; None takes the checkpoint's own.
        progress: Told of the start: seconds so far and the last line of the log.
    """

    reads_problem = False

    def __init__(
        self,
        checkpoint: Checkpoint,
        folder: Path,
        *,
        concurrency: int,
        max_model_len: int | None = None,
        progress: Callable[[float, str], None] | None = None,
    ) -> None:
        self.model = checkpoint.id
        self.concurrency = concurrency
        options = ServerOptions(max_model_len=max_model_len)
        self._server = VllmServer(checkpoint.path, "student", folder, options, progress)
        self._client: Vllm | None = None
        self._starting = asyncio.Lock()

    async def answer(self, request: Request) -> Answer:
        """Answer a request; the first one starts the server.

        Raises:
            RequestRefused: The server will never answer this request.
            ModelServerError: The server cannot be started or died; its last words are in the message.
        """
        async with self._starting:
            if self._client is None:
                await asyncio.to_thread(self._server.start)
                self._client = Vllm(self._server.endpoint, self._server.name, self.model, self.concurrency)
        return await self._client.answer(request)

    async def close(self) -> None:
        """Close the client and end the server with all of its processes."""
        if self._client is not None:
            await self._client.close()
            self._client = None
        await asyncio.to_thread(self._server.stop)
