"""The commands, outputs and files that the pages show, and who runs each command.

A block of a page is one of commands when its language is `sh` or `bash`, or it has none and its first line begins as a
command does. Every line of it is then part of a command. A `text` block right behind it is what the last of its commands prints.

Who runs a command is decided here and nowhere else: what is in neither table below is run by tests/test_documented_commands.py,
so a command that is added to a page is run without being asked for.
"""

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parent.parent
START = [ROOT / "README.md", *sorted((ROOT / "docs" / "start").glob("*.md"))]
"""What somebody reads in the first hour, in order."""
OTHERS = sorted((ROOT / "docs").glob("*.md"))

LONG = (
    r"(?!nightschool ).*",  # whatever is not ours: make, prefect, python, pip, a shell's own
    r"nightschool (run|up|ui|serve-model|doctor)\b.*",
    r"nightschool (plan|try) .*recipes/nightly.*",  # asks the demo's model
    r"nightschool (plan own|release (create|export) mine\b).*",  # the second and third page's own
    r"nightschool evaluate .*",
    r"nightschool model (compare|rollback) .*",  # two models of the demo
    r"nightschool release create reasoning --where .tier > 1.*",  # rows of the demo's second tier
)
"""Commands that take longer than a test may, or stand on what such commands made: stress/first_hour.py runs them."""

NOT_RUN = {
    r"make (quick|test)": "what CI runs; it takes longer than the hour",
    r"nightschool (doctor|plan|run) (--recipe )?recipes/real\.yaml.*": "needs GSM8K's files and a model of 7B: benchmarks/real.py",
    r"nightschool evaluate .*gsm8k\.yaml.*": "needs GSM8K's files: tests/flows/night/test_evaluation.py",
    r"nightschool (run|compare) recipes/methods/compared_.*": "trains a model per arm and seed: docs/experiments.md",
    r"nightschool model promote .*": "no model of the demo waits for a person: tests/storage/models/test_registry.py",
    r"pip install .*(kubernetes|ray).*": "installs into the environment at work: the page says with which version it was tried",
    r"prefect .*kubernetes.*": "needs a cluster",
    r"nightschool run .*--ray .*": "needs the extra `ray`: tests/flows/night/test_ray.py",
    r"createdb .*|export PREFECT_API_DATABASE.*": "needs a PostgreSQL server of yours",
    r"nightschool release publish .*--push .*": "sends to the Hub: tests/storage/releases/test_publish.py",
    r"lm_eval .*": "needs an environment of its own: benchmarks/lmeval.py",
    r"python benchmarks/prompts\.py .*": "needs a real model behind an address; docs/prompts.md has what it said",
    r"VLLM_SERVER_DEV_MODE=1 .*": "serves until Ctrl-C on a GPU: stress/test_rollouts.py starts it on a CPU",
}
"""Commands that nothing here runs as they stand, and why; a file that is named runs what is nearest."""

_BLOCK = re.compile(r"^```(\w*)\n(.*?)^```\n", re.M | re.S)
_BEGINS = re.compile(r"(nightschool|make|prefect|python|pip|export|createdb|duckdb|lm_eval|\.) |[A-Z_]+=\S+ \w|dir=")


def blocks(page: Path) -> Iterator[tuple[list[str], str | None]]:
    """Give the commands of each block of commands, and what the page shows as the output of the last of them."""
    text = page.read_text(encoding="utf-8")
    for match in _BLOCK.finditer(text):
        language, block = match.groups()
        if language in ("sh", "bash") or (not language and _BEGINS.match(block)):
            follows = re.match(r"\n```text\n(.*?)^```", text[match.end() :], re.M | re.S)
            yield list(statements(block)), follows[1] if follows else None


def commands(page: Path) -> Iterator[str]:
    """Give the commands of a page's blocks, without their comments."""
    for lines, _ in blocks(page):
        yield from lines


def outputs(page: Path) -> dict[str, str]:
    """Return what the page shows as the output of its commands."""
    return {lines[-1]: shown for lines, shown in blocks(page) if shown is not None}


def statements(block: str) -> Iterator[str]:
    """Split a block into what a shell takes as whole commands: a line, or several with a loop or an open quote in them."""
    gathered = ""
    for line in block.splitlines():
        line = re.sub(r"(^|\s+)#\s.*$", "", line)
        if not line.strip():
            continue
        gathered += line + "\n"
        if not line.endswith("\\") and (
            (re.fullmatch(r"[^'\"`{(\\]+", line) and " do" not in gathered) or _is_whole(gathered)
        ):
            yield gathered.rstrip("\n")
            gathered = ""
    assert not gathered, f"no whole command: {gathered}"


def _is_whole(command: str) -> bool:
    return subprocess.run(["bash", "-n", "-c", command], capture_output=True).returncode == 0


def why_not(command: str) -> str | None:
    """Why nothing runs a command; None where something does."""
    return next((why for pattern, why in NOT_RUN.items() if re.fullmatch(pattern, command, re.S)), None)


def is_long(command: str) -> bool:
    """Whether the first hour runs a command, and no test."""
    return why_not(command) is None and any(re.fullmatch(pattern, command, re.S) for pattern in LONG)


def files(page: Path) -> dict[str, str]:
    """Return the files that a page writes out: YAML that begins with its name, and the problems that its recipe reads."""
    written = {}
    for match in _BLOCK.finditer(page.read_text(encoding="utf-8")):
        language, block = match.groups()
        name = re.match(r"# ([\w-]+\.yaml)\n", block)
        if language == "yaml" and name:
            written[name[1]] = block
        if language == "json" and block.startswith('{"q"'):
            written["mine.jsonl"] = block
    return written


def differs(shown: str, printed: str) -> str | None:
    """The first line that a page shows and a command did not print in that order; any figure, time, path or hash will do."""
    rest = iter([_plain(line) for line in printed.splitlines()])
    for line in shown.splitlines():
        if line.strip() and line.strip() != "..." and _plain(line) not in rest:
            return line
    return None


def _plain(line: str) -> str:
    line = re.sub(r"\S*/\S*", "PATH", line)
    line = re.sub(r"\b[0-9a-f]{8,}\b", "HASH", line)
    line = re.sub(r"[-+]?\d[\d.,:]*", "0", line)
    return re.sub(r"[\s│┃─━]+", " ", line).strip()
