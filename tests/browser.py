"""Debian's Chromium, headless, for tests that must see what a real browser does."""

import contextlib
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator

import pytest

FLAGS = [
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--disable-dev-shm-usage",
]  # fmt: skip


def browser() -> str:
    """The browser's program; where there is none the test is skipped, or fails where the suite expects one."""
    program = shutil.which("chromium") or shutil.which("google-chrome")
    if program is None:
        if os.environ.get("NIGHTSCHOOL_EXPECTS_CHROMIUM"):
            pytest.fail("Chromium is missing: scripts/system_packages.sh installs it")
        pytest.skip("there is no Chromium here")
    return program


@contextlib.contextmanager
def visiting(url: str, *flags: str) -> Iterator[None]:
    """A browser that has opened a page, with a profile of its own."""
    program = browser()
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        process = subprocess.Popen(
            [program, *FLAGS, *flags, f"--user-data-dir={profile}", "--remote-debugging-port=0", url],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        try:
            yield
        finally:
            process.terminate()
            try:
                process.wait(timeout=20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
