"""What stands around Prefect's application: which pages may ask, which paths and logins are let through to it."""

import asyncio
import base64

import httpx
import pytest
from starlette.responses import PlainTextResponse

from flows.service.prefect_server import CLOSED, OwnPages, new_login, read_login

HERE = "http://127.0.0.1:4200"


def status(path: str = "/api/flows", **headers: str | bytes) -> int:
    """What is answered before an application that answers everything."""

    async def ask() -> int:
        transport = httpx.ASGITransport(OwnPages(PlainTextResponse("let in")))
        async with httpx.AsyncClient(transport=transport, base_url=HERE) as client:
            return (await client.get(path, headers=headers)).status_code

    return asyncio.run(ask())


def test_each_login_is_new(workspace):
    logins = [new_login(workspace) for _ in range(3)]
    assert len(set(logins)) == 3 and read_login(workspace) == logins[-1]


@pytest.mark.parametrize(
    ("origin", "answer"),
    [
        (HERE, 200),
        ("https://127.0.0.1:4200", 403),
        ("x://127.0.0.1:4200", 403),
        ("chrome-extension://127.0.0.1:4200", 403),
        ("127.0.0.1:4200", 403),
        ("http://127.0.0.1", 403),
        ("http://127.0.0.1:4200.evil.example", 403),
        ("null", 403),
        ("", 403),
    ],
)
def test_an_origin_is_the_address_that_was_asked(origin, answer):
    assert status(Origin=origin) == answer


@pytest.mark.parametrize("path", CLOSED)
def test_what_fastapi_says_of_itself_is_closed(path):
    assert status(path) == status(path + "/") == 404
    assert status(f"/api{path}") == 200, "Prefect asks for the login there"


@pytest.mark.parametrize("login", ["nightschool:gues\u0161".encode(), b"\xff\xfe", "\u00e9:x".encode("latin-1")])
def test_a_login_that_is_no_ascii_is_refused(login):
    assert status(Authorization=f"Basic {base64.b64encode(login).decode()}") == 401


@pytest.mark.parametrize("header", ["", "Basic", "Basic eA==", "Bearer x", b"Basic \xff\xfe", "Basic \t ="])
def test_whatever_else_is_no_login_is_for_prefect_to_refuse(header):
    assert status(Authorization=header) == 200
