"""Passwords are never shown, go nowhere but to the address that was named, and no server holds the doctor up."""

import contextlib
import threading
import time
from http.server import BaseHTTPRequestHandler
from typing import ClassVar
from urllib.error import HTTPError

import pytest

from synth.engines import http_json as http
from synth.engines.http_json import bare, masked
from tests.flows.endpoint import serving

SECRET = "sk-very-secret-7731"


def test_passwords_are_masked_wherever_they_stand():
    text = masked(f"host=db password={SECRET} user=me; password='{SECRET} x'; postgresql://me:{SECRET}@db/lake is away")
    assert SECRET not in text and "host=db" in text and "postgresql://me:***@db/lake" in text
    assert bare(f"https://me:{SECRET}@host:1/api?key={SECRET}") == "https://host:1/api"


class _Elsewhere(BaseHTTPRequestHandler):
    """Sends whoever asks to another server; that one keeps what it is told."""

    target = ""
    credentials: ClassVar[list[str | None]] = []

    def do_GET(self):
        if self.path.startswith("/steal"):
            self.credentials.append(self.headers.get("Authorization"))
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b"{}")
            return
        self.send_response(307)
        self.send_header("Location", f"{self.target}/steal")
        self.end_headers()

    def do_POST(self):
        self.do_GET()

    def log_message(self, *_):
        pass


class _Dripping(BaseHTTPRequestHandler):
    """Sends a byte now and then, for a while, and then it has answered."""

    finished: ClassVar[threading.Event]

    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        with contextlib.suppress(OSError):
            for _ in range(200):
                self.wfile.write(b" ")
                self.wfile.flush()
                time.sleep(0.05)
            self.wfile.write(b"{}")
            self.finished.set()

    def log_message(self, *_):
        pass


@pytest.mark.parametrize("body", [None, {"limit": 1}])
def test_a_credential_follows_no_redirect(body):
    with serving(_Elsewhere) as address:
        _Elsewhere.target, _Elsewhere.credentials[:] = address, []
        with pytest.raises(HTTPError) as refused:
            http.ask(f"{address}/v1/models", "Bearer secret", body)
    assert _Elsewhere.credentials == [] and "sends us to another address" in http.reason(refused.value)


def test_a_server_that_drips_is_given_up(monkeypatch):
    """Its whole answer takes ten times as long as it may, though no byte of it does."""
    monkeypatch.setattr(http, "PATIENCE_S", 1.0)
    monkeypatch.setattr(_Dripping, "finished", threading.Event(), raising=False)
    with serving(_Dripping) as address, pytest.raises(TimeoutError) as late:
        http.ask(address)
    assert not _Dripping.finished.is_set() and "no whole answer within 1 s" in http.reason(late.value)


def test_an_answer_without_end_is_not_read_whole(monkeypatch):
    monkeypatch.setattr(http, "LARGEST", 10)
    monkeypatch.setattr(_Dripping, "finished", threading.Event(), raising=False)
    with serving(_Dripping) as address, pytest.raises(ValueError, match="larger"):
        http.ask(address)


class _Nested(BaseHTTPRequestHandler):
    """Answers with brackets inside brackets."""

    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"[" * 100_000)

    def log_message(self, *_):
        pass


def test_an_answer_that_is_nested_too_deeply_is_no_answer():
    with serving(_Nested) as address, pytest.raises(http.NO_ANSWER, match="nested too deeply"):
        http.ask(address)
