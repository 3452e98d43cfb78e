"""Shards at work at once: as many as keep the engines full, whatever a shard's size; and who has the accelerator then."""

import asyncio
import copy
from unittest.mock import patch

import pytest

from benchmarks.soaking.plain import plain_nights
from flows.night.synthesis import Room
from flows.recipe.recipe import make_recipe
from storage.errors import WorkspaceError
from storage.lake.lake import Lake
from storage.workspace import Workspace
from synth.engines.solver import Solver
from tests.flows.conftest import SMALL

pytestmark = pytest.mark.slow


class Together(Solver):
    """A teacher that answers nobody until so many have asked; after 20 s those who wait fail."""

    def __init__(self, wanted: int) -> None:
        self.wanted, self.asked = wanted, 0
        self.all_here = asyncio.Event()

    async def answer(self, request):
        self.asked += 1
        if self.asked == self.wanted:
            self.all_here.set()
        await asyncio.wait_for(self.all_here.wait(), 20)
        return await super().answer(request)


async def test_small_shards_do_not_let_an_engine_run_empty(workspace, tmp_path):
    recipe = make_recipe(copy.deepcopy(SMALL) | {"shard": 5}, folder=tmp_path)
    teacher = Together(60)
    with patch("flows.night.night.open_engine", lambda *_: teacher):
        await plain_nights(recipe, ["2026-01-02"], workspace.root)
    with Lake(workspace, read_only=True) as lake:
        shards = lake.rows("select shard, count(*) as done from attempts where status = 'done' group by shard")
    assert [row["done"] for row in shards] == [5] * 12


async def test_a_shard_begins_when_fewer_attempts_are_open_than_wanted():
    room = Room(25)
    for _ in range(3):
        await asyncio.wait_for(room.enter(10), 20)
    fourth = asyncio.create_task(room.enter(10))
    room.leave(5)
    await asyncio.sleep(0)
    assert not fourth.done(), "25 are open"
    room.leave(1)
    await asyncio.wait_for(fourth, 20)


class OnTheAccelerator(Solver):
    """A model server of this machine that says, when it ends, whether the accelerator is still its own."""

    def __init__(self, workspace: Workspace) -> None:
        self.workspace, self.kept = workspace, []

    async def close(self):
        try:
            with self.workspace.lock("accelerator", wait=False):
                self.kept.append(False)
        except WorkspaceError:
            self.kept.append(True)


async def test_a_model_server_has_ended_before_the_accelerator_is_given_to_a_training(workspace, tmp_path):
    (tmp_path / "model.safetensors").write_bytes(b"weights that only their digest is taken of")
    served = {"teacher": {"engine": "vllm", "checkpoint": str(tmp_path)}}
    recipe = make_recipe(copy.deepcopy(SMALL) | {"models": served}, folder=tmp_path)
    server = OnTheAccelerator(workspace)
    with patch("flows.night.night.open_engine", lambda *_: server):
        await plain_nights(recipe, ["2026-01-02"], workspace.root)
    assert server.kept and all(server.kept)
