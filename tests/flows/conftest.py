"""The command line as a user runs it, with the suite's Prefect server."""

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml

SMALL = {
    "name": "small",
    "dataset": "small",
    "shard": 20,
    "problems": {
        "limit": 60,
        "sources": [
            {"name": "arithmetic", "kind": "arithmetic", "options": {"tiers": [1]}, "heldout": 20, "validation": 10}
        ],
    },
    "models": {"teacher": {"engine": "solver"}},
    "methods": [{"method": "cot", "params": {"temperature": 0}}],
}
"""A night that needs no model: 60 problems solved by rule."""


@dataclass
class CommandLine:
    """`nightschool` with a workspace of its own."""

    workspace: Path
    folder: Path
    environment: dict[str, str]

    def recipe(self, content: dict, name: str = "recipe.yaml") -> Path:
        path = self.folder / name
        path.write_text(yaml.safe_dump(content))
        return path

    def command(self, *arguments: object) -> list[str]:
        return [sys.executable, "-m", "flows.cli", *map(str, arguments)]

    def start(self, *arguments: object) -> subprocess.Popen[str]:
        return subprocess.Popen(
            self.command(*arguments), env=self.environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )

    def __call__(self, *arguments: object, code: int = 0) -> str:
        done = subprocess.run(
            self.command(*arguments), env=self.environment, capture_output=True, text=True, timeout=240
        )
        assert done.returncode == code, f"exit {done.returncode}\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}"
        assert "Traceback" not in done.stderr, done.stderr[-3000:]
        return done.stdout if code == 0 else done.stderr


def command_line(folder: Path, prefect_server: str) -> CommandLine:
    """The command line with a workspace in a folder."""
    environment = {
        **os.environ,
        "PREFECT_API_URL": prefect_server,
        "NIGHTSCHOOL_WORKSPACE": str(folder / "w"),
        "NO_COLOR": "1",
    }
    return CommandLine(folder / "w", folder, environment)


@pytest.fixture
def cli(tmp_path, prefect_server) -> CommandLine:
    return command_line(tmp_path, prefect_server)
