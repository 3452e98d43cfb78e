"""What carries loss, and that packed rows neither see each other nor weigh differently."""

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer
from trl.trainer.sft_trainer import DataCollatorForLanguageModeling

from storage.errors import TrainingError
from tests.train_stages.conftest import chat
from train_stages.config import CptConfig, SftConfig
from train_stages.data.encode import encode_conversations, encode_labels, show_loss
from train_stages.masks.steps import step_spans
from train_stages.stages.cpt import cpt
from train_stages.stages.sft import encode, sft

STILL = {"learning_rate": 1e-12, "max_length": 128, "device": "cpu", "log_every": 1, "max_grad_norm": 0}


def losses(result):
    return [entry["loss"] for entry in result.history if "loss" in entry]


def by_hand(model, encoded, rows):
    """Cross entropy over the labelled tokens of some rows, each row alone, from log probabilities."""
    total = count = 0.0
    for row in rows:
        ids, labels = encoded.table["input_ids"][row].as_py(), encoded.table["labels"][row].as_py()
        with torch.no_grad():
            logs = torch.log_softmax(model(input_ids=torch.tensor([ids])).logits[0], -1)
        row_losses = [-float(logs[at - 1, labels[at]]) for at in range(1, len(ids)) if labels[at] != -100]
        total, count = total + sum(row_losses), count + len(row_losses)
    return total / count


@pytest.fixture(scope="module")
def encoded(base, problems):
    return encode_conversations(AutoTokenizer.from_pretrained(base), [chat(p) for p in problems[:12]], 128)


def test_packed_rows_do_not_see_each_other(base, encoded):
    model = AutoModelForCausalLM.from_pretrained(base)
    lengths = encoded.lengths[:4]
    rows = [{name: encoded.table[name][row].as_py() for name in ("input_ids", "labels")} for row in range(4)]
    batch = DataCollatorForLanguageModeling(pad_token_id=0, padding_free=True)(rows)
    ids = {"input_ids": batch["input_ids"]}
    with torch.no_grad():
        packed = model(**ids, position_ids=batch["position_ids"], use_cache=False).logits[0].split(lengths)
        alone = [model(input_ids=torch.tensor([row["input_ids"]])).logits[0] for row in rows]
        plain = model(**ids, use_cache=False).logits[0].split(lengths)
    assert all(torch.allclose(logits, own, atol=1e-5) for logits, own in zip(packed, alone, strict=True))
    assert not torch.allclose(plain[1], alone[1], atol=1e-2), "without position ids they would"


@pytest.mark.parametrize(
    "options", [{"packing": True}, {"packing": False}, {"packing": False, "micro_batch_tokens": 64}]
)
def test_the_loss_is_the_mean_over_labelled_tokens_packed_or_not(base, rows, encoded, tmp_path, options):
    config = SftConfig(batch_tokens=sum(encoded.lengths), **options, **STILL)
    result = sft(base, rows.slice(0, 12), tmp_path / "out", config)
    model = AutoModelForCausalLM.from_pretrained(base)
    packs = pq.read_table(result.path / "order.parquet").to_pylist()
    assert sorted(entry["row"] for entry in packs) == sorted(rows["id"].to_pylist()[:12])
    where = {name: number for number, name in enumerate(rows["id"].to_pylist())}
    for step, loss in enumerate(losses(result), 1):
        seen = [where[entry["row"]] for entry in packs if entry["step"] == step]
        assert loss == pytest.approx(by_hand(model, encoded, seen), rel=1e-4)
    if options["packing"]:
        assert result.metrics["fill"] > 0.7 and max(entry["micro_batch"] for entry in packs) < 6


def test_wrapped_documents_fill_every_place(base, problems, tmp_path):
    texts = pa.table(
        {"text": [f"{p.prompt}\n{p.solution}" for p in problems[:12]], "id": [p.id for p in problems[:12]]}
    )
    result = cpt(base, texts, tmp_path / "cpt", CptConfig(packing="wrapped", batch_tokens=256, **STILL))
    assert result.metrics["rows"] == pytest.approx(result.tokens / 128, abs=1)
    assert set(pq.read_table(result.path / "order.parquet")["row"].to_pylist()) == set(texts["id"].to_pylist())
    options = {**STILL, "packing": "wrapped", "batch_tokens": 256, "budget_tokens": 150}
    few = cpt(base, texts, tmp_path / "few", CptConfig(**{k: v for k, v in options.items() if k != "epochs"}))
    visited = set(pq.read_table(few.path / "order.parquet")["row"].to_pylist())
    assert 1 <= len(visited) < 8 and visited < set(texts["id"].to_pylist()), "only what lies in a sequence was read"


def test_only_right_steps_carry_loss(base):
    tokenizer = AutoTokenizer.from_pretrained(base)
    steps, labels = ["5 + 3 = 8", "8 - 2 = 5", "5 + 1 = 6"], [True, False, True]
    attempt = "\n".join([*steps, "#### 6"])
    spans = step_spans(attempt, steps, labels)
    assert [attempt[start:end] for start, end in spans] == ["5 + 3 = 8\n", "5 + 1 = 6\n"]
    messages = [{"role": "user", "content": "Ann has 5."}, {"role": "assistant", "content": attempt}]
    encoded = encode_conversations(tokenizer, [messages, messages], 128, [spans, None])
    assert show_loss(tokenizer, encoded) == (
        "<|user|>Ann has 5.<|assistant|>>>5 + 3 = 8\n<<8 - 2 = 5\n>>5 + 1 = 6\n<<#### 6<|end|>"
    )
    assert show_loss(tokenizer, encoded, 1).endswith(f">>{attempt}<|end|><<")


def test_ready_labels_are_taken_as_they_are(base, tmp_path):
    encoded = encode_labels([([5, 6, 7], [-100, 6, -100]), ([5, 6], [5, -100])], 16)
    assert encoded.table["labels"].to_pylist() == [[-100, 6, -100]] and encoded.without_loss == 1, (
        "nothing predicts a first token"
    )
    with pytest.raises(TrainingError, match="3 input_ids and 2 labels"):
        encode_labels([([5, 6, 7], [5, 6])], 16)
    rows = pa.table({"input_ids": [[300, 301, 302, 303]] * 4, "labels": [[-100, -100, 302, -100]] * 4})
    result = sft(base, rows, tmp_path / "out", SftConfig(batch_tokens=64, **STILL))
    with torch.no_grad():
        logits = AutoModelForCausalLM.from_pretrained(base)(input_ids=torch.tensor([[300, 301, 302, 303]])).logits
    assert losses(result)[0] == pytest.approx(-float(torch.log_softmax(logits[0, 1], -1)[302]), rel=1e-4)


def test_of_prompt_and_completion_only_the_completion_carries_loss(base):
    tokenizer = AutoTokenizer.from_pretrained(base)
    before = [{"role": "user", "content": "Ann has 5."}, {"role": "assistant", "content": "yes"},
              {"role": "user", "content": "And Ben?"}]  # fmt: skip
    answer = [{"role": "assistant", "content": "Ben has 3."}]
    chat = encode(tokenizer, pa.table({"prompt": [before], "completion": [answer]}), SftConfig())
    assert show_loss(tokenizer, chat).endswith("<|user|>And Ben?<|assistant|>>>Ben has 3.<|end|><<")
    assert show_loss(tokenizer, chat).count(">>") == 1, "what the assistant said in the prompt is given"
    both = encode(tokenizer, pa.table({"messages": [before + answer]}), SftConfig())
    assert show_loss(tokenizer, both).count(">>") == 2
    plain = encode(tokenizer, pa.table({"prompt": ["Ann has 5."], "completion": ["yes"]}), SftConfig())
    assert show_loss(tokenizer, plain) == "<|user|>Ann has 5.<|assistant|>>>yes<|end|><<"
