"""What `make` installs is what was looked at: every package but torch by its version and the SHA-256 of its file."""

import hashlib
import re
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent


@pytest.fixture
def scripts(monkeypatch):
    """The folder of scripts, to import from."""
    monkeypatch.syspath_prepend(str(ROOT / "scripts"))
    return ROOT / "scripts"


def test_every_requirement_has_a_version_and_a_hash_and_is_the_pin_of_the_constraints(scripts):
    from hashes import FILE, SOURCE_FILE, read

    platforms, pins = read(FILE.read_text())
    sources = read(SOURCE_FILE.read_text())
    assert sources[0] == platforms and sources[1] and not set(sources[1]) & set(pins)
    pins |= sources[1]
    lines = re.findall(r"^([\w.-]+)==(\S+)", (ROOT / "constraints.txt").read_text(), re.M)
    constraints = {re.sub(r"[-_.]+", "-", name).lower(): version for name, version in lines}
    assert platforms and len(pins) > 150 and "torch" not in pins
    for name, (version, hashes) in pins.items():
        assert hashes, name
        assert constraints.get(name, version) == version, f"{name}: run scripts/hashes.py"
    project = (ROOT / "pyproject.toml").read_text()
    wanted = re.findall(r'^    "([A-Za-z][\w-]*)', project.partition("[project.scripts]")[0], re.M)
    assert {"duckdb", "pytest", "prefect"} <= set(wanted)
    assert not {re.sub(r"[-_.]+", "-", name).lower() for name in wanted} - set(pins) - {"torch"}
    assert "://" not in FILE.read_text()


def test_it_is_read_as_it_is_written_and_grows_by_platforms(scripts):
    from hashes import covers, merged, read, write

    first, second = {"a": ("1", {"0" * 64}), "b": ("1", {"1" * 64})}, {"a": ("1", {"2" * 64}), "b": ("2", {"3" * 64})}
    both = merged(first, second)
    assert both == {"a": ("1", {"0" * 64, "2" * 64}), "b": ("2", {"3" * 64})}
    assert read(write(["cp311-linux-x86_64-glibc2.36"], both)) == (["cp311-linux-x86_64-glibc2.36"], both)
    assert covers("cp311-linux-x86_64-glibc2.9", "cp311-linux-x86_64-glibc2.36")
    assert not covers("cp311-linux-x86_64-glibc2.36", "cp311-linux-x86_64-glibc2.31")
    assert not covers("cp311-linux-x86_64-glibc2.36", "cp311-linux-x86_64-any")
    assert covers("cp311-darwin-arm64-macos14", "cp311-darwin-arm64-macos14.5")
    assert not covers("cp311-linux-x86_64-glibc2.36", "cp312-linux-x86_64-glibc2.36")


def test_hashes_are_asked_for_where_they_are_known_and_nothing_is_built_of_unseen_tools(scripts):
    from install import commands

    first, source, torch, project = commands(Path("python"), hashes=True)
    assert {"--require-hashes", "--no-deps", "--requirement", "--only-binary"} <= set(first)
    assert {"--require-hashes", "--no-deps", "--no-build-isolation"} <= set(source)
    assert "torch==2.13.0" in torch and "--no-build-isolation" in project and "--no-deps" in project
    (only,) = commands(Path("python"), hashes=False)
    assert "--constraint" in only and "torch==2.13.0" in only


def test_pip_refuses_a_file_whose_hash_is_not_listed(tmp_path):
    wheel = tmp_path / "thing-1-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr("thing.py", "")
        archive.writestr("thing-1.dist-info/METADATA", "Metadata-Version: 2.1\nName: thing\nVersion: 1\n")
        archive.writestr("thing-1.dist-info/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        archive.writestr("thing-1.dist-info/RECORD", "thing.py,,\n")
    right = hashlib.sha256(wheel.read_bytes()).hexdigest()
    for digest, code in ((right, 0), ("0" * 64, 1)):
        (tmp_path / "r.txt").write_text(f"thing==1 --hash=sha256:{digest}\n")
        command = [sys.executable, "-m", "pip", "install", "--require-hashes", "--no-deps", "--no-index"]
        places = [
            "--target",
            str(tmp_path / digest),
            "--find-links",
            str(tmp_path),
            "--requirement",
            str(tmp_path / "r.txt"),
        ]
        done = subprocess.run([*command, *places], capture_output=True, text=True, check=False)
        assert done.returncode == code, done.stderr
    assert "HASH" in done.stderr.upper()
