"""`nightschool serve-model`: a checkpoint on vLLM."""

import os
from pathlib import Path
from typing import Annotated

import typer

from flows.cli.shared import sentences

app = typer.Typer()


@app.command("serve-model")
def serve_model(
    checkpoint: Annotated[Path, typer.Argument(help="A Hugging Face folder, or a folder of ours with an adapter.")],
    port: Annotated[int, typer.Option(help="Port to listen on.")] = 8000,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    name: Annotated[str | None, typer.Option(help="Name to serve it under [default: the folder's name].")] = None,
    max_model_len: Annotated[int | None, typer.Option(help="Longest prompt and completion, in tokens.")] = None,
) -> None:
    """Serve a checkpoint with vLLM, with the right flags for this device, until Ctrl-C. Needs `make vllm`."""
    with sentences():
        from storage.models.adapters import whole
        from synth.engines.vllm_command import (
            ServerOptions,
            check_checkpoint,
            serve_command,
            serve_environment,
            vllm_python,
        )

        python, folder = vllm_python(), checkpoint.absolute()
        check_checkpoint(folder)
        options = ServerOptions(max_model_len=max_model_len)
        command = serve_command(python, whole(folder), name or folder.name, options, host, port)
        os.execve(command[0], command, serve_environment(python, options))  # noqa: S606 - becomes the server
