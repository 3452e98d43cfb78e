"""What a recipe says of a model, and the engine it means."""

from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from storage.models.checkpoints import Checkpoint
from synth.engines.managed import CONCURRENCY, ManagedVllm
from synth.engines.spec import ModelSpec, open_engine
from synth.engines.vllm import MOST_CONCURRENCY, Vllm

REMOTE = {"engine": "vllm", "name": "m", "revision": "2026-11-01"}


@pytest.mark.parametrize(
    ("endpoint", "count"),
    [("http://a:1", 1), (["http://a:1", "http://b:1/v1"], 2), (["http://a:1", "http://a:1/v1"], 1)],
)
def test_one_endpoint_or_several(endpoint: Any, count: int, tmp_path: Path) -> None:
    engine = open_engine(ModelSpec(**REMOTE, endpoint=endpoint, concurrency=8), None, tmp_path)
    assert isinstance(engine, Vllm)
    assert (engine.model, engine.concurrency) == ("m@2026-11-01", 8 * count)


def test_without_a_number_the_queue_decides(tmp_path: Path) -> None:
    engine = open_engine(ModelSpec(**REMOTE, endpoint="http://a:1"), None, tmp_path)
    assert engine.concurrency == MOST_CONCURRENCY
    managed = open_engine(ModelSpec(engine="vllm", checkpoint="x"), Checkpoint("digest", tmp_path, "given"), tmp_path)
    assert isinstance(managed, ManagedVllm)
    assert (managed.model, managed.concurrency) == ("digest", CONCURRENCY)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"endpoint": "localhost:8000"}, "is not an http"),
        ({"endpoint": ["http://a:1", "b:1"]}, "'b:1' is not an http"),
        ({"endpoint": []}, "needs `endpoint`"),
        ({}, "needs `endpoint`"),
        ({"endpoint": "http://a:1", "revision": None}, "needs `name` and `revision`"),
        ({"endpoint": "http://a:1", "concurrency": 0}, "concurrency"),
    ],
)
def test_what_cannot_be_used_is_named(wrong: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        ModelSpec(**{**REMOTE, **wrong})
