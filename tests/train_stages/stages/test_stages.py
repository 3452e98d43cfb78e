import copy
import json
import re

import pyarrow as pa
import pytest
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

from storage.errors import CheckpointError, TrainingError
from synth.engines.sampler import Sampler
from tests.train_stages.conftest import chat
from train_stages.config import CptConfig, RlConfig, SftConfig
from train_stages.data.encode import encode_conversations, encode_texts
from train_stages.optimisers.muon_with_adamw import MuonWithAdamW, orthogonalise, split_parameters
from train_stages.process.stage import MANIFEST
from train_stages.promotion.evaluate import EvaluateConfig, evaluate
from train_stages.stages.cpt import cpt
from train_stages.stages.rl import rl
from train_stages.stages.sft import sft

pytestmark = pytest.mark.slow

FAST = {
    "optimiser": "muon",
    "learning_rate": 0.02,
    "batch_tokens": 1024,
    "max_length": 128,
    "device": "cpu",
    "log_every": 2,
}


def weights(path):
    return AutoModelForCausalLM.from_pretrained(path).state_dict()


def test_sft_learns_reports_and_repeats_itself(base, rows, tmp_path):
    seen = []
    config = SftConfig(epochs=6, **FAST)
    result = sft(base, rows, tmp_path / "one", config, progress=lambda *step: seen.append(step))
    assert result.metrics["loss"] < 0.7 * result.metrics["first_loss"]
    assert seen[-1] == ("sft", len(seen), len(seen)) and len(seen) == result.metrics["steps"]
    assert result.tokens == pytest.approx(6 * 120 * 36, rel=0.1) and result.cpu_seconds > 0
    manifest = json.loads((result.path / MANIFEST).read_text())
    assert manifest["stage"] == "sft" and manifest["config"]["epochs"] == 6 and manifest["tokens"] == result.tokens
    names = {path.name for path in result.path.iterdir()}
    assert {"model.safetensors", "tokenizer.json", "chat_template.jinja", "generation_config.json"} <= names
    assert "training_args.bin" not in names and {p.name for p in tmp_path.iterdir()} == {"one", ".one.lock"}

    again = sft(base, rows, tmp_path / "again", config)
    assert all(torch.equal(w, weights(again.path)[name]) for name, w in weights(result.path).items())


def test_cpt_learns_from_documents(base, problems, tmp_path):
    texts = pa.table({"text": [f"{p.prompt}\n{p.solution}" for p in problems]})
    result = cpt(base, texts, tmp_path / "cpt", CptConfig(budget_tokens=16_000, **FAST))
    assert result.metrics["loss"] < 0.8 * result.metrics["first_loss"]
    assert result.tokens == pytest.approx(16_000, rel=0.05)


def test_adamw_with_accumulation_trains_too(base, rows, tmp_path):
    config = SftConfig(budget_tokens=6000, optimiser="adamw", learning_rate=3e-3, batch_tokens=1024,
                       micro_batch_tokens=256, device="cpu", log_every=1)  # fmt: skip
    result = sft(base, rows, tmp_path / "out", config)
    assert result.metrics["loss"] < result.metrics["first_loss"] and result.metrics["steps"] == pytest.approx(6, abs=1)


def test_only_the_assistant_carries_loss(base, problems):
    tokenizer = AutoTokenizer.from_pretrained(base)
    long = [{"role": "user", "content": "Ann " * 200}, {"role": "assistant", "content": "5"}]
    silent = [{"role": "user", "content": "Ann has 5 apples."}]
    encoded = encode_conversations(tokenizer, [chat(problems[0]), long, silent], 128)
    ids, labels = encoded.table["input_ids"].to_pylist()[0], encoded.table["labels"].to_pylist()[0]
    assert tokenizer.decode([t for t in labels if t != -100]) == f"{problems[0].solution}<|end|>"
    assert [t for t, label in zip(ids, labels, strict=True) if label == -100][-1] == tokenizer.convert_tokens_to_ids(
        "<|assistant|>"
    )
    assert (encoded.too_long, encoded.without_loss, encoded.table.num_rows) == (1, 1, 1)


def test_long_documents_are_cut_not_dropped(base):
    tokenizer = AutoTokenizer.from_pretrained(base)
    encoded = encode_texts(tokenizer, ["5 + 3 = 8\n" * 50, "7"], 64)
    assert max(encoded.table["length"].to_pylist()) == 64
    assert encoded.tokens == 50 * 6 + 1 + 2


def test_a_stage_starts_only_where_it_can(base, rows, tmp_path):
    (tmp_path / "taken").mkdir()
    with pytest.raises(TrainingError, match="exists already"):
        sft(base, rows, tmp_path / "taken", SftConfig(**FAST))
    with pytest.raises(CheckpointError, match="nothing-here"):
        sft(tmp_path / "nothing-here", rows, tmp_path / "out", SftConfig(**FAST))
    with pytest.raises(TrainingError, match="no row"):
        sft(base, rows.slice(0, 0), tmp_path / "out", SftConfig(**FAST))


def test_rl_runs_on_policy_and_saves(base, problems, tmp_path):
    config = RlConfig(
        steps=2, prompts_per_step=2, samples=4, max_tokens=8, learning_rate=1e-3, device="cpu", log_every=1
    )
    seen = []
    result = rl(base, problems[:8], tmp_path / "rl", config, progress=lambda *step: seen.append(step))
    assert seen == [("rl", 1, 2), ("rl", 2, 2)] and result.metrics["steps"] == 2
    assert all("reward" in entry for entry in result.history[:2])
    assert {"first_reward", "reward"} <= set(result.metrics) and result.tokens > 2 * 8 * 20
    assert {"rewards/answer/mean", "rewards/format/mean", "sampling/pool"} <= set(result.history[0])
    with pytest.raises(TrainingError, match="no problems"):
        rl(base, [], tmp_path / "none", config)


def test_evaluation_keeps_every_response(base, problems):
    config = EvaluateConfig(samples=2, max_tokens=8, device="cpu", batch_rows=7)
    evaluation = evaluate(base, problems[:10], config, seed=1)
    assert evaluation.rows.num_rows == 10 + 20
    assert set(evaluation.rows["mode"].to_pylist()) == {"greedy", "sampled"}
    (score,) = evaluation.scores
    assert (score.task, score.tier, score.problems, score.samples) == ("arithmetic", 1, 10, 2)
    # What a problem's samples draw does not depend on the other problems.
    fewer = evaluate(base, problems[5:10], config, seed=1)
    key = ("problem_id", "mode", "sample_number", "response")
    everything = set(zip(*(evaluation.rows[name].to_pylist() for name in key), strict=True))
    assert set(zip(*(fewer.rows[name].to_pylist() for name in key), strict=True)) <= everything
    with pytest.raises(TrainingError, match="only once"):
        evaluate(base, [problems[0], problems[0]], config)


def test_sampler_answers_per_item(base, problems):
    sampler = Sampler(base, device="cpu", batch_rows=3)
    chats = [[{"role": "user", "content": text}] for text in ("Ann has 5.", "Ann " * 300, problems[0].prompt)]
    short, long, other = sampler.generate(chats, temperature=0.0, max_tokens=5)
    assert long.finish_reason == "error" and re.match(r"prompt_too_long: \d+ tokens", long.error)
    assert short.prompt_tokens < other.prompt_tokens and short.completion_tokens <= 5
    model, tokenizer = sampler.model, sampler.tokenizer
    inputs = tokenizer.apply_chat_template(
        [chats[2]], add_generation_prompt=True, return_tensors="pt", return_dict=True
    )
    expected = model.generate(**inputs, max_new_tokens=5, do_sample=False)[0, inputs["input_ids"].shape[1] :]
    assert other.text == tokenizer.decode(expected, skip_special_tokens=True)
    narrow = sampler.generate(chats[2:], temperature=1.0, top_p=1e-6, max_tokens=5, seed=3)[0]
    assert narrow.text == other.text
    cut = sampler.generate(chats[2:], temperature=0.0, max_tokens=5, stop=[other.text[1:3]])[0]
    assert cut.text == other.text[: other.text.find(other.text[1:3])] and cut.finish_reason == "stop"


def test_sampler_goes_on_with_an_assistants_turn(base):
    sampler = Sampler(base, device="cpu")
    chat = [{"role": "user", "content": "Ann has 5."}, {"role": "assistant", "content": "5 + 3 = 8\n"}]
    begun = sampler.tokenizer("<|user|>Ann has 5.<|assistant|>5 + 3 = 8\n", add_special_tokens=False)["input_ids"]
    continued = sampler.generate([chat], temperature=0.0, max_tokens=3)[0]
    assert continued.prompt_tokens == len(begun)
    with torch.no_grad():
        best = int(sampler.model(input_ids=torch.tensor([begun])).logits[0, -1].argmax())
    first = sampler.generate([chat], temperature=0.0, max_tokens=1)[0]
    assert first.text == sampler.tokenizer.decode([best], skip_special_tokens=True)


def test_sampler_draws_from_the_distribution(base):
    sampler = Sampler(base, device="cpu")
    chat = [{"role": "user", "content": "Ann has 5."}]
    ids = sampler.tokenizer.apply_chat_template(chat, add_generation_prompt=True, return_tensors="pt", return_dict=True)
    with torch.no_grad():
        share = torch.softmax(
            sampler.model(**ids).logits[0, -1] * 10, -1
        )  # temperature 0.1: an untrained model is flat
    drawn = sampler.generate([chat] * 2000, temperature=0.1, max_tokens=1, seed=0)
    best = int(share.argmax())
    frequency = sum(g.text == sampler.tokenizer.decode([best], skip_special_tokens=True) for g in drawn) / 2000
    assert frequency == pytest.approx(float(share[best]), abs=0.04)


def test_muon_makes_updates_orthogonal():
    matrices = torch.randn(4, 24, 40, generator=torch.Generator().manual_seed(0))
    for stack in (matrices, matrices.mT):
        singular = torch.linalg.svdvals(orthogonalise(stack))
        assert singular.min() > 0.3 and singular.max() < 1.3


def test_optimiser_splits_saves_and_loads(base):
    def model():
        return AutoModelForCausalLM.from_pretrained(base)

    def step(model, optimiser):
        model(input_ids=torch.arange(10)[None], labels=torch.arange(10)[None]).loss.backward()
        optimiser.step()
        optimiser.zero_grad()

    trained = model()
    matrices, rest = split_parameters(trained)
    assert len(matrices) == 7 and len(rest) == 1 + 2 + 1  # q k v o gate up down; tied embedding, two norms, last norm
    first = MuonWithAdamW(trained)
    step(trained, first)
    loaded = model()
    loaded.load_state_dict(trained.state_dict())
    second = MuonWithAdamW(loaded)
    second.load_state_dict(copy.deepcopy(first.state_dict()))
    step(trained, first)
    step(loaded, second)
    assert all(torch.equal(w, loaded.state_dict()[name]) for name, w in trained.state_dict().items())
