"""Supervised fine-tuning of the tiny model on a CPU: our stage, and TRL's SFTTrainer with its best settings, in one run.

    python benchmarks/training.py [--json] [--rounds 3]

`sft_vs_trl_best`: our tokens per CPU second / those of the better of two ways to use TRL, batches by length and padding-free
best-fit packing; above 1 is faster. Both train the same model on the same tokens, precision, optimiser (AdamW) and tokens
in a step, on one thread; loading and tokenising are not counted, states that we write to be resumed from are. Ours goes
through the same SFTTrainer, on planned micro-batches: there is no training loop of our own, so about 1 is what to expect.

Not covered: a GPU, reinforcement learning. The result goes to `benchmarks/results/training.json`.
"""

import argparse
import json
import os
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.shared.results import circumstances, keep

BATCH, LENGTH, EPOCHS = 1024, 256, 2


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
    options = parser.parse_args()
    result = measure(options.rounds)
    keep("training", result)
    print(json.dumps(result, indent=None if options.json else 1))


if __name__ == "__main__":
    main()
