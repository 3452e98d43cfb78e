"""Here kernels are used however little there is to do, so that the tests that compare them with Python compare something."""

import pytest


@pytest.fixture(autouse=True)
def kernels(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NIGHTSCHOOL_NUMBA", "1")
