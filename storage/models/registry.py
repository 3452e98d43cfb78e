"""The registry of checkpoints, for people: what there is, which one is the student, back to an earlier one."""

import json
from collections.abc import Mapping
from typing import Any

from storage.errors import CheckpointError
from storage.lake.lake import Lake
from storage.models.checkpoints import Checkpoint, current_student, find_checkpoint, record_promotion

STUDENT = "student"
VERIFIER = "verifier"
"""Name of the newest verifier that was found good enough on problems that it had not learned from."""
VERIFYING = (VERIFIER, "likra")
"""Stages that make verifiers."""


def list_checkpoints(lake: Lake) -> list[dict[str, Any]]:
    """Return every checkpoint, newest first: stage, parent, release, night, the decisions about it, whether its folder is here."""
    rows = lake.rows(
        """
        select k.checkpoint_id, k.stage, k.parent, k.release_id, k.night, k.path, k.code_version, k.created_at,
               coalesce(list(distinct p.decision order by p.decision) filter (p.decision is not null), []) as decisions
        from checkpoints k left join promotions p on p.candidate = k.checkpoint_id
        group by all order by k.created_at desc, k.checkpoint_id
        """
    )
    student = _student(lake)
    for row in rows:
        row["student"] = row["checkpoint_id"] == student
        row["here"] = (lake.workspace.root / row["path"]).is_dir()
    return rows


def resolve(lake: Lake, name: str) -> str:
    """Return the id that a person means: `student`, `verifier`, an id or its beginning, or the name of its folder.

    Raises:
        CheckpointError: There is none, or several.
    """
    if name == STUDENT:
        student = _student(lake)
        if student is None:
            raise CheckpointError("no model has been promoted yet, so there is no student")
        return student
    if name == VERIFIER:
        return current_verifier(lake).id
    rows = lake.rows(
        "select distinct checkpoint_id from checkpoints where starts_with(checkpoint_id, $1) "
        "or path = $1 or ends_with(path, '/' || $1)",
        [name.rstrip("/") or "/"],
    )
    if len(rows) == 1:
        return str(rows[0]["checkpoint_id"])
    if rows:
        raise CheckpointError(f"{name!r} means {len(rows)} checkpoints; give more of the id")
    raise CheckpointError(f"no checkpoint {name!r} in workspace {lake.workspace.root}; see `nightschool model list`")


def current_verifier(lake: Lake) -> Checkpoint:
    """Return the newest verifier whose stage called it usable: its AUROC's lower end was above what its settings ask for.

    Raises:
        CheckpointError: There is none, or its folder is gone.
    """
    rows = lake.rows(
        "select checkpoint_id, try_cast(metrics->>'$.usable' as double) = 1 as usable from checkpoints where stage in ($1, $2) "
        "order by created_at desc, checkpoint_id",
        list(VERIFYING),
    )
    usable = [row["checkpoint_id"] for row in rows if row["usable"]]
    if not usable:
        raise CheckpointError(
            f"there is no verifier that may be used: {len(rows)} were trained, and none was better on held-out problems than its "
            f"least_auroc; see their metrics with `nightschool model show`"
        )
    return find_checkpoint(lake, usable[0])


def describe(lake: Lake, identity: str) -> dict[str, Any]:
    """Return all that is known of a checkpoint: configuration, metrics, ancestors, decisions, accuracy by set."""
    row = lake.rows("select * exclude (commit_id) from checkpoints where checkpoint_id = ?", [identity])[0]
    decisions = lake.rows(
        "select p.candidate, p.incumbent, p.decision, p.reason, p.figures, p.night, p.created_at from promotions p "
        "join commits c using (commit_id) where ? in (p.candidate, p.incumbent) order by c.seq",
        [identity],
    )
    accuracy = lake.rows(
        "select set_version, task, tier, mode, judge, count(*) as answers, count(distinct problem_id) as items, "
        "count(*) filter (where outcome = 'correct') / count(*) as accuracy from evaluations "
        "where checkpoint_id = ? group by all order by all",
        [identity],
    )
    return {
        **row,
        "config": json.loads(row["config"]),
        "metrics": json.loads(row["metrics"]),
        "folder": str(lake.workspace.root / row["path"]),
        "student": identity == _student(lake),
        "ancestors": ancestors(lake, identity),
        "decisions": [{**decision, "figures": json.loads(decision["figures"])} for decision in decisions],
        "accuracy": accuracy,
    }


def ancestors(lake: Lake, identity: str) -> list[str]:
    """Return what a checkpoint was trained from, its parent first."""
    parents = {
        row["checkpoint_id"]: row["parent"] for row in lake.rows("select checkpoint_id, parent from checkpoints")
    }
    chain: list[str] = []
    while (parent := parents.get(identity)) is not None and parent not in chain:
        chain.append(parent)
        identity = parent
    return chain


def students(lake: Lake) -> list[str]:
    """Return the students in order, the current one last; what was rolled back is not among them.

    The first is the incumbent of the first promotion (the untrained base).
    """
    rows = lake.rows(
        "select p.candidate, p.incumbent, p.figures->>'$.kind' as kind from promotions p join commits c using (commit_id) "
        "where p.decision = 'promoted' order by c.seq"
    )
    stack: list[str] = []
    for row in rows:
        if row["kind"] == "rollback" and row["candidate"] in stack:
            del stack[stack.index(row["candidate"]) + 1 :]
            continue
        if not stack and row["incumbent"] != row["candidate"]:
            stack.append(row["incumbent"])
        stack.append(row["candidate"])
    return stack


def roll_back(lake: Lake, *, reason: str, by: str, to: str | None = None) -> tuple[Checkpoint, Checkpoint]:
    """Make an earlier student the student again, and record it.

    Args:
        lake: The lake.
        reason: Why, for whoever reads it later.
        by: Who says so.
        to: Which one; None takes the one before.

    Returns:
        The student until now, and the student from now on.

    Raises:
        CheckpointError: There is no earlier student, `to` was none, or its folder is gone.
    """
    stack = students(lake)
    if len(stack) < 2:
        raise CheckpointError("there is no earlier student to go back to")
    target = to or stack[-2]
    if target == stack[-1] or target not in stack:
        earlier = ", ".join(identity[:12] for identity in reversed(stack[:-1]))
        raise CheckpointError(f"{target[:12]} is no earlier student; those are {earlier} (newest first)")
    before, after = find_checkpoint(lake, stack[-1]), find_checkpoint(lake, target)
    _by_hand(lake, candidate=after.id, incumbent=before.id, kind="rollback", reason=f"Rolled back: {reason}", by=by)
    return before, after


def approve(lake: Lake, identity: str, *, reason: str, by: str, anyway: bool = False, refuse: bool = False) -> str:
    """Let a person decide about a candidate; returns the decision.

    Raises:
        CheckpointError: It does not wait for a decision and `anyway` is False, it is the student already, its folder is gone,
            or another model has become the student since the evidence was collected.
    """
    candidate, student = find_checkpoint(lake, identity), current_student(lake)
    if student is not None and student.id == identity:
        raise CheckpointError(f"{identity[:12]} is the student already")
    waiting = waiting_decision(lake, identity)
    if waiting is None and not anyway:
        raise CheckpointError(
            f"{identity[:12]} does not wait for a decision; what is promoted without the gate's evidence needs --anyway"
        )
    incumbent = student.id if student is not None else (waiting or {}).get("incumbent") or _first(lake, identity)
    if waiting is not None and not anyway and waiting["incumbent"] != incumbent:
        raise CheckpointError(
            f"{identity[:12]} was compared with {waiting['incumbent'][:12]}, but the student is {incumbent[:12]} now; "
            f"compare it with that one, or give --anyway"
        )
    decision = "refused" if refuse else "promoted"
    sentence = f"{by} {'refused' if refuse else 'promoted'} it: {reason}"
    _by_hand(
        lake, candidate=candidate.id, incumbent=incumbent, kind="person", reason=sentence, by=by, decision=decision,
        evidence=waiting,
    )  # fmt: skip
    return decision


def _first(lake: Lake, identity: str) -> str:
    """Return what a checkpoint was trained from in the end: the student before any was promoted."""
    return [identity, *ancestors(lake, identity)][-1]


def waiting_decision(lake: Lake, identity: str) -> dict[str, Any] | None:
    """Return the last decision about a candidate when that was to wait for a person."""
    rows = lake.rows(
        "select p.decision, p.incumbent, p.reason, p.figures from promotions p join commits c using (commit_id) "
        "where p.candidate = ? order by c.seq desc limit 1",
        [identity],
    )
    return rows[0] if rows and rows[0]["decision"] == "waiting" else None


def _by_hand(
    lake: Lake,
    *,
    candidate: str,
    incumbent: str,
    kind: str,
    reason: str,
    by: str,
    decision: str = "promoted",
    evidence: Mapping[str, Any] | None = None,
) -> None:
    """Record what a person decided, under a key that the next decision changes: a doubled command decides once."""
    seen = lake.rows("select count(*) as n from promotions")[0]["n"]
    record_promotion(
        lake,
        key=f"{kind}:{candidate}:{incumbent}:{seen}",
        candidate=candidate,
        incumbent=incumbent,
        decision=decision,
        reason=reason,
        figures={"kind": kind, "by": by, "evidence": json.loads(evidence["figures"]) if evidence else None},
        night=None,
    )


def _student(lake: Lake) -> str | None:
    rows = lake.rows("select checkpoint_id from students order by seq desc limit 1")
    return str(rows[0]["checkpoint_id"]) if rows else None
