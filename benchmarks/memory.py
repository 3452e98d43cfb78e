"""The preflight's estimate of memory against the peak of a training, on a CPU, for models of three sizes.

    python benchmarks/memory.py [--json] [--model FOLDER]

Each is a training of a few steps in a process of its own, on one thread: all weights, an adapter on the largest, a verifier on the
smallest, a loss that needs all logits on the middle one, and an adapter on real weights (`--model` or $NIGHTSCHOOL_REAL_MODEL,
without it left out). Measured is the peak of the resident memory (VmHWM) less what the
process held before it loaded the model; the estimate is that of the stage's own check. `memory_estimate_error` is the largest
share by which an estimate is off, above or below; `errors` has each, positive where it promises too much.

Not covered: a GPU.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.shared.results import circumstances, keep

SIZES = {
    "10M": {"width": 256, "layers": 6, "heads": 4, "ffn": 1024},
    "40M": {"width": 512, "layers": 10, "heads": 8, "ffn": 1536},
    "100M": {"width": 768, "layers": 12, "heads": 12, "ffn": 2048},
}
VOCABULARY = 16_000
TOKENS = 512
OPTIONS = {"device": "cpu", "max_length": 256, "batch_tokens": TOKENS, "save_every": 1000}
CASES: dict[str, tuple[str, str, dict[str, Any]]] = {
    "10M": ("10M", "sft", {}),
    "40M": ("40M", "sft", {}),
    "100M": ("100M", "sft", {}),
    "100M adapter": ("100M", "sft", {"adapter": {"r": 16}}),
    "10M verifier": ("10M", "verifier", {"heldout": 0.3}),
    "40M all logits": ("40M", "sft", {"loss": "row_mean"}),
}


def model(folder: Path, size: dict[str, int]) -> Path:
    """An untrained model of a size, with the tokenizer of the tiny one and a larger vocabulary."""
    from transformers import AutoTokenizer, LlamaConfig, LlamaForCausalLM

    from synth.problems.arithmetic import Arithmetic
    from train_stages.models.tiny import TinyConfig, create_base

    texts = [f"{problem.prompt}\n{problem.solution}" for problem in Arithmetic([1]).draw(50, seed=1)]
    small = create_base(folder / "small", texts, config=TinyConfig(width=32, layers=1, heads=1, ffn=32))
    tokenizer = AutoTokenizer.from_pretrained(small)
    config = LlamaConfig(
        vocab_size=VOCABULARY, hidden_size=size["width"], intermediate_size=size["ffn"], num_hidden_layers=size["layers"],
        num_attention_heads=size["heads"], num_key_value_heads=size["heads"], max_position_embeddings=512,
        tie_word_embeddings=True, bos_token_id=None, eos_token_id=tokenizer.eos_token_id, pad_token_id=tokenizer.pad_token_id,
    )  # fmt: skip
    LlamaForCausalLM(config).save_pretrained(folder / "model")
    tokenizer.save_pretrained(folder / "model")
    return folder / "model"


def rows(stage: str) -> Any:
    import pyarrow as pa

    from synth.problems.arithmetic import Arithmetic
    from train_stages.verifying.injected import injected_rows

    problems = Arithmetic([1]).draw(20, seed=1)
    if stage == "verifier":
        return pa.Table.from_pylist(injected_rows(problems, "answer"))
    turns = [part for problem in problems for part in (problem.prompt, problem.solution)] * 2
    chats = [
        [
            {"role": "user", "content": turns[start]},
            {"role": "assistant", "content": " ".join(turns[start : start + 8])},
        ]
        for start in range(0, 28, 2)
    ]
    return pa.table({"messages": chats})


def resident(name: str) -> int:
    """A line of the process's status in bytes: VmRSS, VmHWM."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(name):
            return int(line.split()[1]) * 1024
    raise RuntimeError(f"no {name}")


def one(job_file: Path, stage_name: str) -> None:
    """In a process of its own: check, train, and print the estimate and the peak in bytes."""
    import peft  # noqa: F401 - what libraries take is no part of the training
    import torch
    import trl  # noqa: F401
    from transformers import AutoModelForCausalLM, Trainer  # noqa: F401
    from trl import SFTTrainer  # noqa: F401

    from train_stages.process.job import read_job
    from train_stages.stages import get_stage

    torch.set_num_threads(1)
    stage, job = get_stage(stage_name), read_job(job_file)
    estimate = stage.check(job)["needs_gib"] * 2**30
    before = resident("VmRSS")
    Path("/proc/self/clear_refs").write_text("5")  # the peak begins anew
    stage.run(job, lambda *_: None)
    print(json.dumps({"estimate": estimate, "peak": resident("VmHWM") - before}))


def measure(real: Path | None) -> dict[str, Any]:
    import pyarrow.parquet as pq

    cases: dict[str, dict[str, float]] = {}
    with tempfile.TemporaryDirectory() as temporary:
        folders = {name: model(Path(temporary) / name, size) for name, size in SIZES.items()}
        wanted = dict(CASES)
        if real is not None:
            folders["real"] = real.resolve()
            wanted["real adapter"] = ("real", "sft", {"adapter": {"r": 16}})
        for name, (size, stage, options) in wanted.items():
            pq.write_table(rows(stage), Path(temporary) / "rows.parquet")
            job = Path(temporary) / "job.json"
            content: dict[str, Any] = {
                "parent": str(folders[size]),
                "rows": "rows.parquet",
                "out": "trained-" + name.replace(" ", "-"),
                "options": {**OPTIONS, **options},
            }
            job.write_text(json.dumps(content))
            command = [sys.executable, __file__, "--one", str(job), stage]
            done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
            cases[name] = json.loads(done.stdout.splitlines()[-1])
            print(name, done.stdout.splitlines()[-1], file=sys.stderr, flush=True)
    errors = {name: round(case["estimate"] / case["peak"] - 1, 3) for name, case in cases.items()}
    return {
        "memory_estimate_error": max(abs(error) for error in errors.values()),
        "errors": errors,
        "peak_mib": {name: round(case["peak"] / 2**20) for name, case in cases.items()},
        "estimate_mib": {name: round(case["estimate"] / 2**20) for name, case in cases.items()},
        "tokens_at_once": TOKENS,
        "vocabulary": VOCABULARY,
        "real_model": real.resolve().name if real else None,
        **circumstances(),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--model", default=os.environ.get("NIGHTSCHOOL_REAL_MODEL"))
    parser.add_argument("--one", nargs=2, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one:
        one(Path(options.one[0]), options.one[1])
        return
    result = measure(Path(options.model) if options.model else None)
    keep("memory", result)
    print(json.dumps(result, indent=None if options.json else 1))


if __name__ == "__main__":
    main()
