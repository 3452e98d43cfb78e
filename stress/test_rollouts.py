"""Reinforcement learning whose responses a real vLLM server writes, with the weights of each step.

In float32 on a CPU the server's log-probabilities must be those of the weights that are trained, at every step: a server
that still had the weights of the step before would be far off (the learning rate is high for that reason).
"""

import json
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest

from synth.problems.arithmetic import Arithmetic
from train_stages.config import RlConfig, SftConfig
from train_stages.models.tiny import TinyConfig, create_base
from train_stages.stages.rl import rl
from train_stages.stages.sft import sft

RESULT = Path(__file__).parent / "results" / "rollouts.json"
STEPS = 8


@pytest.mark.timeout(900)
def test_vllm_answers_with_the_weights_of_each_step(tmp_path: Path) -> None:
    """Eight steps; the difference in log-probability, and that the weights have moved."""
    import pyarrow as pa

    problems = Arithmetic([1]).draw(400, seed=3)
    base = create_base(tmp_path / "base", (f"{problem.prompt}\n{problem.solution}" for problem in problems),
                       config=TinyConfig(tie_embeddings=False))  # fmt: skip
    rows = [[{"role": "user", "content": p.prompt}, {"role": "assistant", "content": p.solution}] for p in problems]
    tuned = sft(base, pa.table({"messages": rows}), tmp_path / "sft",
                SftConfig(budget_tokens=60_000, batch_tokens=1024, max_length=256, optimiser="muon", learning_rate=0.02,
                          device="cpu"))  # fmt: skip
    config = RlConfig(rollouts="vllm", steps=STEPS, prompts_per_step=8, samples=4, max_tokens=24, max_length=256,
                      learning_rate=1e-3, device="cpu", log_every=1)  # fmt: skip
    started = time.monotonic()
    result = rl(tuned.path, problems, tmp_path / "rl", config)
    steps = [entry for entry in result.history if "reward" in entry]
    worst = max(entry["sampling/sampling_logp_difference/max"] for entry in steps)
    RESULT.write_text(json.dumps({
        "steps": STEPS, "largest_difference_in_log_probability": worst, "seconds": round(time.monotonic() - started, 1),
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
    }, indent=1) + "\n")  # fmt: skip
    assert result.metrics["rollouts_by_vllm"] == 1 and len(steps) == STEPS
    assert worst < 1e-3
    moved = {entry["completions/mean_length"] for entry in steps}
    assert len(moved) > 1
    assert {path.name for path in tmp_path.iterdir()} == {"base", "sft", "rl"}, "server, weights and logs are gone"
