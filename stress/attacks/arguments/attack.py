"""Calls the command line with one hostile list of arguments, in a process of its own."""

import functools
import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tests.storage.small import build

CHECKOUT = Path(__file__).parents[3]
PATIENCE_S = 120.0


@functools.cache
def _small() -> Path:
    root = Path(tempfile.mkdtemp(prefix="attacked-"))
    build(root / "workspace")
    return root / "workspace"


def attack(entry: Mapping[str, Any], folder: Path) -> str | None:
    """Run the command; return what happened that must not."""
    workspace = folder / "workspace"
    shutil.copytree(_small(), workspace)
    canary = folder / "canary"
    (folder / "secret").write_text("hunter2-of-the-machine")
    for name, text in entry.get("files", {}).items():
        (folder / name).write_text(_filled(text, folder))
    before = _state(workspace)
    arguments = [_filled(str(argument), folder).encode("utf-8", "surrogateescape") for argument in entry["arguments"]]
    command = [sys.executable, "-m", "flows.cli", *arguments]
    own = {
        "PYTHONPATH": str(CHECKOUT),
        "NIGHTSCHOOL_WORKSPACE": str(workspace),
        "SOME_KEY": "hunter2-of-the-environment",
    }
    environment = {**os.environ, **own}
    try:
        done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, timeout=PATIENCE_S)  # noqa: S603
    except subprocess.TimeoutExpired:
        return f"it did not end within {PATIENCE_S:.0f} s"
    output = (done.stdout + done.stderr).decode(errors="replace")
    if "Traceback" in output:
        return f"a traceback: {output.strip().splitlines()[-1][:200]}"
    if done.returncode not in entry.get("status", [1, 2]):
        return f"status {done.returncode}: {output.strip()[-200:]}"
    if "hunter2" in output:
        return "a secret was shown"
    if canary.exists():
        return "it reached a file that it must not"
    return "the workspace was changed" if _state(workspace) != before else None


def _filled(text: str, folder: Path) -> str:
    return (
        text.replace("<folder>", str(folder))
        .replace("<canary>", str(folder / "canary"))
        .replace("<bytes>", "\udcff\udcfe")
    )


def _state(workspace: Path) -> dict[str, str]:
    """What stands in the workspace, but for locks, and what SQLite and a prompt's history write beside."""
    files = [
        path
        for path in workspace.rglob("*")
        if path.is_file() and path.suffix in (".parquet", ".json", ".jsonl", ".md")
    ]
    return {str(path.relative_to(workspace)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}
