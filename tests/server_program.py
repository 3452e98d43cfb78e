"""A server in a process of its own that prints its port, can be killed, and comes back at the same one."""

import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[1]


@dataclass
class ServerProgram:
    """A Python module that serves.

    Attributes:
        module: Run with `python -m`, from the checkout.
        arguments: What follows the port on its command line.
        environment: Its environment; None gives it ours.
        port: Where it listens; 0 until it has chosen one.
    """

    module: str
    arguments: tuple[object, ...] = ()
    environment: dict[str, str] | None = None
    port: int = 0
    process: "subprocess.Popen[str] | None" = field(default=None, repr=False)

    @property
    def endpoint(self) -> str:
        """Its address."""
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        """Start it and wait until it listens."""
        command = [sys.executable, "-m", self.module, str(self.port), *map(str, self.arguments)]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=self.environment, cwd=CHECKOUT)
        assert self.process.stdout is not None
        self.port = int(self.process.stdout.readline())

    def kill(self) -> None:
        """Make it vanish."""
        assert self.process is not None and self.process.stdout is not None
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()
