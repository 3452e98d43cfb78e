"""Environments of the peers that benchmarks compare with: apart from ours, made when they are missing."""

import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[2]


def peers_python(benchmark: str, packages: Sequence[str]) -> Path:
    """Return the Python of `.venv-bench-<benchmark>`, which is made (about a minute) unless it was made for these packages."""
    folder = CHECKOUT / f".venv-bench-{benchmark}"
    python, stamp = folder / "bin" / "python", folder / "packages.json"
    if not (stamp.exists() and json.loads(stamp.read_text()) == list(packages)):
        print(f"making {folder.name} with {', '.join(packages)}", file=sys.stderr)
        subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
        subprocess.run([str(python), "-m", "pip", "install", "--quiet", *packages], check=True)
        stamp.write_text(json.dumps(list(packages)))
    return python


def versions_in(python: Path, names: tuple[str, ...]) -> dict[str, str]:
    """Return versions of packages in an environment."""
    code = (
        f"import json; from importlib.metadata import version as v; print(json.dumps({{n: v(n) for n in {names!r}}}))"
    )
    done = subprocess.run([str(python), "-c", code], capture_output=True, check=True)
    return dict(json.loads(done.stdout))
