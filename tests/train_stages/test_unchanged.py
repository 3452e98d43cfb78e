"""Trainings that were the same before losses, orders, schedules, optimisers and rewards became parts of their own.

`unchanged.json` has the losses of each step and how far each weight moved, recorded on 2026-11-29, when the weights were
the very same bits as at the commit before. Another machine adds up in another order, so some leeway is given.
"""

import json
import os
from pathlib import Path

import pyarrow as pa
import pytest

from synth.answers.outcome import Check, Outcome
from tests.train_stages import every

RECORD = Path(__file__).with_name("unchanged.json")
COMMON = {"device": "cpu", "log_every": 1, "max_length": 128}
ROLLOUTS = {**COMMON, "steps": 3, "prompts_per_step": 2, "samples": 4, "max_tokens": 8, "learning_rate": 1e-3}
TRAININGS = {
    "sft": ("sft", {"batch_tokens": 256}),
    "rl": ("rl", {}),
    "sft_muon": ("sft", {"batch_tokens": 256, "optimiser": {"kind": "muon", "adamw_learning_rate": 0.002},
                         "learning_rate": 0.01, "packing": True, "order": "cyclical", "weight_decay": 0.1}),
    "cpt": ("cpt", {"batch_tokens": 256, "packing": "wrapped", "learning_rate": 1e-3, "micro_batch_tokens": 64}),
    "preference": ("preference", {"batch_tokens": 256, "learning_rate": 1e-3}),
    "orpo": ("preference", {"batch_tokens": 256, "learning_rate": 1e-3, "loss": {"kind": "orpo", "beta": 0.1}}),
    "kto": ("preference", {"batch_tokens": 256, "learning_rate": 1e-3, "loss": {"kind": "kto", "beta": 0.1}}),
    "dapo": ("rl", {"loss": {"kind": "dapo", "mask_truncated": False}}),
    "cispo": ("rl", {"loss": {"kind": "cispo", "beta": 0.1}}),
    "srpo": ("rl", {"loss": "srpo", "rewards": ["answer", "assignment", {"kind": "format", "weight": 0.1}]}),
}  # fmt: skip


class Easy:
    """A checker that even an untrained model pleases now and then."""

    component = "answer"

    def check(self, problem, response):
        return Check(Outcome.CORRECT if len(response) % 2 else Outcome.WRONG, answer="1")


def given(stage, problems):
    """What the stage learns from."""
    asked = [[{"role": "user", "content": problem.prompt}] for problem in problems]
    solutions = [[{"role": "assistant", "content": problem.solution}] for problem in problems]
    if stage == "rl":
        return problems[:60]
    if stage == "cpt":
        return pa.table({"text": [f"{problem.prompt}\n{problem.solution}" for problem in problems[:60]]})
    if stage == "sft":
        chats = [[*prompt, *solution] for prompt, solution in zip(asked[:60], solutions[:60], strict=True)]
        hard = [float(len(problem.prompt)) for problem in problems[:60]]
        return pa.table({"messages": chats, "id": [problem.id for problem in problems[:60]], "difficulty": hard})
    wrong = [[{"role": "assistant", "content": f"{problem.solution} #### 0"}] for problem in problems[12:24]]
    return pa.table({"prompt": asked[:12], "chosen": solutions[:12], "rejected": wrong})


@pytest.mark.slow
@pytest.mark.parametrize("name", TRAININGS)
def test_it_trains_as_before(base, problems, tmp_path, monkeypatch, name):
    stage, options = TRAININGS[name]
    if stage == "rl":
        monkeypatch.setattr("synth.problems.get_task", lambda task: Easy())
    config = every.CONFIGS[stage](**{**(ROLLOUTS if stage == "rl" else COMMON), **options})
    result = every.STAGES[stage](base, given(stage, problems), tmp_path / "out", config)
    before, after = every.weights(base), every.weights(result.path)
    moved = {key: float((after[key] - before[key]).norm()) for key in sorted(before)}
    losses = [entry["loss"] for entry in result.history if "loss" in entry]
    if os.environ.get("RECORD_UNCHANGED"):
        record = json.loads(RECORD.read_text()) if RECORD.exists() else {}
        RECORD.write_text(json.dumps({**record, name: {"losses": losses, "moved": moved}}, indent=1) + "\n")
    recorded = json.loads(RECORD.read_text())[name]
    assert losses == pytest.approx(recorded["losses"], rel=1e-4, abs=1e-5)
    assert moved == pytest.approx(recorded["moved"], rel=1e-2, abs=1e-7)
