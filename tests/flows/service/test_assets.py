"""What Prefect is told was made. That it arrives is seen in `report/test_artifacts.py` and `test_training.py` beside it."""

from pathlib import Path
from types import SimpleNamespace

import pytest
from prefect.assets import Asset

from flows.report.progress import Progress
from flows.service import assets
from flows.service.assets import asset_key, record, release_made, student_promoted
from storage.models.checkpoints import Checkpoint


@pytest.fixture
def recorded(monkeypatch):
    calls = []
    monkeypatch.setattr(assets, "record", lambda *arguments, **_: calls.append(arguments))
    return calls


def night_of(workspace, student=None):
    recipe = SimpleNamespace(name="mine", problems=SimpleNamespace(sources=[SimpleNamespace(name="sums")]))
    return SimpleNamespace(
        recipe=recipe, id="2026-01-02/mine", workspace=workspace, student=student, progress=Progress(quiet=True)
    )


def release_of(night):
    manifest = {"night": night, "words": 12, "by_method": {"cot": 3}, "content_hash": "h"}
    return SimpleNamespace(id="mine@2", name="mine", rows=3, manifest=manifest)


def test_a_key_is_one_that_prefect_takes_whatever_a_source_is_called():
    key = asset_key("problems", "my file: 50 % {new}?" + "x" * 600)
    assert Asset(key=key).key == key and key.startswith("nightschool://problems/my-file-50-new-")


def test_a_release_names_its_sources_and_its_student_and_one_that_was_there_is_not_new(workspace, recorded):
    night = night_of(workspace, Checkpoint("c1", Path("c"), "sft"))
    release_made(night, release_of("2026-01-01/mine"))
    assert recorded == []
    release_made(night, release_of(night.id))
    ((key, _, parents, figures, _),) = recorded
    assert key == "nightschool://release/mine" and figures["rows"] == 3
    assert parents == ["nightschool://problems/sums", "nightschool://student/mine"]


@pytest.mark.parametrize(("outcome", "count"), [("promoted", 1), ("refused", 0), ("undecided", 0), ("waiting", 0)])
def test_only_a_promoted_model_is_a_new_student(workspace, recorded, outcome, count):
    share = SimpleNamespace(value=0.5)
    overall = SimpleNamespace(incumbent=share, candidate=share, test=SimpleNamespace(n=40))
    decision = SimpleNamespace(outcome=outcome, reason="because", overall=overall)
    night = night_of(workspace)
    student_promoted(night, release_of(night.id), "sft", Checkpoint("c2", Path("c"), "sft"), decision)
    assert len(recorded) == count
    if count:
        assert recorded[0][0] == "nightschool://student/mine" and recorded[0][3]["checkpoint"] == "c2"


def test_outside_a_flow_run_nothing_is_recorded():
    record("nightschool://release/mine", "release mine", [], {}, Progress(quiet=True))
