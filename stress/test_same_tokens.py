"""A trained checkpoint answers greedily alike in transformers and in vLLM: the same text for every held-out problem.

vLLM serves bfloat16 on a CPU, transformers computes in float32 here, so an answer whose two best tokens are nearly equal may
differ; of a trained model's answers hardly any are. In float32 all must be equal, in bfloat16 95 %.
"""

import json
import os
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
import pytest

from storage.models.checkpoints import Checkpoint, checkpoint_digest
from synth.calls.responder import EngineResponder
from synth.engines.managed import ManagedVllm
from synth.engines.sampler import Sampler
from synth.engines.vllm_command import ServerOptions
from synth.problems.arithmetic import Arithmetic
from synth.problems.holdout import structure_ids
from train_stages.config import SftConfig
from train_stages.models.tiny import create_base
from train_stages.stages.sft import sft

RESULT = Path(__file__).parent / "results" / "same_tokens.json"
HELD = Arithmetic([1]).draw(200, seed=1)


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny model that has learned its task; a folder may be given to save the time."""
    given = os.environ.get("SAME_TOKENS_CHECKPOINT")
    if given:
        return Path(given)
    folder = tmp_path_factory.mktemp("trained")
    problems = Arithmetic([1]).draw(2000, seed=2, exclude=structure_ids(HELD))
    base = create_base(folder / "base", (f"{problem.prompt}\n{problem.solution}" for problem in problems))
    rows = [[{"role": "user", "content": p.prompt}, {"role": "assistant", "content": p.solution}] for p in problems]
    config = SftConfig(budget_tokens=300_000, batch_tokens=1024, max_length=256, optimiser="muon", learning_rate=0.02,
                       device="cpu")  # fmt: skip
    return sft(base, pa.table({"messages": rows}), folder / "sft", config).path


@pytest.mark.timeout(900)
@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_greedy_answers_are_the_same(trained: Path, dtype: str, tmp_path: Path) -> None:
    """Text by text."""
    chats = [[{"role": "user", "content": problem.prompt}] for problem in HELD]
    here = Sampler(trained, device="cpu").generate(chats, temperature=0.0, max_tokens=48)
    checkpoint = Checkpoint(checkpoint_digest(trained), trained, "sft")
    options = ServerOptions(max_model_len=256, max_num_seqs=64, dtype=dtype)
    with EngineResponder(ManagedVllm(checkpoint, tmp_path, options=options)) as served:
        there = served.generate(chats, temperature=0.0, max_tokens=48)
    same = sum(mine.text == other.text for mine, other in zip(here, there, strict=True))
    seen = json.loads(RESULT.read_text()) if RESULT.exists() else {}
    seen[dtype] = {"items": len(HELD), "same": same, "date": datetime.now(UTC).isoformat(timespec="seconds")}
    RESULT.write_text(json.dumps(seen, indent=1, sort_keys=True) + "\n")
    assert same == len(HELD) if dtype == "float32" else same >= 0.95 * len(HELD)
