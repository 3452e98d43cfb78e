import pytest

from storage.errors import LakeError
from storage.lake.lake import Lake
from storage.lake.lineage import checkpoint_calls, checkpoint_lineage, is_checkpoint, row_checkpoints
from storage.lake.provenance import provenance_of
from tests.storage.small import NIGHTS, build

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def reader(tmp_path_factory):
    with Lake(build(tmp_path_factory.mktemp("lineage") / "w"), read_only=True) as lake:
        yield lake


def test_from_a_checkpoint_to_the_calls_behind_each_row(reader):
    lineage = checkpoint_lineage(reader, "model-1")
    own = [line for line in lineage["read"] if line["ancestor"] == "model-1"]
    assert {(line["night"], line["method"]): line["rows"] for line in own} == {
        (night, method): rows for night in NIGHTS for method, rows in (("cot", 6), ("tutorship", 4))
    }
    inherited = [line for line in lineage["read"] if line["ancestor"] == "model-0"]
    assert {line["release_id"] for line in inherited} == {"set@1"} and sum(line["rows"] for line in inherited) == 10
    assert lineage["models"] == [{"model": "teacher@1", "role": "teacher", "calls": 20, "completion_tokens": 400}]
    calls = checkpoint_calls(reader, "model-0")
    assert len(calls) == 10 and all(line["call_id"] == f"call-{line['sample_id']}" for line in calls)


def test_from_a_row_to_every_checkpoint(reader):
    first = row_checkpoints(reader, "cot-00")
    assert {(line["checkpoint_id"], line["ancestor"], line["release_id"]) for line in first} == {
        ("model-0", "model-0", "set@1"), ("model-1", "model-1", "set@2"), ("model-1", "model-0", "set@1"),
    }  # fmt: skip
    assert {line["checkpoint_id"] for line in row_checkpoints(reader, "cot-10")} == {"model-1"}
    assert row_checkpoints(reader, "cot-01") == [], "a rejected row taught nobody"
    assert provenance_of(reader, "cot-00")["checkpoints"] == first


def test_an_id_that_is_none_or_several_is_a_sentence(reader):
    with pytest.raises(LakeError, match="several begin like this: model-0, model-1"):
        checkpoint_lineage(reader, "model")
    with pytest.raises(LakeError, match="there is none"):
        checkpoint_lineage(reader, "x")
    assert is_checkpoint(reader, "mod") and not is_checkpoint(reader, "cot")
