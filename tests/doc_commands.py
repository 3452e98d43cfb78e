"""The commands and the files that the pages show: what a reader would type, in the order of the page."""

import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parent.parent
START = [ROOT / "README.md", *sorted((ROOT / "docs" / "start").glob("*.md"))]
"""What somebody reads in the first hour, in order."""

_BLOCK = re.compile(r"^```(\w*)\n(.*?)^```", re.M | re.S)
_FIRST = ("nightschool ", "make ", "prefect ", "python ", "pip ", "export ", ". ", "NOTIFY_URL=", "createdb ")


def commands(page: Path) -> Iterator[str]:
    """Give the command lines of a page's blocks, without their comments."""
    for language, block in _BLOCK.findall(page.read_text(encoding="utf-8")):
        if language not in ("", "sh", "bash"):
            continue
        for line in block.splitlines():
            if line.startswith(_FIRST):
                yield re.sub(r"\s+#\s.*$", "", line)


def files(page: Path) -> dict[str, str]:
    """Return the files that a page writes out: YAML that begins with its name, and the problems that its recipe reads."""
    written = {}
    for language, block in _BLOCK.findall(page.read_text(encoding="utf-8")):
        name = re.match(r"# ([\w-]+\.yaml)\n", block)
        if language == "yaml" and name:
            written[name[1]] = block
        if language == "json" and block.startswith('{"q"'):
            written["mine.jsonl"] = block
    return written
