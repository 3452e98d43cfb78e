"""A verifier as a reward: what it says is what the role says, the checker stands beside it, and RL learns from it."""

import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from storage.errors import RecipeError
from synth.engines.base import Request, Sampling
from synth.engines.verifier import Verifier
from synth.problems.base import Problem
from synth.sample import problem_row
from train_stages.config import RlConfig, VerifierConfig
from train_stages.plan.steps import Origin, read_plan
from train_stages.process.job import Job
from train_stages.rewards.scoring import make_rewards
from train_stages.stages.rl import RL, bare_prompt
from train_stages.stages.verifier import verifier
from train_stages.verifying.injected import injected_rows

ANY = Problem("", "t", "", "", "")
REWARDS = [{"kind": "verifier", "model": "judge"}, {"kind": "answer", "weight": 0}]


def test_a_plan_hands_the_verifier_to_the_stage():
    plan = [{"sft": {}}, {"verifier": {"name": "judge"}}, {"rl": {"rewards": REWARDS}}]
    (_, _, rl) = read_plan(plan)
    assert rl.models == {"judge": Origin(step="judge")} and rl.start == "sft"
    (other,) = read_plan([{"rl": {"rewards": ["verifier", "answer"]}}])
    assert other.models == {"verifier": Origin(checkpoint="verifier")}
    with pytest.raises(RecipeError, match=r"rl.models = 'judge': this stage comes later"):
        read_plan([plan[0], plan[2], plan[1]])


@pytest.fixture(scope="module")
def judge(base, problems, tmp_path_factory):
    rows = pa.Table.from_pylist(injected_rows(problems[:40], "answer"))
    config = VerifierConfig(batch_tokens=1500, max_length=128, device="cpu", learning_rate=0.01, heldout=0.2)
    return verifier(base, rows, tmp_path_factory.mktemp("judge") / "out", config).path


@pytest.mark.slow
async def test_it_earns_what_the_role_says_and_the_checker_stands_beside_it(judge, problems):
    rewards = make_rewards(problems[:3], RlConfig(rewards=REWARDS).rewards, {"judge": judge}, bare_prompt)
    texts = [problems[0].solution, "no idea", "x " * 500]
    given = {"completions": [[{"role": "assistant", "content": text}] for text in texts], "number": [0, 1, 2]}
    earned = dict(zip(rewards.names, (function(**given) for function in rewards.functions), strict=True))
    engine = Verifier(judge, "v")
    for number, text in enumerate(texts[:2]):
        chat = (*bare_prompt(problems[number]), {"role": "assistant", "content": text})
        answer = await engine.answer(Request(chat, Sampling(max_tokens=0), 0, "verify", ANY, scores=True))
        assert earned["verifier"][number] == pytest.approx(json.loads(answer.text)["score"], abs=1e-5)
    assert earned["answer"] == [1.0, 0.0, None] and earned["verifier"][2] is None, (
        "too long for it: it leaves its group"
    )
    assert rewards.weights == (1.0, 0.0) and rewards.functions[0](**given) == earned["verifier"]


@pytest.mark.slow
def test_rl_learns_from_it_and_the_curves_have_both(base, judge, problems, tmp_path):
    rows = [{**problem_row(problem, split="train", night=""), "id": problem.id} for problem in problems[:6]]
    pq.write_table(pa.Table.from_pylist(rows), tmp_path / "rows.parquet")
    options = {"steps": 2, "prompts_per_step": 2, "samples": 4, "max_tokens": 8, "max_length": 128, "device": "cpu",
               "learning_rate": 1e-3, "log_every": 1, "difficulty": "all", "rewards": REWARDS}  # fmt: skip
    job = Job(
        parent=base, rows=tmp_path / "rows.parquet", out=tmp_path / "rl", options=options, models={"judge": judge}
    )
    result = RL.run(job, lambda *_: None)
    logged = [entry for entry in result.history if "rewards/verifier/mean" in entry]
    assert len(logged) == 2 and all(0 < entry["rewards/verifier/mean"] < 1 for entry in logged)
    assert all(entry["rewards/answer/mean"] == 0 for entry in logged), "nothing was right, whatever the verifier says"
