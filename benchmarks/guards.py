"""The power of what guards general ability: an exam of many kinds of problems, and the loss on held-out text.

    python benchmarks/guards.py [--json] [--simulations 2000]
    python benchmarks/guards.py --model FOLDER [--texts FILE]      # with all parts

`exam`: by number of items, how often `general ability` refuses an equal model, and one that truly lost 5 or 10 points. Items are of
mixed difficulty and the two models correlated, as in `benchmarks/gate.py`; the decision is `Comparison.worse` with its defaults.

`noise`: a real model against itself with noise added to its weights until the loss rises by about 1, 2, 4 and 8 %, on documents
(without `--texts` paragraphs of docs/); then, by number of documents drawn from them, how often the guard refuses
(`TextChange.worse` with its defaults). Noise hurts all text alike.

`trained`: the same after a real training that hurts: an adapter on a few chats about sums, at two learning rates that are too high.
`spread` is the deviation of the rise from document to document: where it is larger, the power is smaller.

Result: `benchmarks/results/guards.json`; a part that was not run keeps its last figures.
"""

import argparse
import json
import math
import os
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.gate import NORMAL, table
from benchmarks.shared.results import amend, circumstances, last
from train_stages.promotion.promote import PromoteConfig, compare_greedy
from train_stages.promotion.text_loss import TextsConfig, compare_texts, read_texts, text_losses

ITEMS = (100, 200, 300, 400, 600, 800)
LOSSES = (0.0, 0.05, 0.1)
RISES = (0.01, 0.02, 0.04, 0.08)
RATES = (1e-3, 3e-3)
PARTS = ("exam", "noise", "trained")
DRAWS = 200
DOCUMENTS = (10, 20, 40)
ROOT = Path(__file__).resolve().parents[1]
ACCURACY, RHO = 0.5, 0.7
CONFIG = PromoteConfig()


def exam(simulations: int) -> dict[str, Any]:
    """Shares of refusals by number of items and true loss."""
    power: dict[str, Any] = {}
    for items in ITEMS:
        power[str(items)] = {}
        for loss in LOSSES:
            rng = np.random.default_rng([items, int(loss * 100)])
            cuts = (NORMAL.inv_cdf(ACCURACY), NORMAL.inv_cdf(ACCURACY - loss))
            refused = 0
            for _ in range(simulations):
                shared = rng.standard_normal(items) * math.sqrt(RHO)
                old, new = (shared + rng.standard_normal(items) * math.sqrt(1 - RHO) < cut for cut in cuts)
                refused += compare_greedy("general ability", table(old), table(new)).worse(CONFIG)
            power[str(items)][str(loss)] = round(refused / simulations, 4)
        print(items, power[str(items)], file=sys.stderr, flush=True)
    return power


def paragraphs() -> list[str]:
    """Longer paragraphs of docs/, shuffled."""
    texts = [text for file in sorted((ROOT / "docs").glob("*.md")) for text in file.read_text("utf-8").split("\n\n")]
    chosen = [text for text in texts if len(text) > 300 and text[0].isalpha()]
    return [chosen[number] for number in np.random.default_rng(0).permutation(len(chosen))]


def noisy(model: Path, folder: Path, share: float) -> Path:
    """A copy of a model, noise of `share` times its deviation added to each matrix."""
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    torch.manual_seed(0)
    loaded = AutoModelForCausalLM.from_pretrained(model, dtype=torch.float32)
    with torch.no_grad():
        for weight in loaded.parameters():
            if weight.dim() == 2:
                weight += torch.randn_like(weight) * weight.std() * share
    loaded.save_pretrained(folder)
    AutoTokenizer.from_pretrained(model).save_pretrained(folder)
    return folder


def power(before: list[tuple[float, int]], after: list[tuple[float, int]]) -> dict[str, Any]:
    """How much the loss rose over all documents, how unlike they are in that, and by number of documents the share of refusals."""
    rises = [new / old - 1 for (new, _), (old, _) in zip(after, before, strict=True)]
    rng = np.random.default_rng(0)
    refused = {}
    for number in DOCUMENTS:
        drawn = [rng.choice(len(before), number, replace=True) for _ in range(DRAWS)]
        verdicts = [
            compare_texts([before[i] for i in few], [after[i] for i in few]).worse(CONFIG.text_effect) for few in drawn
        ]
        refused[str(number)] = round(float(np.mean(verdicts)), 4)
    total = sum(bits for bits, _ in after) / sum(bits for bits, _ in before) - 1
    return {"rise": round(total, 4), "spread": round(float(np.std(rises)), 4), "refused": refused}


def noise(
    model: Path, texts: list[str], tokens: int, before: list[tuple[float, int]]
) -> Iterator[tuple[str, dict[str, Any]]]:
    """The power by rise of the loss that was wanted."""
    step = 0.02  # the rise grows about with the square of the noise: one look tells how much is needed
    with tempfile.TemporaryDirectory() as folder:
        looked = text_losses(noisy(model, Path(folder) / "look", step), texts[:8], tokens, device="cpu")
        first = sum(b for b, _ in looked) / sum(b for b, _ in before[:8]) - 1
    for wanted in RISES:
        with tempfile.TemporaryDirectory() as folder:
            size = step * math.sqrt(wanted / max(first, 1e-6))
            after = text_losses(noisy(model, Path(folder) / "noisy", size), texts, tokens, device="cpu")
        yield str(wanted), power(before, after)


def trained(
    model: Path, texts: list[str], tokens: int, before: list[tuple[float, int]]
) -> Iterator[tuple[str, dict[str, Any]]]:
    """The power after adapters of eight steps on chats about sums, by learning rate."""
    from benchmarks.training import lora_rows
    from train_stages.config import SftConfig
    from train_stages.stages.sft import sft

    for rate in RATES:
        config = SftConfig(
            batch_tokens=512, micro_batch_tokens=256, max_length=256, epochs=4, learning_rate=rate, device="cpu",
            adapter={"r": 16}, save_every=1000,
        )  # fmt: skip
        with tempfile.TemporaryDirectory() as folder:
            adapter = sft(model, lora_rows(), Path(folder) / "trained", config)
            after = text_losses(adapter.path, texts, tokens, device="cpu")
        yield str(rate), {"steps": adapter.metrics["steps"], **power(before, after)}


def text(part: str, model: Path, texts: list[str], tokens: int) -> None:
    """Measure a part on a real model, and keep each of its figures as it comes."""
    before = text_losses(model, texts, tokens, device="cpu")
    made: dict[str, Any] = {}
    about = {
        "model": model.resolve().name,
        "documents": len(texts),
        "tokens": tokens,
        "draws": DRAWS,
        **circumstances(),
    }
    for name, figures in {"noise": noise, "trained": trained}[part](model, texts, tokens, before):
        made[name] = figures
        print(part, name, figures, file=sys.stderr, flush=True)
        keep_part(part, {"by": made, **about})


def keep_part(part: str, figures: dict[str, Any]) -> None:
    """Keep a part; the others keep their last figures."""
    amend("guards", lambda old: {name: old[name] for name in PARTS if name in old} | {part: figures})


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--parts", nargs="*", choices=PARTS, help="[default: exam, and with a model all]")
    parser.add_argument("--simulations", type=int, default=2000)
    parser.add_argument("--model", type=Path, default=os.environ.get("NIGHTSCHOOL_REAL_MODEL"))
    parser.add_argument("--texts", help="a .jsonl, .parquet or .txt file of held-out text")
    parser.add_argument("--field", default="text")
    parser.add_argument("--documents", type=int, default=40)
    parser.add_argument("--tokens", type=int, default=128, help="of a document at most")
    options = parser.parse_args()
    parts = options.parts or (PARTS if options.model else PARTS[:1])
    if "exam" in parts:
        refused = exam(options.simulations)
        figures = {"accuracy": ACCURACY, "rho": RHO, "simulations": options.simulations, "refused": refused}
        keep_part("exam", {**figures, **circumstances()})
    texts = paragraphs()[: options.documents]
    if options.texts:
        config = TextsConfig(path=options.texts, field=options.field, limit=options.documents)
        texts = read_texts(Path(options.texts), config)
    for part in PARTS[1:]:
        if part in parts:
            text(part, Path(options.model), texts, options.tokens)
    print(json.dumps(last("guards"), indent=None if options.json else 1))


if __name__ == "__main__":
    main()
