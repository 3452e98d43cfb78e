"""`nightschool serve-model`: a checkpoint on vLLM."""

import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import FrameType
from typing import Annotated

import typer

from flows.cli.shared import sentences

app = typer.Typer()
KEPT = 65_536
"""Bytes of the server's last words that are looked through when it does not start."""


@app.command("serve-model", context_settings={"allow_extra_args": True})
def serve_model(
    context: typer.Context,
    checkpoint: Annotated[Path, typer.Argument(help="A Hugging Face folder, or a folder of ours with an adapter.")],
    port: Annotated[int, typer.Option(help="Port to listen on.")] = 8000,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    name: Annotated[str | None, typer.Option(help="Name to serve it under [default: the folder's name].")] = None,
    max_model_len: Annotated[
        str, typer.Option(help="Longest prompt and completion, in tokens; auto: as much as the memory holds.")
    ] = "auto",
    cache_gib: Annotated[float | None, typer.Option(help="Memory for keys and values, GiB.")] = None,
    memory_share: Annotated[float, typer.Option(help="Share of a GPU's memory.")] = 0.9,
) -> None:
    """Serve a checkpoint with vLLM, with the right flags for this device, until Ctrl-C. Needs `make vllm`.

    Flags of `vllm serve` itself stand after two dashes: -- --tensor-parallel-size 2
    """
    with sentences():
        from storage.errors import RecipeError
        from storage.models.adapters import whole
        from synth.engines.vllm_command import (
            ServerOptions,
            check_checkpoint,
            serve_command,
            serve_environment,
            vllm_python,
        )

        if max_model_len != "auto" and not max_model_len.isdecimal():
            raise RecipeError(f"--max-model-len {max_model_len!r}: right would be a number of tokens, or auto")
        length = int(max_model_len) if max_model_len.isdecimal() else "auto"
        python, folder = vllm_python(), checkpoint.absolute()
        check_checkpoint(folder)
        options = ServerOptions(
            max_model_len=length,  # type: ignore[arg-type]
            cache_gib=cache_gib,
            gpu_memory_share=memory_share,
            extra=tuple(context.args),
        )
        command = serve_command(python, whole(folder), name or folder.name, options, host, port)
        _run(command, serve_environment(python, options))


def _run(command: Sequence[str], environment: Mapping[str, str]) -> None:
    """Run the server in the foreground until it ends or is told to; it ends with this process, however that ends.

    Raises:
        ModelServerError: It ended with an error; the message says why where its log is understood.
    """
    from storage.errors import ModelServerError
    from synth.engines.start_failures import cause
    from synth.engines.vllm_server import kept_command

    keeper = subprocess.Popen(  # noqa: S603
        kept_command(command),
        env=dict(environment),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )
    told_to_end = False

    def end(signum: int, frame: FrameType | None) -> None:
        nonlocal told_to_end
        told_to_end = True
        os.killpg(keeper.pid, signal.SIGTERM)  # the keeper leaves after its group

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, end)
    log = b""
    assert keeper.stdout is not None
    while line := keeper.stdout.readline():
        sys.stdout.buffer.write(line)
        sys.stdout.buffer.flush()
        log = (log + line)[-KEPT:]
    keeper.wait()
    if not told_to_end:
        reason = cause(log.decode(errors="replace"))
        raise ModelServerError("vLLM ended" + (f": {reason}" if reason else "; what it wrote above says why"))
