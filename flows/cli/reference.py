"""Writes the command line's reference (docs/cli.md) from the command line itself, and the page of all methods beside it."""

import sys
from pathlib import Path
from typing import Any

import typer

from flows.cli import app
from flows.cli.methods_index import index
from flows.cli.papers import pages


def reference() -> str:
    """Return the reference of every command as Markdown."""
    root = typer.main.get_command(app)
    parts = ["# The command line", "", "Made by `make docs` from the program itself.", ""]
    parts += _describe(root, ["nightschool"])
    return "\n".join(parts).rstrip() + "\n"


def _describe(command: Any, path: list[str]) -> list[str]:
    parts = [f"{'#' * (len(path) + 1)} {' '.join(path)}", "", (command.help or "").strip(), ""]
    rows = []
    for parameter in command.params:
        if parameter.name in ("help", "install_completion", "show_completion"):
            continue
        names = ", ".join([*parameter.opts, *parameter.secondary_opts]) if parameter.param_type_name == "option" else (
            parameter.name.upper()
        )  # fmt: skip
        rows.append(f"- `{names}`: {(getattr(parameter, 'help', '') or '').strip()}")
    if rows:
        parts += [*rows, ""]
    for name in sorted(getattr(command, "commands", {})):
        parts += _describe(command.commands[name], [*path, name])
    return parts


def main() -> None:
    """Write the reference to the file named on the command line, and the pages of methods to `methods/` beside it."""
    target = Path(sys.argv[1])
    methods = target.parent / "methods" / "index.md"
    methods.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(reference(), encoding="utf-8")
    methods.write_text(index(), encoding="utf-8")
    for name, text in pages().items():
        methods.with_name(name).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
