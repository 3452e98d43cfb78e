"""The student and the way back, a person's decision, and what retention never removes."""

import pytest

from storage.catalog.leases import acquire
from storage.errors import CheckpointError, LeaseError, WorkspaceError
from storage.lake.lake import Lake
from storage.lake.nights import finish, pin
from storage.models.checkpoints import current_student, record_promotion, register_checkpoint
from storage.models.registry import approve, describe, list_checkpoints, resolve, roll_back, students
from storage.models.retention import prune, retention
from storage.workspace import Workspace


@pytest.fixture
def lake(tmp_path):
    with Lake(Workspace.create(tmp_path / "w")) as lake:
        yield lake


def make(lake, name, parent=None, stage="sft", night="2026-01-01/n"):
    folder = lake.workspace.folder("checkpoints", name)
    (folder / "model.safetensors").write_bytes(name.encode() * 100)
    return register_checkpoint(lake, folder, stage=stage, night=night, parent=parent).id


def decide(lake, incumbent, candidate, decision="promoted", night="1", **more):
    record_promotion(
        lake, key=f"p:{night}:{candidate}", candidate=candidate, incumbent=incumbent, decision=decision,
        reason="by the test", figures={}, night=night, **more,
    )  # fmt: skip


@pytest.fixture
def three(lake):
    base = make(lake, "base-0", stage="base", night=None)
    first, second = make(lake, "sft-1", base), make(lake, "sft-2", base)
    decide(lake, base, first, night="1")
    decide(lake, first, second, night="2")
    return base, first, second


def test_back_to_an_earlier_student_and_forth_again(lake, three):
    base, first, second = three
    assert students(lake) == [base, first, second]
    before, after = roll_back(lake, reason="it rambles", by="ada")
    assert (before.id, after.id) == (second, first) and current_student(lake).id == first
    assert students(lake) == [base, first]
    roll_back(lake, reason="this one too", by="ada")
    assert current_student(lake).id == base
    with pytest.raises(CheckpointError, match="no earlier student"):
        roll_back(lake, reason="more", by="ada")
    decide(lake, base, second, night="3")
    assert students(lake) == [base, second]
    last = describe(lake, base)["decisions"][-2]
    assert last["reason"] == "Rolled back: this one too" and last["figures"]["by"] == "ada"


def test_only_a_former_student_can_be_rolled_back_to(lake, three):
    other = make(lake, "sft-3", three[0])
    with pytest.raises(CheckpointError, match="is no earlier student"):
        roll_back(lake, reason="x", by="ada", to=other)
    assert roll_back(lake, reason="x", by="ada", to=three[0])[1].id == three[0]


def test_a_person_decides_about_what_waits(lake, three):
    third = make(lake, "sft-3", three[2])
    with pytest.raises(CheckpointError, match="does not wait"):
        approve(lake, third, reason="hunch", by="ada")
    decide(lake, three[2], third, "waiting", night="3")
    assert current_student(lake).id == three[2], "what waits is no student"
    assert approve(lake, third, reason="read 20 answers", by="ada") == "promoted"
    assert current_student(lake).id == third
    with pytest.raises(CheckpointError, match="student already"):
        approve(lake, third, reason="again", by="ada")


def test_a_person_may_refuse_and_old_evidence_does_not_count(lake, three):
    third, fourth = make(lake, "sft-3", three[2]), make(lake, "sft-4", three[2])
    decide(lake, three[2], third, "waiting", night="3")
    decide(lake, three[2], fourth, "waiting", night="4")
    assert approve(lake, third, reason="no", by="ada", refuse=True) == "refused"
    roll_back(lake, reason="back", by="ada")
    with pytest.raises(CheckpointError, match="but the student is"):
        approve(lake, fourth, reason="yes", by="ada")
    assert approve(lake, fourth, reason="yes", by="ada", anyway=True) == "promoted"


def test_a_gate_that_was_overtaken_promotes_nothing(lake, three):
    base, _, second = three
    late = make(lake, "sft-9", base)
    with pytest.raises(CheckpointError, match="but the student is"):
        decide(lake, base, late, night="9")
    assert current_student(lake).id == second

    with acquire(lake.catalog, "training", purpose="9") as lease:
        with lake.catalog.transaction() as execute:
            execute("update nightschool_leases set expires = 0")
        with acquire(lake.catalog, "training", purpose="another"), pytest.raises(LeaseError, match="is lost"):
            decide(lake, second, late, night="9", lease=lease)
    assert current_student(lake).id == second


def test_names(lake, three):
    assert resolve(lake, "student") == three[2] and resolve(lake, "sft-1") == three[1] == resolve(lake, three[1][:10])
    assert resolve(lake, "checkpoints/sft-1") == three[1]
    with pytest.raises(CheckpointError, match="no checkpoint 'sft'"):
        resolve(lake, "sft")
    assert [row["student"] for row in list_checkpoints(lake) if row["checkpoint_id"] == three[2]] == [True]


@pytest.mark.slow
def test_retention_keeps_the_promoted_their_parents_and_what_is_open(lake, three):
    base, _, second = three
    step = make(lake, "cpt-3", base, stage="cpt", night="2026-01-03/n")
    loser = make(lake, "sft-3", step, night="2026-01-03/n")
    middle = make(lake, "cpt-4", base, stage="cpt", night="2026-01-04/n")
    winner = make(lake, "sft-4", middle, night="2026-01-04/n")
    decide(lake, second, loser, "refused", night="2026-01-03/n")
    decide(lake, second, winner, night="2026-01-04/n")
    asks = make(lake, "sft-5", second, night="2026-01-05/n")
    decide(lake, winner, asks, "waiting", night="2026-01-05/n")
    pin(lake, "train/2026-01-06/n", "2026-01-06/n", "n", {})
    half = make(lake, "cpt-6", winner, stage="cpt", night="2026-01-06/n")

    plan = {item.checkpoint_id: item for item in retention(lake, keep=0)}
    assert {identity for identity, item in plan.items() if item.remove} == {step, loser}
    assert "was trained from it" in plan[middle].why and "waits" in plan[asks].why and "not finished" in plan[half].why
    assert {item.checkpoint_id for item in retention(lake, keep=7) if item.remove} <= {step}
    with lake.workspace.lock("training"), pytest.raises(WorkspaceError, match="held by a training"):
        prune(lake, list(plan.values()))

    assert prune(lake, list(plan.values())) > 0
    left = {folder.name for folder in (lake.workspace.root / "checkpoints").iterdir()}
    assert left == {"base-0", "sft-1", "sft-2", "cpt-4", "sft-4", "sft-5", "cpt-6"}
    assert {row["checkpoint_id"] for row in lake.rows("select * from pruned")} == {step, loser}
    assert not next(row for row in list_checkpoints(lake) if row["checkpoint_id"] == loser)["here"]
    finish(lake, "train/2026-01-06/n", "2026-01-06/n", "n", {})
    assert [item.checkpoint_id for item in retention(lake, keep=0) if item.remove] == [half]


def test_the_first_model_may_be_a_persons_choice(lake):
    first = make(lake, "sft-1")
    approve(lake, first, reason="from outside", by="ada", anyway=True)
    assert students(lake) == [first]
    with pytest.raises(CheckpointError, match="no earlier student"):
        roll_back(lake, reason="x", by="ada")


def test_a_first_model_that_was_chosen_by_hand_can_be_rolled_back_to_what_it_was_trained_from(lake):
    base = make(lake, "base-0", stage="base", night=None)
    second = make(lake, "sft-2", make(lake, "sft-1", base))
    approve(lake, second, reason="to try it", by="ada", anyway=True)
    assert students(lake) == [base, second]
    assert roll_back(lake, reason="x", by="ada")[1].id == base


def test_the_verifier_is_the_newest_that_may_be_used(lake):
    with pytest.raises(CheckpointError, match="0 were trained, and none was better on held-out problems"):
        resolve(lake, "verifier")
    verifiers = []
    for number, usable in enumerate((1.0, 1.0, 0.0)):
        folder = lake.workspace.folder("checkpoints", f"verifier-{number}")
        (folder / "model.safetensors").write_bytes(str(number).encode() * 100)
        metrics = {"usable": usable, "auroc": 0.7}
        verifiers.append(register_checkpoint(lake, folder, stage="verifier", night=None, metrics=metrics).id)
    assert resolve(lake, "verifier") == verifiers[1] and current_student(lake) is None
