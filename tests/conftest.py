"""Fixtures that many tests share."""

import os
from pathlib import Path

import pytest

from storage.lake import Lake
from storage.workspace import Workspace

os.environ.setdefault("OMP_NUM_THREADS", "1")


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return Workspace.create(tmp_path / "workspace")


@pytest.fixture
def lake(workspace: Workspace):
    with Lake(workspace) as opened:
        yield opened
