"""Make a tiny random checkpoint and become a real vLLM server of it: `python -m tests.serve_tiny FOLDER PORT`."""

import os
import sys
from pathlib import Path

from synth.engines.vllm_command import ServerOptions, serve_command, serve_environment, vllm_python
from tests.tiny_llama import make_tiny

NAME = "tiny"
LENGTH = 2048
"""Room for the longest prompt of a method: the tiny model reads letter by letter."""


def main(folder: Path, port: int) -> None:
    """Replace this process by the server."""
    # Tests ask with the chat templates of other models.
    options = ServerOptions(max_model_len=LENGTH, extra=("--trust-request-chat-template",))
    python = vllm_python()
    command = serve_command(python, make_tiny(folder, length=LENGTH), NAME, options, "127.0.0.1", port)
    os.execve(command[0], command, serve_environment(python, options))


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
