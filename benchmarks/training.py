"""Supervised fine-tuning of the tiny model on a CPU: our stage, and TRL's SFTTrainer with its best settings, in one run.

    python benchmarks/training.py [--json] [--rounds 3] [--model FOLDER] [--only sft|lora|killed]

`sft_vs_trl_best`: our tokens per CPU second / those of the better of two ways to use TRL, batches by length and padding-free
best-fit packing; above 1 is faster. Both train the same model on the same tokens, precision, optimiser (AdamW) and tokens
in a step, on one thread; loading and tokenising are not counted, states that we write to be resumed from are. Ours goes
through the same SFTTrainer, on planned micro-batches: there is no training loop of our own, so about 1 is what to expect.

`lora_vs_trl`: the same of a low-rank adapter on real weights (`--model` or $NIGHTSCHOOL_REAL_MODEL, a Hugging Face folder of an
instruct model; without it left out): our tokens per CPU second / those of plain TRL with PEFT, same settings, one row at a time.

`killed_same_adapter`: a training of such an adapter that was killed with SIGKILL and started again ends with the very bytes of one
that was not.

Not covered: a GPU, reinforcement learning. The result goes to `benchmarks/results/training.json`.
"""

import argparse
import hashlib
import json
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.shared.results import circumstances, keep, last

ROOT = Path(__file__).resolve().parents[1]
BATCH, LENGTH, EPOCHS = 1024, 256, 2
LORA_ROWS, LORA_BATCH, RANK = 8, 4, 16
"""Rows of an adapter's training, rows in a step, and the adapter's rank."""


def ours(base: Path, rows: Any, folder: Path) -> float:
    from train_stages.config import SftConfig
    from train_stages.stages.sft import sft

    config = SftConfig(epochs=EPOCHS, batch_tokens=BATCH, max_length=LENGTH, learning_rate=1e-3, device="cpu")
    trained = sft(base, rows, folder / "ours", config)
    return trained.tokens / trained.cpu_seconds


def trl(base: Path, rows: Any, folder: Path, *, packing: bool) -> float:
    from transformers import AutoModelForCausalLM, AutoTokenizer
    from transformers.trainer_callback import PrinterCallback
    from trl import SFTConfig, SFTTrainer

    from train_stages.data.encode import encode_conversations, to_dataset

    tokenizer = AutoTokenizer.from_pretrained(base)
    encoded = encode_conversations(tokenizer, rows["messages"].to_pylist(), LENGTH)
    mean = encoded.tokens / encoded.table.num_rows
    data = to_dataset(encoded.table)
    arguments = SFTConfig(
        output_dir=str(folder), num_train_epochs=EPOCHS, learning_rate=1e-3, max_length=LENGTH, packing=packing,
        per_device_train_batch_size=BATCH // LENGTH if packing else round(BATCH / mean),
        train_sampling_strategy="random" if packing else "group_by_length",
        dataset_kwargs=None if packing else {"skip_prepare_dataset": True},
        bf16=False, use_cpu=True, gradient_checkpointing=False, dataloader_pin_memory=False, save_strategy="no",
        logging_steps=10, report_to="none", disable_tqdm=True,
    )  # fmt: skip
    trainer = SFTTrainer(
        model=AutoModelForCausalLM.from_pretrained(base), args=arguments, train_dataset=data, processing_class=tokenizer
    )
    trainer.remove_callback(PrinterCallback)
    started = time.process_time()
    trainer.train()
    return encoded.tokens * EPOCHS / (time.process_time() - started)


def lora_ours(base: Path, rows: Any, folder: Path) -> float:
    from train_stages.config import SftConfig
    from train_stages.stages.sft import sft

    mean = round(sum(map(len, encoded(base, rows))) / rows.num_rows)
    config = SftConfig(
        batch_tokens=LORA_BATCH * mean, micro_batch_tokens=mean, max_length=LENGTH, learning_rate=1e-4, device="cpu",
        adapter={"r": RANK}, threads=1, save_every=1000,
    )  # fmt: skip
    trained = sft(base, rows, folder / "ours", config)
    return trained.tokens / trained.cpu_seconds


def lora_trl(base: Path, rows: Any, folder: Path) -> float:
    import torch
    from peft import LoraConfig
    from transformers import AutoModelForCausalLM, AutoTokenizer
    from transformers.trainer_callback import PrinterCallback
    from trl import SFTConfig, SFTTrainer

    from train_stages.data.encode import encode_conversations, to_dataset

    tokenizer = AutoTokenizer.from_pretrained(base)
    made = encode_conversations(tokenizer, rows["messages"].to_pylist(), LENGTH)
    arguments = SFTConfig(
        output_dir=str(folder), num_train_epochs=1, learning_rate=1e-4, max_length=LENGTH,
        per_device_train_batch_size=1, gradient_accumulation_steps=LORA_BATCH,
        dataset_kwargs={"skip_prepare_dataset": True}, bf16=False, use_cpu=True, gradient_checkpointing=False,
        dataloader_pin_memory=False, save_strategy="no", logging_steps=10, report_to="none", disable_tqdm=True,
    )  # fmt: skip
    adapter = LoraConfig(
        r=RANK, lora_alpha=32, target_modules="all-linear", lora_dropout=0.0, bias="none", task_type="CAUSAL_LM"
    )
    trainer = SFTTrainer(
        model=AutoModelForCausalLM.from_pretrained(base, dtype=torch.float32), args=arguments,
        train_dataset=to_dataset(made.table), processing_class=tokenizer, peft_config=adapter,
    )  # fmt: skip
    trainer.remove_callback(PrinterCallback)
    started = time.process_time()
    trainer.train()
    return made.tokens / (time.process_time() - started)


def encoded(base: Path, rows: Any) -> list[list[int]]:
    from transformers import AutoTokenizer

    from train_stages.data.encode import encode_conversations

    made = encode_conversations(AutoTokenizer.from_pretrained(base), rows["messages"].to_pylist(), LENGTH)
    return list(made.table["input_ids"].to_pylist())


def lora_rows() -> Any:
    """Chats, three sums in each."""
    import pyarrow as pa

    from synth.problems.arithmetic import Arithmetic

    problems = Arithmetic([2]).draw(LORA_ROWS * 3, seed=2)
    chats = []
    for at in range(0, len(problems), 3):
        part = problems[at : at + 3]
        answer = "\n".join(str(problem.solution) for problem in part)
        chats.append(
            [
                {"role": "user", "content": " ".join(problem.prompt for problem in part)},
                {"role": "assistant", "content": answer},
            ]
        )
    return pa.table({"messages": chats})


def lora(model: Path, rounds: int) -> dict[str, Any]:
    """The adapter's part, both in turn, the first of each round by turns too."""
    import torch

    torch.set_num_threads(1)
    rows = lora_rows()
    measured: dict[str, list[float]] = {"ours": [], "trl": []}
    arms = [("ours", lora_ours), ("trl", lora_trl)]
    with tempfile.TemporaryDirectory() as temporary:
        for number in range(rounds):
            for name, arm in arms if number % 2 else reversed(arms):
                here = Path(temporary) / f"{number}-{name}"
                here.mkdir()
                measured[name].append(arm(model, rows, here))
                print(
                    f"lora round {number + 1} {name}: {measured[name][-1]:.1f} tokens per CPU second", file=sys.stderr
                )
    middle = {name: statistics.median(values) for name, values in measured.items()}
    return {
        "lora_vs_trl": round(middle["ours"] / middle["trl"], 3),
        "lora_model": model.resolve().name,
        "lora_tokens_per_cpu_second": {name: round(value, 1) for name, value in middle.items()},
        "lora_rounds": {name: [round(value, 1) for value in values] for name, values in measured.items()},
        "lora_tokens": sum(map(len, encoded(model, rows))),
        "lora_measured": circumstances(),
    }


def killed(model: Path) -> dict[str, Any]:
    """Train an adapter for four steps, whole, and killed by SIGKILL when it has kept a state; compare the adapters."""
    import pyarrow.parquet as pq

    rows = lora_rows()
    mean = round(sum(map(len, encoded(model, rows))) / rows.num_rows)
    options = {
        "epochs": 2, "batch_tokens": LORA_BATCH * mean, "micro_batch_tokens": mean, "max_length": LENGTH, "learning_rate": 1e-4,
        "device": "cpu", "adapter": {"r": RANK}, "threads": 1, "save_every": 1,
    }  # fmt: skip
    digests, metrics = {}, {}
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        pq.write_table(rows, folder / "rows.parquet")
        for name in ("whole", "killed"):
            job = folder / f"{name}.json"
            job.write_text(
                json.dumps({"parent": str(model.resolve()), "rows": "rows.parquet", "out": name, "options": options})
            )
            command = [sys.executable, "-m", "train_stages.stages.sft", "--config", str(job)]
            if name == "killed":
                process = subprocess.Popen(command, cwd=ROOT)
                while process.poll() is None and not list(folder.glob(".killed.partial/trainer/*/sealed.json")):
                    time.sleep(0.1)
                process.kill()
                if process.wait() != -signal.SIGKILL:
                    raise SystemExit(f"it was to be killed in the middle, and ended with {process.returncode}")
            subprocess.run(command, cwd=ROOT, check=True)
            digests[name] = hashlib.sha256((folder / name / "adapter_model.safetensors").read_bytes()).hexdigest()
            metrics[name] = json.loads((folder / name / "training.json").read_text())["metrics"]
    return {
        "killed_same_adapter": digests["whole"] == digests["killed"],
        "killed": {
            "model": model.resolve().name, "sha256": digests, "steps": metrics["whole"]["steps"],
            "resumed_at_step": metrics["killed"]["resumed_at_step"], **circumstances(),
        },
    }  # fmt: skip


def measure(rounds: int) -> dict[str, Any]:
    import pyarrow as pa
    import torch

    from synth.problems.arithmetic import Arithmetic
    from train_stages.models.tiny import create_base

    torch.set_num_threads(1)
    problems = Arithmetic([1]).draw(1000, seed=1)
    chats = [
        [{"role": "user", "content": problem.prompt}, {"role": "assistant", "content": str(problem.solution)}]
        for problem in problems
    ]
    rows = pa.table({"messages": chats})
    measured: dict[str, list[float]] = {"ours": [], "trl_by_length": [], "trl_packed": []}
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        base = create_base(folder / "base", (f"{problem.prompt}\n{problem.solution}" for problem in problems))
        for number in range(rounds):
            here = folder / str(number)
            here.mkdir()
            measured["ours"].append(ours(base, rows, here))
            measured["trl_by_length"].append(trl(base, rows, here / "a", packing=False))
            measured["trl_packed"].append(trl(base, rows, here / "b", packing=True))
    middle = {name: statistics.median(values) for name, values in measured.items()}
    best = max(middle["trl_by_length"], middle["trl_packed"])
    return {
        "sft_vs_trl_best": round(middle["ours"] / best, 3),
        "tokens_per_cpu_second": {name: round(value) for name, value in middle.items()},
        "rounds": {name: [round(value) for value in values] for name, values in measured.items()},
        "toy": True,
        "threads": 1,
        **circumstances(),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--model", default=os.environ.get("NIGHTSCHOOL_REAL_MODEL"))
    parser.add_argument(
        "--only", choices=["sft", "lora", "killed"], help="one part; the others keep their last figures"
    )
    options = parser.parse_args()
    result = last("training")
    if options.only in (None, "sft"):
        result |= measure(options.rounds)
    if options.only in (None, "lora") and options.model:
        result |= lora(Path(options.model), options.rounds)
    if options.only in (None, "killed") and options.model:
        result |= killed(Path(options.model))
    keep("training", result)
    print(json.dumps(result, indent=None if options.json else 1))


if __name__ == "__main__":
    main()
