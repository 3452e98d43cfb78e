"""Dynamic sampling in a real trainer, and rollouts by a server that speaks vLLM's protocol and loads what it is given."""

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pyarrow.parquet as pq
import pytest
import torch
from transformers import AutoModelForCausalLM

import synth.problems
from filters.pass_rate import PassRate
from storage.errors import ModelServerError, TrainingError
from synth.answers.outcome import Check, Outcome
from synth.engines import vllm_command, vllm_server
from synth.engines.vllm_command import ServerOptions
from train_stages.config import RlConfig
from train_stages.rl import rollouts as module
from train_stages.rl.rollouts import check_rollouts, uses_vllm
from train_stages.stages.rl import rl

pytestmark = pytest.mark.slow

FAST = {"steps": 3, "prompts_per_step": 2, "samples": 4, "max_tokens": 6, "learning_rate": 1e-2, "device": "cpu",
        "log_every": 1}  # fmt: skip


class OneInThree:
    """Rewards only some problems, and those by chance: most groups have no advantage."""

    def check(self, problem, response):
        right = problem.attrs["number"] % 3 == 0 and len(response) % 2
        return Check(Outcome.CORRECT if right else Outcome.WRONG)


@pytest.fixture
def numbered(problems, monkeypatch):
    from dataclasses import replace

    monkeypatch.setattr(synth.problems, "get_task", lambda name: OneInThree())
    return [replace(problem, attrs={"number": n}) for n, problem in enumerate(problems[:30])]


def test_dynamic_sampling_fills_steps_with_groups_that_teach(base, numbered, tmp_path):
    def share(resampling):
        rounds = {"resampling_rounds": 8} if resampling == "dynamic" else {}
        config = RlConfig(**FAST, resampling=resampling, **rounds)
        result = rl(base, numbered, tmp_path / resampling, config)
        history = [entry for entry in result.history if "reward" in entry]
        lines = pq.read_table(result.path / "rollouts.parquet").to_pylist()
        assert {line["problem_id"] for line in lines} <= {problem.id for problem in numbered}
        return history, lines

    plain, once = share("none")
    assert len(once) == 6 and "sampling/rounds" not in plain[0]
    refilled, lines = share("dynamic")
    groups = 2 * sum(1 + entry["sampling/rounds"] for entry in refilled)
    assert len(lines) == groups > 6, "every group that was sampled is noted"
    assert any(entry["sampling/refilled"] > 0 for entry in refilled)


def test_groups_without_an_advantage_are_replaced(base, numbered, tmp_path, monkeypatch):
    """What reaches the loss: with enough rounds, every group has an advantage."""
    from trl import GRPOTrainer

    seen, loss = [], GRPOTrainer._compute_loss

    def looking(self, model, inputs):
        seen.append(inputs["advantages"].view(-1, 4).abs().amax(1))
        assert inputs["completion_ids"].shape == inputs["completion_mask"].shape
        assert inputs["num_items_in_batch"] == inputs["completion_mask"].sum(), "what DAPO's loss is divided by"
        return loss(self, model, inputs)

    monkeypatch.setattr(GRPOTrainer, "_compute_loss", looking)
    monkeypatch.setattr("trl.trainer.grpo_trainer.shuffle_sequence_dict", lambda batch: batch)
    config = RlConfig(**FAST, loss={"kind": "dapo", "mask_truncated": False}, resampling_rounds=50)
    rl(base, numbered, tmp_path / "out", config)
    assert len(seen) == 3 and all(bool((groups > 0).all()) for groups in seen)


class Server(BaseHTTPRequestHandler):
    """What vLLM's server answers, from a transformers model that it loads when it is told to."""

    model, loads = None, 0

    def log_message(self, *_):
        pass

    def do_GET(self):
        self.reply({"data": [{"id": "policy"}]})

    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if self.path == "/collective_rpc":
            assert body["method"] == "reload_weights"
            type(self).model = AutoModelForCausalLM.from_pretrained(body["kwargs"]["weights_path"])
            type(self).loads += 1
            self.reply({"results": [None]})
        elif self.path == "/reset_prefix_cache":
            self.reply({"success": True})
        else:
            assert self.path == "/v1/completions" and body["return_token_ids"] and body["logprobs"] == 0
            answers = [self.sample(prompt, body) for prompt in body["prompt"] for _ in range(body["n"])]
            choices = [
                {"index": n, "token_ids": ids, "logprobs": {"token_logprobs": logs}}
                for n, (ids, logs) in enumerate(answers)
            ]
            self.reply({"choices": choices[::-1]})

    @torch.no_grad()
    def sample(self, prompt, body):
        ids, logs = [], []
        for _ in range(body["max_tokens"]):
            logits = self.model(input_ids=torch.tensor([prompt + ids])).logits[0, -1]
            probabilities = torch.log_softmax(logits / body["temperature"], -1)
            ids.append(int(torch.multinomial(probabilities.exp(), 1)))
            logs.append(float(probabilities[ids[-1]]))
        return ids, logs

    def reply(self, content):
        text = json.dumps(content).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)


@pytest.fixture
def endpoint():
    Server.model, Server.loads = None, 0
    torch.manual_seed(0)  # what it samples with
    with ThreadingHTTPServer(("127.0.0.1", 0), Server) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def test_a_server_answers_with_the_weights_of_each_step(base, numbered, tmp_path, endpoint):
    config = RlConfig(**FAST, rollout_endpoint=endpoint, temperature=0.8)
    result = rl(base, numbered, tmp_path / "out", config)
    assert Server.loads == 3 and result.metrics["rollouts_by_vllm"] == 1
    history = [entry for entry in result.history if "reward" in entry]
    for entry in history:  # the same weights, the same temperature: the same probabilities
        assert entry["sampling/sampling_logp_difference/max"] < 1e-3
        assert entry["sampling/importance_sampling_ratio/max"] == pytest.approx(1, abs=1e-2)
        assert entry["behaviour/staleness"] == 0 and entry["behaviour/effective_share"] == pytest.approx(1, abs=1e-3)
    assert {path.name for path in tmp_path.iterdir()} == {"out", ".out.lock"}, "weights and logs are gone"


def test_old_weights_are_counted_and_corrected_for(base, numbered, tmp_path, endpoint):
    result = rl(base, numbered, tmp_path / "out", RlConfig(**FAST, rollout_endpoint=endpoint, hand_over_every=2))
    history = [entry for entry in result.history if "reward" in entry]
    assert Server.loads == 2 and [entry["behaviour/staleness"] for entry in history] == [0, 1, 0]
    fresh, old, _ = (entry["behaviour/effective_share"] for entry in history)
    assert fresh == pytest.approx(1, abs=1e-3) and old < 1
    assert history[1]["sampling/sampling_logp_difference/max"] > history[0]["sampling/sampling_logp_difference/max"]


def test_pass_rates_are_measured_before_and_kept(base, numbered, tmp_path, endpoint):
    config = RlConfig(**{**FAST, "steps": 1}, rollout_endpoint=endpoint, difficulty="measured", least_tries=2)
    Server.model = AutoModelForCausalLM.from_pretrained(base)
    result = rl(base, numbered, tmp_path / "out", config)
    rates = pq.read_table(result.path / "pass_rates.parquet").to_pylist()
    assert len(rates) == 30 == result.metrics["pass_rate_known"]
    useful = {row["problem_id"] for row in rates if row["correct"] == 1}
    assert useful and result.metrics["chosen"] == len(useful)
    assert {row["problem_id"] for row in pq.read_table(result.path / "rollouts.parquet").to_pylist()} <= useful


def test_stored_rates_decide_which_problems_are_drawn(base, numbered, tmp_path):
    rates = {p.id: PassRate(p.id, "me", "", 8, 8 if n < 28 else 4) for n, p in enumerate(numbered)}
    result = rl(base, numbered, tmp_path / "out", RlConfig(**{**FAST, "steps": 1}), rates=rates)
    left = {problem.id for problem in numbered[28:]}
    assert {row["problem_id"] for row in pq.read_table(result.path / "rollouts.parquet").to_pylist()} == left
    assert result.metrics["always_solved"] == 28 and result.metrics["chosen"] == 2


def test_who_writes_the_responses(base, monkeypatch, endpoint):
    monkeypatch.setattr(module, "on_gpu", lambda config: True)
    monkeypatch.setattr(module, "_installed", lambda: True)
    assert uses_vllm(RlConfig()) and not uses_vllm(RlConfig(rollouts="transformers"))
    monkeypatch.setattr(module, "world_size", lambda: 2)
    assert not uses_vllm(RlConfig()) and uses_vllm(RlConfig(rollout_endpoint=endpoint))
    with pytest.raises(TrainingError, match="needs a GPU of its own"):
        check_rollouts(RlConfig(rollouts="vllm"), base)
    assert check_rollouts(RlConfig(rollout_endpoint=endpoint + "/v1"), base) == f"vLLM at {endpoint}"
    with pytest.raises(ModelServerError, match="cannot be reached"):
        check_rollouts(RlConfig(rollout_endpoint="http://127.0.0.1:9"), base)
    monkeypatch.setattr(module, "world_size", lambda: 1)
    monkeypatch.setattr(vllm_command, "vllm_python", lambda: "python")
    monkeypatch.setattr(vllm_command, "serves_on_cpu", lambda python: True)
    with pytest.raises(TrainingError, match="keeps a packed copy of the output embedding"):
        check_rollouts(RlConfig(rollouts="vllm"), base)
    monkeypatch.setattr(vllm_command, "serves_on_cpu", lambda python: False)
    assert check_rollouts(RlConfig(rollouts="vllm"), base) == "vLLM of python"
    with pytest.raises(ValueError, match="set rollouts to auto or vllm"):
        RlConfig(rollouts="transformers", rollout_endpoint=endpoint)
    with pytest.raises(TrainingError, match="hand_over_every is for responses by vLLM"):
        check_rollouts(RlConfig(adapter={}, hand_over_every=2), base)


def test_our_own_server_is_started_with_what_rollouts_need(base, tmp_path, monkeypatch):
    """On a GPU: a share of its memory, weights that can be replaced, probabilities at the sampling temperature."""
    started = {}

    class Started:
        endpoint = "http://127.0.0.1:9"

        def __init__(self, checkpoint, name, folder, options):
            started.update(checkpoint=checkpoint, options=options)

        def __enter__(self):
            return self

        def __exit__(self, *_):
            pass

    monkeypatch.setattr(vllm_server, "VllmServer", Started)
    monkeypatch.setattr(module, "on_gpu", lambda config: True)
    monkeypatch.setattr(module, "_installed", lambda: True)
    monkeypatch.setattr(vllm_command, "vllm_python", lambda: "python")
    monkeypatch.setattr(vllm_command, "serves_on_cpu", lambda python: False)
    config = RlConfig(prompts_per_step=8, samples=16, max_length=4096, rollout_memory=0.4, serve={"flags": {"seed": 3}})
    with pytest.raises(ModelServerError), module.rollout_server(config, base, tmp_path / "out"):
        pytest.fail("nobody answers there")
    assert started["checkpoint"] == base
    assert started["options"] == ServerOptions(
        max_model_len=4096, max_num_seqs=128, dtype=None, gpu_memory_share=0.4, development=True,
        start_limit_s=600, extra=("--logprobs-mode", "processed_logprobs", "--seed", "3"),
    )  # fmt: skip
