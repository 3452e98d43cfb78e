"""Install what `make` needs into an environment: `python3 scripts/install.py .venv`, with plain pip.

1. Everything but torch, from requirements.txt: pip takes a file only when its SHA-256 is listed there.
2. What is there as source only, from requirements-source.txt: its SHA-256 is checked too, and it is built (pycosat with a C
   compiler) by the setuptools of step 1. Where that fails, only the tasks of reasoning-gym are missing.
3. torch by its version, which may come from a disk of yours (`PIP_FIND_LINKS`), with what its build needs beside that.
4. The checkout itself, built with the setuptools of step 1, so that no build tool is fetched unseen.

requirements.txt says which Python and platform its hashes are for. Elsewhere the pins of constraints.txt are installed by
version alone, and this is said. Standard library only, because it runs before anything is installed.
"""

import subprocess
import sys
import venv
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SOURCES = ROOT / "requirements-source.txt"
TORCH = "torch==2.13.0"


def commands(python: Path, *, hashes: bool) -> list[list[str]]:
    """Return the commands of pip, in order.

    Args:
        python: The environment's interpreter.
        hashes: Whether requirements.txt has those of this platform.
    """
    pip = [str(python), "-m", "pip", "install", "--quiet"]
    constraints = ["--constraint", str(ROOT / "constraints.txt")]
    if not hashes:
        return [[*pip, *constraints, TORCH, "--editable", f"{ROOT}[dev]"]]
    return [
        [
            *pip,
            "--require-hashes",
            "--no-deps",
            "--only-binary",
            ":all:",
            "--requirement",
            str(ROOT / "requirements.txt"),
        ],
        [
            *pip,
            "--require-hashes",
            "--no-deps",
            "--no-build-isolation",
            "--requirement",
            str(SOURCES),
        ],
        [*pip, *constraints, TORCH],
        [*pip, "--no-deps", "--no-build-isolation", "--editable", str(ROOT)],
    ]


def main(folder: str) -> int:
    """Make the environment and install; return pip's exit code."""
    sys.path.insert(0, str(ROOT / "scripts"))
    from hashes import FILE, covers, platform, read

    venv.create(folder, with_pip=True, symlinks=True)
    covered = any(covers(listed, platform()) for listed in read(FILE.read_text(encoding="utf-8"))[0])
    if not covered:
        print(f"requirements.txt has no hashes for {platform()}: versions are checked, hashes are not", file=sys.stderr)  # noqa: T201
    for command in commands(Path(folder) / "bin" / "python", hashes=covered):
        code = subprocess.run(command, check=False).returncode  # noqa: S603 - our own commands
        if code and SOURCES.name in command[-1]:
            print(f"{SOURCES.name}: not built; tasks of reasoning-gym are missing", file=sys.stderr)  # noqa: T201
        elif code:
            return code
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
