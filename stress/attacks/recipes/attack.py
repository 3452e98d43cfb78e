"""Recipes: a colleague's file, or settings through the Prefect server, that read, run, write or take what they must not.

An attack changes values of a small recipe (`set`, by key path) or is a file of its own (`yaml`), with `files` and `links` beside
it; `deployed` are settings of a deployment. `nightschool plan` looks at it, with `attempt` also `nightschool try`. `must_say` is
what plan must say of a file or a credential that a recipe may name. `{canary}`, `{secret}` and `{port}` stand for what is guarded.
"""

import copy
import http.server
import json
import multiprocessing
import os
import re
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import psutil
import yaml
from typer.testing import CliRunner

from flows.cli import app
from flows.service.deployed import check_settings
from storage.errors import NightschoolError

SECRET = "c4n4ry-in-a-mine"  # noqa: S105 - what an attack must not get hold of
LONGEST_S, MOST_MEMORY = 240.0, 1 << 30
"""What looking at a recipe may take, on a busy machine and with everything imported."""

_SMALL: dict[str, Any] = {
    "name": "small",
    "dataset": "small",
    "problems": {"limit": 4, "sources": [{"name": "arithmetic", "kind": "arithmetic", "options": {"tiers": [1]}}]},
    "models": {"teacher": {"engine": "solver"}},
    "methods": [{"method": "cot", "params": {"temperature": 0}}],
}
_MANY: dict[str, Callable[[], str]] = {
    "deep": lambda: "filters: " + "[" * 20_000 + "]" * 20_000,
    "deep mappings": lambda: "filters: " + "{a: " * 5_000 + "1" + "}" * 5_000,
    "long key": lambda: f"? {'k' * 1_000_000}\n: 1\n",
    "many keys": lambda: "".join(f"k{number}: 1\n" for number in range(50_000)),
}
"""Files too long to be written down."""


@dataclass
class Target:
    """A folder with what no recipe may touch, and a server that none may reach before somebody has looked at it.

    Attributes:
        folder: Where the recipe is put.
        canary: Files that hold the secret.
        port: Port of the server.
        reached: What was asked of it.
    """

    folder: Path
    canary: Path
    port: int
    reached: list[str]

    def filled(self, value: Any) -> Any:
        """Return a value with this target's places in its texts."""
        if isinstance(value, str):
            places = {"canary": self.canary, "secret": SECRET, "port": self.port}
            for name, filling in places.items():
                value = value.replace(f"{{{name}}}", str(filling))
            return value
        if isinstance(value, Mapping):
            return {key: self.filled(inner) for key, inner in value.items()}
        return [self.filled(inner) for inner in value] if isinstance(value, list) else value


@cache
def _server() -> tuple[int, list[str]]:
    """Start a server that nobody may reach; return its port and what is asked of it."""
    reached: list[str] = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            reached.append(self.path)
            self.send_error(404)

        do_POST = do_GET  # noqa: N815 - the standard library's name

        def log_message(self, format: str, *arguments: object) -> None:
            return

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return int(server.server_address[1]), reached


def attack(entry: Mapping[str, Any], folder: Path) -> str | None:
    """Let people look at one recipe; return what it got, changed or took, None when it got nothing."""
    os.environ["CANARY"] = SECRET
    _imported()
    target = Target(folder / "recipe", folder / "canary", *_server())
    target.canary.mkdir()
    (target.canary / "canary.txt").write_text(f"Solve {SECRET}: {{{{ problem.prompt }}}}")
    (target.canary / "canary.jsonl").write_text(json.dumps({"question": SECRET, "answer": "1"}) + "\n")
    recipe = _written(target, entry)
    before = _files(folder, but=target.folder)
    outcome, fault = _looked_at(target, recipe, entry)
    if fault:
        return fault
    if SECRET in outcome and not entry.get("may_quote") and "must_say" not in entry:
        return f"the secret came out: {outcome[:300]}"
    if target.reached:
        return f"a server was asked for {target.reached.pop()}"
    if (target.canary / "ran").exists():
        return "a program ran"
    if changed := before ^ _files(folder, but=target.folder):
        return f"files changed: {sorted(changed)[:3]}"
    if not re.search(entry.get("must_say", ""), outcome):
        return f"plan did not say {entry['must_say']}: {outcome[-300:]}"
    return None


@cache
def _imported() -> None:
    """Look at a harmless recipe here, so that each attack's process starts with everything imported."""
    with TemporaryDirectory(prefix="attack-") as folder:
        recipe = Path(folder) / "recipe.yaml"
        recipe.write_text(yaml.safe_dump(_SMALL))
        for command in _commands(recipe, attempted=True):
            assert CliRunner().invoke(app, command).exit_code == 0, command


def _commands(recipe: Path, attempted: bool) -> list[list[str]]:
    workspace = ["--workspace", str(recipe.parent / "w")]
    trial = ["try", "cot", "--recipe", str(recipe), "--source", "arithmetic", *workspace]
    return [["plan", str(recipe), *workspace], *([trial] if attempted else [])]


def _written(target: Target, entry: Mapping[str, Any]) -> Path:
    folder = target.folder
    folder.mkdir()
    for name, text in target.filled(entry.get("files", {})).items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(text)
    for name, destination in target.filled(entry.get("links", {})).items():
        (folder / name).symlink_to(destination)
    file = folder / "recipe.yaml"
    if "yaml" in entry or "make" in entry:
        file.write_text(target.filled(entry["yaml"]) if "yaml" in entry else _MANY[entry["make"]]())
        return file
    content = copy.deepcopy(_SMALL)
    for key, value in entry.get("set", {}).items():
        *path, last = (int(part) if part.isdigit() else part for part in key.split("."))
        at: Any = content
        for part in path:
            at = at[part]
        at[last] = target.filled(value)
    file.write_text(yaml.safe_dump(content))
    return file


def _looked_at(target: Target, recipe: Path, entry: Mapping[str, Any]) -> tuple[str, str]:
    """Look at a recipe in a process of its own; return what was said, and what was wrong with the process."""
    context = multiprocessing.get_context("fork")
    ours, theirs = context.Pipe(duplex=False)
    settings = target.filled(entry.get("deployed", []))
    process = context.Process(target=_look, args=(theirs, recipe, settings, bool(entry.get("attempt"))))
    process.start()
    theirs.close()
    deadline, peak = time.monotonic() + LONGEST_S, 0
    while process.is_alive() and not ours.poll(0.02) and time.monotonic() < deadline:
        with suppress(psutil.Error):
            peak = max(peak, psutil.Process(process.pid).memory_info().rss)
    answered = ours.poll()
    text, fault = (
        ours.recv() if answered and process.exitcode in (None, 0) else ("", "its process ended without a word")
    )
    if not answered and time.monotonic() >= deadline:
        fault = f"it took more than {LONGEST_S:g} s"
    process.kill()
    process.join()
    if not fault and peak > MOST_MEMORY + psutil.Process().memory_info().rss:
        fault = f"it held {peak >> 20} MiB"
    return text, fault


def _look(pipe: Any, recipe: Path, settings: list[str], attempted: bool) -> None:
    text, fault = "", ""
    try:
        if settings:
            check_settings(recipe, settings)
        for command in _commands(recipe, attempted):
            done = CliRunner().invoke(app, command)
            text += done.output
            if done.exception is not None and not isinstance(done.exception, SystemExit):
                fault = f"{command[0]}: {type(done.exception).__name__}: {str(done.exception)[:300]}"
    except NightschoolError as error:
        text += f"error: {error}"
    except Exception as error:  # a traceback is what users would see
        fault = f"{type(error).__name__}: {error}"
    pipe.send((text, fault))
    pipe.close()
    os._exit(0)


def _files(folder: Path, *, but: Path) -> set[str]:
    return {str(path) for path in folder.rglob("*") if not path.is_relative_to(but)}
