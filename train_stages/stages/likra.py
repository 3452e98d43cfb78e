"""Likra (arXiv:2503.14391): one model learns right answers, another wrong ones; which finds an answer likelier tells them apart.

    python -m train_stages.stages.likra --config job.json

    score(q, a) = log p_right(a | q) - log p_wrong(a | q)

Both start from the same checkpoint and are plain fine-tunings; an adapter is merged at the end. With `right: parent` the
checkpoint itself stands for right answers, so that wrong ones alone are learned. What comes out is a verifier, asked through the
engine `verifier` like one with a scalar head, and measured on problems that neither model has learned from: beside both models
together each alone (`auroc_right_alone`: how likely an answer is to the model of right ones, `auroc_wrong_alone`: how unlikely
to the model of wrong ones).
"""

import json
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from storage.atomic import write_text
from storage.errors import TrainingError
from storage.ids import digest
from storage.models.adapters import is_adapter, merge_into, whole
from storage.models.checkpoints import checkpoint_digest
from synth.engines.likelihood_ratio import RATIO, WRONG, answer_tokens, log_likelihoods, probability
from synth.engines.verifier_reading import UNIT
from train_stages.config import LikraConfig, read_config
from train_stages.process.job import Job, main, read_rows
from train_stages.process.preflight import LOOKED_AT, load_tokenizer, memory
from train_stages.process.stage import MANIFEST, Progress, StageResult, load, on_gpu, stage_identity
from train_stages.process.states import STATES, output_folder, write_json
from train_stages.stages.base import Material, Stage
from train_stages.stages.sft import sft
from train_stages.verifying.quality import auroc, calibration, calibration_error, interval
from train_stages.verifying.rows import is_heldout, judged_answers, labels_of

__all__ = ["LikraConfig", "likra"]

LEARNED = "learned.parquet"
CALIBRATION = "calibration.json"
RIGHT = "right"


def likra(
    parent: Path,
    rows: pa.Table,
    out: Path,
    config: LikraConfig | None = None,
    *,
    seed: int = 0,
    progress: Progress | None = None,
) -> StageResult:
    """Train both models, and measure them on the answers to held-out problems.

    Args:
        parent: The checkpoint to start from.
        rows: Columns `id`, `problem_id`, `messages` (a chat that ends with the answer) and `label` (1 right, 0 wrong).
        out: Where the new checkpoint goes; it must not exist.
        config: Settings.
        seed: Seed of the order of the rows.
        progress: Told after each step.

    Raises:
        CheckpointError: `parent` cannot be loaded.
        TrainingError: There is nothing to tell apart, `out` exists, or a loss is no longer a number.
    """
    config = config or LikraConfig()
    learned, held = split(rows.to_pylist(), config)
    content = digest([[row["messages"], row["label"]] for row in [*learned, *held]])
    with output_folder(out, stage_identity("likra", parent, content, config, seed)) as folder:
        made: dict[str, StageResult] = {}
        for name, label in ((RIGHT, 1.0), (WRONG, 0.0)):
            if name == WRONG or config.right == "learned":
                chats = pa.table({"messages": [row["messages"] for row in learned if row["label"] == label]})
                made[name] = _tuned(parent, chats, folder / STATES / name, config, seed, progress)
        _put_together(folder, parent, {name: result.path for name, result in made.items()})
        pq.write_table(pa.table({"id": [row["id"] for row in learned if _used(row, config)]}), folder / LEARNED)
        metrics = {
            "answers": float(sum(_used(row, config) for row in learned)),
            "answers_heldout": float(len(held)),
            "gpu": float(on_gpu(config)),
            **{f"{name}_{key}": result.metrics[key] for name, result in made.items() for key in ("steps", "loss")},
            **measured(folder, held, config),
        }
        tokens, seconds = (sum(getattr(r, key) for r in made.values()) for key in ("tokens", "cpu_seconds"))
        shutil.rmtree(folder / STATES)
        manifest = {
            "stage": "likra", "parent": parent.name, "config": config.model_dump(mode="json"), "metrics": metrics,
            "tokens": tokens, "history": [],
        }  # fmt: skip
        write_json(folder / MANIFEST, manifest)
    return StageResult(out, metrics, tokens, seconds)


def split(
    rows: Sequence[Mapping[str, Any]], config: LikraConfig
) -> tuple[list[Mapping[str, Any]], list[Mapping[str, Any]]]:
    """Return the rows that are learned from, and those of held-out problems.

    Raises:
        TrainingError: Right or wrong answers are missing among either.
    """
    held = [row for row in rows if is_heldout(str(row["problem_id"]), config.heldout)]
    learned = [row for row in rows if not is_heldout(str(row["problem_id"]), config.heldout)]
    for part, name in ((learned, "to learn from"), (held, "held out")):
        if labels_of(part) != {True, False}:
            raise TrainingError(
                f"likra: {len(part)} answers {name} are not right and wrong ones: select rows with attempts of a student "
                "(critique, step_labels, tutorship) or pairs, or set heldout"
            )
    return learned, held


def _used(row: Mapping[str, Any], config: LikraConfig) -> bool:
    return config.right == "learned" or row["label"] == 0


def _tuned(
    parent: Path, chats: pa.Table, out: Path, config: LikraConfig, seed: int, progress: Progress | None
) -> StageResult:
    """Fine-tune one of the models; what a killed stage had finished is taken as it is."""
    if not out.exists():
        return sft(parent, chats, out, config.tuning, seed=seed, progress=progress)
    manifest = json.loads((out / MANIFEST).read_text(encoding="utf-8"))
    return StageResult(out, manifest["metrics"], manifest["tokens"], manifest["metrics"]["cpu_seconds"])


def _put_together(folder: Path, parent: Path, made: Mapping[str, Path]) -> None:
    """Write the model of right answers into the folder, that of wrong ones into one in it, and both into the configuration."""
    right, wrong = made.get(RIGHT, parent), folder / WRONG
    for source, target in ((right, folder), (made[WRONG], wrong)):
        if is_adapter(source) and source != parent:
            merged = folder / STATES / f"{source.name}-merged"
            if not merged.exists():
                merge_into(source, merged)
            source = merged
        target.mkdir(exist_ok=True)
        for path in whole(source).iterdir():
            if path.is_file() and path.name not in (MANIFEST, "order.parquet") and not path.name.startswith("."):
                shutil.copyfile(path, target / path.name)
    settings = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    write_json(folder / "config.json", {**settings, UNIT: RATIO, "wrong_answers": checkpoint_digest(wrong)})


def measured(folder: Path, held: Sequence[Mapping[str, Any]], config: LikraConfig) -> dict[str, float]:
    """Measure both models together and each alone on held-out answers; the calibration is kept beside the weights.

    Returns:
        `auroc` with the ends of its interval by problem, those of each model alone, `calibration_error`, and `usable`: 1 where the
        lower end is above `least_auroc`.
    """
    likelihoods = []
    for part in (folder, folder / WRONG):
        model, tokenizer = load(part, config.model_copy(update={"adapter": None}))
        likelihoods.append(log_likelihoods(model.eval(), [answer_tokens(tokenizer, row["messages"]) for row in held]))
        del model
    both: Any = np.array(likelihoods)
    right, wrong = both
    labels: Any = np.array([row["label"] > 0.5 for row in held])
    figures = {"auroc": auroc(right - wrong, labels)}
    figures["auroc_low"], figures["auroc_high"] = interval(
        lambda part: auroc((right - wrong)[part], labels[part]), [str(row["problem_id"]) for row in held]
    )
    figures["auroc_right_alone"], figures["auroc_wrong_alone"] = auroc(right, labels), auroc(-wrong, labels)
    figures["usable"] = float(figures["auroc_low"] > config.least_auroc)
    bins = calibration([probability(ratio) for ratio in right - wrong], labels.tolist())
    figures["calibration_error"] = calibration_error(bins)
    write_text(folder / CALIBRATION, json.dumps({"unit": RATIO, "bins": bins}, indent=1) + "\n")
    return figures


def answers(material: Material, config: LikraConfig) -> pa.Table:
    """Return the judged answers of a release, in the columns that `likra` names.

    Raises:
        TrainingError: There is none.
    """
    judged = judged_answers(material.samples.to_pylist(), material.messages)
    if not judged:
        raise TrainingError(f"likra: {material.origin} has no answers that the judge decides")
    return pa.Table.from_pylist(judged)


def check_likra(job: Job) -> dict[str, Any]:
    """Check the training: there are right and wrong answers on both sides, they fit, and memory suffices.

    Raises:
        CheckpointError: The parent's tokenizer or configuration cannot be loaded.
        TrainingError: One of the checks fails; the message says which setting to change.
    """
    config = read_config(LikraConfig, job.options, job.name or "likra")
    rows, tokenizer = read_rows(job.rows), load_tokenizer(job.parent)
    if not tokenizer.chat_template:
        raise TrainingError("this checkpoint has no chat template; take an instruct model, or set base.template: plain")
    learned, held = split(rows.to_pylist(), config)
    lengths = [len(answer_tokens(tokenizer, row["messages"])[0]) for row in learned[:LOOKED_AT]]
    if min(lengths) > config.max_length:
        raise TrainingError(f"likra: the shortest answer has {min(lengths)} tokens, max_length is {config.max_length}")
    return {
        "rows": rows.num_rows,
        "heldout": len(held),
        "mean_tokens": round(sum(lengths) / len(lengths), 1),
        "share_right": round(float(np.mean([row["label"] for row in learned])), 3),
        **memory(job.parent, config),
    }


def run_likra(job: Job, progress: Progress) -> StageResult:
    """Do a job of training both models."""
    config = read_config(LikraConfig, job.options, job.name or "likra")
    return likra(job.parent, read_rows(job.rows), job.out, config, seed=job.seed, progress=progress)


LIKRA = Stage(
    "likra",
    summary="a verifier of two models, one of right and one of wrong answers (Likra)",
    config=LikraConfig,
    rows=answers,
    check=check_likra,
    run=run_likra,
    visits=(LEARNED, "id"),
    answers=False,
)

if __name__ == "__main__":
    main(LIKRA.name, LIKRA.run, LIKRA.check)
