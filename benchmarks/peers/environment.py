"""The peers' environment: apart from ours, made when it is missing."""

import json
import subprocess
import sys
from pathlib import Path

WISHES = ("distilabel==1.5.3", "openai", "requests", "aiohttp")


def peers_python(folder: Path) -> Path:
    """The Python of the peers' environment, which is made (about a minute) unless it holds what is wished."""
    python = folder / "bin" / "python"
    stamp = folder / "wishes.json"
    if not (stamp.exists() and json.loads(stamp.read_text()) == list(WISHES)):
        print(f"making {folder.name} with {', '.join(WISHES)}", file=sys.stderr)
        subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
        subprocess.run([str(python), "-m", "pip", "install", "--quiet", *WISHES], check=True)
        stamp.write_text(json.dumps(WISHES))
    return python


def versions_in(python: Path, names: tuple[str, ...]) -> dict[str, str]:
    """Versions of packages in an environment."""
    code = (
        f"import json; from importlib.metadata import version as v; print(json.dumps({{n: v(n) for n in {names!r}}}))"
    )
    found: dict[str, str] = json.loads(
        subprocess.run([str(python), "-c", code], capture_output=True, check=True).stdout
    )
    return found
