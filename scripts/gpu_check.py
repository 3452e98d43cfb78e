"""What this project does on a GPU, tried in a few minutes on models made on the spot: `make gpu-check PYTHON=python3`.

Any Python that has torch will do; a line says what it lacks. Each case is a process of its own with a limit, so that one that hangs
or dies costs its own line alone:

    sft          two passes of fine-tuning, weights in bfloat16
    lora, qlora  the same through an adapter, the second with the frozen weights in 4 bits (bitsandbytes)
    grpo         two steps of GRPO whose responses a vLLM on the same card writes

The table has the peak of torch's memory beside the estimate that training is checked by. Without a GPU nothing is run, and the exit
status is 0; `--rehearse` runs what a CPU can, to try this program itself.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from importlib.util import find_spec
from pathlib import Path
from typing import Any

CHECKOUT = Path(__file__).resolve().parent.parent
LIMIT_S = 480.0
REHEARSAL_S = 3600.0
NEEDED = (
    "torch", "transformers", "trl", "peft", "accelerate", "datasets", "pydantic", "pyarrow", "numpy", "duckdb", "yaml", "filelock",
    "psutil",
)  # fmt: skip
CASES: dict[str, tuple[str, ...]] = {"sft": (), "lora": (), "qlora": ("bitsandbytes",), "grpo": ("vllm",)}
"""Cases, and what each needs beside `NEEDED`."""
REHEARSED = ("sft", "lora")


def run_case(name: str, folder: Path, device: str) -> dict[str, Any]:
    """Run one case in this process, and return its figures."""
    sys.path.insert(0, str(CHECKOUT))
    import pyarrow as pa
    import torch

    from synth.problems.arithmetic import Arithmetic
    from train_stages.config import RlConfig, SftConfig
    from train_stages.models.tiny import TinyConfig, create_base
    from train_stages.process.preflight import memory
    from train_stages.stages.rl import rl
    from train_stages.stages.sft import sft

    problems = Arithmetic([1]).draw(200, seed=1)
    shape = TinyConfig(width=128, layers=2, heads=4, ffn=256, context=256)
    base = create_base(folder / "base", (f"{p.prompt}\n{p.solution}" for p in problems), config=shape)
    shared: dict[str, Any] = {"device": device, "max_length": 256, "log_every": 1, "weights": "bfloat16"}
    if name == "grpo":
        config: Any = RlConfig(
            steps=2, prompts_per_step=4, samples=4, max_tokens=32, rollouts="vllm", rollout_memory=0.3, **shared
        )
        made = rl(base, problems[:16], folder / "out", config)
    else:
        adapter = {"sft": None, "lora": {"r": 8}, "qlora": {"r": 8, "quantise": "nf4"}}[name]
        config = SftConfig(epochs=2, batch_tokens=2048, learning_rate=1e-3, adapter=adapter, **shared)
        chats = [
            [{"role": "user", "content": p.prompt}, {"role": "assistant", "content": p.solution}] for p in problems
        ]
        made = sft(base, pa.table({"messages": chats}), folder / "out", config)
        if not made.metrics["loss"] < made.metrics["first_loss"]:
            raise SystemExit(
                f"the loss did not fall: {made.metrics['first_loss']:.3f}, then {made.metrics['loss']:.3f}"
            )
    peak = torch.cuda.max_memory_allocated() if device == "cuda" else 0
    return {"steps": made.metrics["steps"], "loss": made.metrics.get("loss"), "peak_mib": round(peak / 2**20),
            "estimate_mib": round(memory(base, config)["needs_gib"] * 1024)}  # fmt: skip


def tried(name: str, device: str, limit_s: float) -> str:
    """Run a case in a process of its own, and say in a line how it went."""
    missing = [package for package in CASES[name] if find_spec(package) is None]
    if name == "grpo" and missing and (CHECKOUT / ".venv-vllm").exists():
        missing = []
    if missing:
        return f"not run: {', '.join(missing)} is not installed"
    if limit_s < 30:
        return "not run: no time was left"
    environment = dict(os.environ)
    if name == "grpo" and find_spec("vllm") is not None:
        environment.setdefault("NIGHTSCHOOL_VLLM_PYTHON", sys.executable)
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, __file__, "--case", name, folder, device]
        try:
            done = subprocess.run(command, capture_output=True, text=True, timeout=limit_s, env=environment)  # noqa: S603
        except subprocess.TimeoutExpired:
            return f"FAILED: not through after {limit_s:.0f} s"
    seconds = time.monotonic() - began
    if done.returncode:
        last = (done.stderr.strip().splitlines() or ["it said nothing"])[-1]
        return f"FAILED after {seconds:.0f} s: {last[:200]}"
    figures = json.loads(done.stdout.strip().splitlines()[-1])
    loss = "" if figures["loss"] is None else f", loss {figures['loss']:.3f}"
    memory = f"peak {figures['peak_mib']} MiB (estimate {figures['estimate_mib']})"
    return f"ok in {seconds:.0f} s: {figures['steps']:.0f} steps{loss}, {memory}"


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rehearse", action="store_true", help="run what a CPU can")
    parser.add_argument("--case", nargs=3, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.case:
        name, folder, device = options.case
        print(json.dumps(run_case(name, Path(folder), device)))  # noqa: T201
        return
    missing = [package for package in NEEDED if find_spec(package) is None]
    for package in missing:
        print(f"{package}: not installed in {sys.executable}")  # noqa: T201
    if missing:
        print("nothing was run: install them, or name another Python: make gpu-check PYTHON=...")  # noqa: T201
        return
    import torch

    device = "cuda" if torch.cuda.is_available() else "cpu"
    if device == "cpu" and not options.rehearse:
        print("no GPU: torch sees none, so nothing was run")  # noqa: T201
        return
    print(torch.cuda.get_device_name() if device == "cuda" else "a CPU, to rehearse")  # noqa: T201
    began, failed = time.monotonic(), False
    for name in CASES if device == "cuda" else REHEARSED:
        limit_s = LIMIT_S - (time.monotonic() - began) if device == "cuda" else REHEARSAL_S
        line = tried(name, device, limit_s)
        failed |= line.startswith("FAILED")
        print(f"{name:8} {line}", flush=True)  # noqa: T201
    sys.exit(int(failed))


if __name__ == "__main__":
    main()
