"""Trials: attempts of models at problems, checked, and kept as evidence. Pass rates are counted from them.

A night's trials are the answers to the bare question (`solve`) behind its rows, whoever asked for them: the attempt that
a tutor corrects counts like one of the k solutions of `cot`. Not covered: attempts whose rows were never made, because a
later call of theirs failed.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass

from storage.lake.evidence import store_evidence
from storage.lake.lake import Lake
from storage.lake.nights import problem_rows
from synth.engines.solver import Solver
from synth.problems import get_task
from synth.sample import problem_of

ACT = "solve"
"""The prompt that asks the bare question."""

_BATCH = 20_000
_VALUES = {"correct": 1.0, "wrong": 0.0}


@dataclass(frozen=True, slots=True)
class Trial:
    """One checked attempt at a problem.

    Attributes:
        problem_id: The problem.
        model: Identity of the model.
        sampling: Its sampling parameters, as `sampling_text` writes them.
        trial: What tells this attempt from others of the same model: the call, or where a rollout came from.
        outcome: `correct`, `wrong` or `unverifiable`, which is not counted as correct.
        is_call: Whether `trial` is a call of the ledger.
    """

    problem_id: str
    model: str
    sampling: str
    trial: str
    outcome: str
    is_call: bool = False


def sampling_text(sampling: str) -> str:
    """Return sampling parameters (JSON) in the form that pass rates are kept under: without the seed, keys sorted."""
    return json.dumps({name: value for name, value in json.loads(sampling).items() if name != "seed"}, sort_keys=True)


def store_trials(lake: Lake, key: str, trials: Sequence[Trial], *, night: str) -> None:
    """Commit trials, once per key. A stage that rolls out by itself (RL) stores what it saw in the same way.

    Raises:
        LakeError: The commit failed.
    """
    rows = [
        {
            "subject": "problem", "subject_id": trial.problem_id, "name": trial.trial, "model": trial.model,
            "version": trial.sampling, "value": _VALUES.get(trial.outcome), "text": trial.outcome,
            "call_ids": [trial.trial] if trial.is_call else [],
        }
        for trial in trials
    ]  # fmt: skip
    store_evidence(lake, key, "trial", rows, night=night)


def record_trials(lake: Lake, night: str) -> None:
    """Check the answers to the bare question behind a night's rows and commit them as trials, once per night.

    Each few thousand are a commit of their own, which a night that was killed does not make again.
    """
    if lake.has(f"trials:{night}"):
        return
    asked = lake.query(
        "select distinct s.problem_id, c.call_id from (select problem_id, unnest(parents) as call_id from samples "
        "where night = $1) s join calls c using (call_id) where c.act = $2 and c.model <> $3 and s.problem_id is not null "
        "order by all",
        [night, ACT, Solver.model],
    )
    for start in range(0, asked.num_rows, _BATCH):
        last = start + _BATCH >= asked.num_rows
        key = f"trials:{night}" if last else f"trials:{night}:{start}"
        if not lake.has(key):
            store_trials(lake, key, _check(lake, asked.slice(start, _BATCH).to_pylist()), night=night)
    if not asked.num_rows:
        store_trials(lake, f"trials:{night}", [], night=night)


def _check(lake: Lake, asked: Sequence[dict[str, str]]) -> list[Trial]:
    ids = sorted({pair["problem_id"] for pair in asked})
    problems = {row["problem_id"]: problem_of(row) for row in problem_rows(lake, ids=ids)}
    calls = lake.rows(
        "select call_id, model, sampling, messages, response from calls where call_id in (select unnest(?::varchar[])) "
        "qualify row_number() over (partition by call_id) = 1",
        [sorted({pair["call_id"] for pair in asked})],
    )
    by_id = {call["call_id"]: call for call in calls}
    trials = []
    for pair in asked:
        problem, call = problems.get(pair["problem_id"]), by_id[pair["call_id"]]
        # A method that makes questions of its own asks them with the same prompt: those are other problems.
        if problem is None or not any(problem.prompt in turn["content"] for turn in call["messages"]):
            continue
        outcome = get_task(problem.task).check(problem, call["response"]).outcome
        trials.append(
            Trial(problem.id, call["model"], sampling_text(call["sampling"]), call["call_id"], outcome.value, True)
        )
    return trials
