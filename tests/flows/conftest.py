"""The command line as a user runs it, with the suite's Prefect server."""

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner

from flows.cli import app

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
        same_packages = self.environment.get("PYTHONPATH") == os.environ.get("PYTHONPATH")
        here = arguments[0] in LOOKING and same_packages
        done = self._here(*arguments) if here else self._in_a_process(*arguments)
        assert done.status == code, f"exit {done.status}\n{done.out[-3000:]}\n{done.errors[-3000:]}"
        assert "Traceback" not in done.errors, done.errors[-3000:]
        return done.out if code == 0 else done.errors

    def _in_a_process(self, *arguments: object) -> "Done":
        done = subprocess.run(
            self.command(*arguments), env=self.environment, capture_output=True, text=True, timeout=240
        )
        return Done(done.returncode, done.stdout, done.stderr)

    def _here(self, *arguments: object) -> "Done":
        result = CliRunner(env=self.environment).invoke(app, [str(argument) for argument in arguments])
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        return Done(result.exit_code, result.stdout, result.stderr)


LOOKING = frozenset({"alarms", "methods", "plan", "release", "report", "sql"})
"""Commands that start no flow: they run in this process, which saves the start of another."""


@dataclass(frozen=True)
class Done:
    """How a command ended, and what it wrote."""

    status: int
    out: str
    errors: str


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
