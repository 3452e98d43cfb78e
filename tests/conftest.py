"""Fixtures that many tests share: a workspace, a lake, and the real servers of the whole suite."""

import os
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, settings

from storage.lake.lake import Lake
from storage.ledger.ledger import Ledger
from storage.workspace import Workspace
from tests import postgres, servers
from tests.serve_tiny import NAME

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ["PREFECT_API_AUTH_STRING"] = servers.LOGIN
# A machine with other work may stop for a moment in the middle of any example.
settings.register_profile("suite", deadline=None, suppress_health_check=[HealthCheck.too_slow], print_blob=True)
settings.load_profile("suite")


REAL_SERVERS = {"prefect_server", "vllm_server"}


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """A test that asks for a real server is slow, said or not: the first one waits until the server is up."""
    for item in items:
        if REAL_SERVERS & set(getattr(item, "fixturenames", ())):
            item.add_marker(pytest.mark.slow)


def pytest_collection_finish(session: pytest.Session) -> None:
    """Start the servers that will be asked for while other tests run."""
    if not session.config.option.collectonly:
        servers.begin_for({name for item in session.items for name in getattr(item, "fixturenames", ())})


def pytest_sessionfinish(session: pytest.Session) -> None:
    """End the servers once every worker is through."""
    if not hasattr(session.config, "workerinput"):
        servers.end_all()


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[str]:
    """A PostgreSQL server for the whole suite; tests use schemas of their own."""
    with postgres.serving() as conninfo:
        yield conninfo


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return Workspace.create(tmp_path / "workspace")


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.slow)])
def either(request: pytest.FixtureRequest, tmp_path: Path) -> Workspace:
    """A workspace with each kind of catalogue in turn."""
    catalog = None
    if request.param == "postgres":
        catalog = f"postgres:{request.getfixturevalue('postgres_server')} schema=s{uuid4().hex[:12]}"
    return Workspace.create(tmp_path / "either", catalog=catalog)


@pytest.fixture
def lake(workspace: Workspace):
    with Lake(workspace) as opened:
        yield opened


@pytest.fixture
def ledger(workspace):
    with Ledger(workspace.ledger) as opened:
        yield opened


@pytest.fixture(scope="session")
def vllm_server() -> servers.VllmEndpoint:
    """The suite's real vLLM server with a tiny random model. Never end it: other tests use it too."""
    servers.need_vllm()
    url, folder = servers.VLLM.ready()
    return servers.VllmEndpoint(url, NAME, folder / "checkpoint")


@pytest.fixture(scope="session")
def prefect_server() -> str:
    """The API address of the suite's real Prefect server."""
    url, _ = servers.PREFECT.ready()
    return f"{url}/api"
