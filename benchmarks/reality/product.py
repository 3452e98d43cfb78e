"""The product as its users have it: its command, and SQL over its lake."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any


class Product:
    """The product as its users have it: its command, and SQL over its lake."""

    def __init__(self, workspace: Path) -> None:
        self.workspace = workspace

    def run(self, *arguments: str) -> str:
        """Run a command and return what it prints."""
        command = [sys.executable, "-m", "flows.cli", *arguments, "--workspace", str(self.workspace)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            raise SystemExit(f"nightschool {' '.join(arguments)} ended with {done.returncode}:\n{done.stderr[-4_000:]}")
        return done.stdout

    def json(self, *arguments: str) -> Any:
        """Run a command with `--json`."""
        return json.loads(self.run(*arguments, "--json"))

    def sql(self, query: str) -> list[dict[str, Any]]:
        """Ask the lake."""
        answer = self.run("sql", query, "--json")
        return [json.loads(line) for line in answer.splitlines()] if not answer.startswith("[") else json.loads(answer)
