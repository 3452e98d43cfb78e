"""Training a verifier: a model with one scalar head says how likely an answer, or a step of one, is to be right.

    python -m train_stages.stages.verifier --config job.json

The head starts at zero, so that at first every answer has the score .5, and the weights beneath are those of the checkpoint
that it starts from: an SFT on written feedback before it is Math-Minos (arXiv:2406.14024). An adapter is merged at the end.
"""

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from storage.atomic import write_text
from storage.errors import TrainingError
from synth.engines.verifier_reading import UNIT
from train_stages.config import VerifierConfig, read_config
from train_stages.data.batches import Plan, plan_padded, planned
from train_stages.orders import ORDERS
from train_stages.orders.base import order_rows
from train_stages.process.job import Job, main, read_rows
from train_stages.process.preflight import LOOKED_AT, load_tokenizer, memory
from train_stages.process.stage import (
    Progress,
    StageResult,
    callbacks,
    common_arguments,
    load,
    on_gpu,
    run,
    stage_identity,
)
from train_stages.process.states import output_folder
from train_stages.process.trainer import configured
from train_stages.stages.base import Material, Stage
from train_stages.verifying.encoding import Judged, batch, content, encode_judged
from train_stages.verifying.quality import auroc, calibration, calibration_error, first_error, interval
from train_stages.verifying.rows import is_heldout, judged_answers, judged_pairs, judged_steps, labels_of

__all__ = ["VerifierConfig", "verifier"]

LEARNED = "learned.parquet"
CALIBRATION = "calibration.json"
SCORE_TOKENS = 16_384
"""Rows times longest text of one pass when held-out answers are scored, at most."""


def verifier(
    parent: Path,
    rows: pa.Table,
    out: Path,
    config: VerifierConfig | None = None,
    *,
    seed: int = 0,
    progress: Progress | None = None,
) -> StageResult:
    """Train a verifier, and measure it on the answers to held-out problems.

    Args:
        parent: The checkpoint to start from: one that writes, or a verifier.
        rows: Columns `id` and `problem_id`, and by the loss `messages` and `label`; `messages`, `steps` and `labels`; or
            `prompt`, `chosen` and `rejected`.
        out: Where the new checkpoint goes; it must not exist.
        config: Settings.
        seed: Seed of the order of the rows.
        progress: Told after each step.

    Raises:
        CheckpointError: `parent` cannot be loaded.
        TrainingError: There is nothing to tell apart, `out` exists, or the loss is no longer a number.
    """
    config = config or VerifierConfig()
    model, tokenizer = load_scoring(parent, config)
    judged, learned, held, too_long = _encoded(tokenizer, rows, config)
    plan = _plan([judged[number].tokens for number in learned], config, seed)
    identity = stage_identity("verifier", parent, content(judged), config, seed)
    with output_folder(out, identity) as folder:
        ids = rows["id"].to_pylist()
        pq.write_table(pa.table({"id": [ids[judged[number].row] for number in learned]}), folder / LEARNED)
        trainer = _trainer(
            folder, model, tokenizer, [judged[number] for number in learned], plan, config, seed, progress
        )

        def facts() -> dict[str, float]:
            problems = [str(rows["problem_id"][judged[number].row]) for number in held]
            figures = _measured(trainer.model, [judged[number] for number in held], problems, config, folder)
            counted = {"answers": len(learned), "answers_heldout": len(held), "answers_too_long": too_long}
            return {**{name: float(value) for name, value in counted.items()}, "gpu": float(on_gpu(config)), **figures}

        return run(
            trainer, folder, out, stage="verifier", parent=parent, config=config, tokens=plan.tokens, facts=facts,
            merged=True,
        )  # fmt: skip


def load_scoring(parent: Path, config: VerifierConfig) -> tuple[Any, Any]:
    """Load a checkpoint with one scalar head, which is zero unless the checkpoint has it already.

    Raises:
        CheckpointError: The folder holds no loadable model.
        TrainingError: It is a verifier of something else.
    """
    import torch
    from transformers.utils import logging

    level = logging.get_verbosity()
    logging.set_verbosity_error()  # it warns of a new head, which is wanted
    try:
        (model, loading), tokenizer = load(
            parent, config, kind="AutoModelForSequenceClassification", num_labels=1, output_loading_info=True
        )
    finally:
        logging.set_verbosity(level)
    unit = getattr(model.config, UNIT, None)
    if unit not in (None, config.loss.unit):
        raise TrainingError(
            f"verifier: {parent.name} scores each {unit}, and loss {config.loss.name} each {config.loss.unit}"
        )
    if any("score" in name for name in loading["missing_keys"]):
        torch.nn.init.zeros_(model.score.weight)
    setattr(model.config, UNIT, config.loss.unit)
    model.config.pad_token_id = pad_of(tokenizer)
    return model, tokenizer


def pad_of(tokenizer: Any) -> int:
    """Return the token that fills up; it is not attended to."""
    return int(tokenizer.pad_token_id if tokenizer.pad_token_id is not None else tokenizer.eos_token_id or 0)


def _encoded(tokenizer: Any, rows: pa.Table, config: VerifierConfig) -> tuple[list[Judged], list[int], list[int], int]:
    """Encode the rows, and say which are learned from and which measure.

    Raises:
        TrainingError: Right or wrong answers are missing among either.
    """
    listed = rows.to_pylist()
    judged, too_long = encode_judged(tokenizer, listed, config.loss.unit, config.max_length)
    held = [n for n, made in enumerate(judged) if is_heldout(str(listed[made.row]["problem_id"]), config.heldout)]
    learned = sorted(set(range(len(judged))) - set(held))
    for part, name in ((learned, "to learn from"), (held, "held out")):
        there = labels_of([listed[judged[number].row] for number in part])
        if there != {True, False}:
            missing = "neither right nor wrong" if not there else "no wrong" if True in there else "no right"
            raise TrainingError(
                f"verifier: among {len(part)} rows {name} there are {missing} ones ({too_long} are longer than max_length = "
                f"{config.max_length}): select rows with attempts of a student (critique, step_labels, tutorship) or pairs, or "
                f"set heldout"
            )
    return judged, learned, held, too_long


def _plan(lengths: Sequence[int], config: VerifierConfig, seed: int) -> Plan:
    visits = max(1, round(len(lengths) * config.epochs))
    order = order_rows(visits, ORDERS.make("random"), difficulty=lengths, seed=seed)
    micro = config.micro_batch_tokens or config.batch_tokens
    return plan_padded(lengths, order, batch_tokens=config.batch_tokens, micro_tokens=micro, mixed=True, seed=seed)


def _trainer(
    folder: Path,
    model: Any,
    tokenizer: Any,
    judged: Sequence[Judged],
    plan: Plan,
    config: VerifierConfig,
    seed: int,
    progress: Progress | None,
) -> Any:
    from peft import get_peft_model
    from transformers import Trainer, TrainingArguments

    from train_stages.verifying.trainer import verifier_trainer

    settings = TrainingArguments(
        **common_arguments(folder, config, steps=plan.steps, seed=seed),
        per_device_train_batch_size=1,  # the plan has the true sizes
        gradient_accumulation_steps=plan.accumulate,
        remove_unused_columns=False,
        label_names=["labels"],
    )
    if config.adapter is not None:
        model = get_peft_model(model, config.adapter.peft(scores=True))
    pad = pad_of(tokenizer)

    def collate(part: Sequence[Judged]) -> dict[str, Any]:
        return batch(part, pad)

    trainer: Callable[..., Any] = verifier_trainer(configured(planned(Trainer, plan), config), config.loss)
    return trainer(
        model=model, args=settings, train_dataset=list(judged), data_collator=collate, processing_class=tokenizer,
        callbacks=callbacks("verifier", progress),
    )  # fmt: skip


def _measured(
    model: Any, held: Sequence[Judged], problems: Sequence[str], config: VerifierConfig, folder: Path
) -> dict[str, float]:
    """Measure the verifier on held-out answers, and keep its calibration beside the weights.

    Returns:
        `auroc` with the ends of its interval by problem, `calibration_error`, `first_error_exact` for steps, and `usable`: 1
        where the lower end is above `least_auroc`. Of pairs, the AUROC is the share in which the better side is ahead.
    """
    from train_stages.verifying.trainer import measure

    tokens = min(SCORE_TOKENS, max(config.tokens_at_once, config.max_length))  # what the preflight has counted
    measured = measure(model, held, int(model.config.pad_token_id), tokens)
    owner = [number for number, made in enumerate(held) for _ in made.labels]
    labels = np.array([label > 0.5 for made in held for label in made.labels])
    logits = np.array([score for scores, _ in measured for score in scores])
    clusters = [problems[number] for number in owner]
    figures: dict[str, float] = {}
    if held[0].others:
        differences = logits - np.array([others[0] for _, others in measured])
        chances, right = 1 / (1 + np.exp(-np.clip(differences, -700, 700))), np.ones(len(labels), bool)
        wins = (differences > 0) + 0.5 * (differences == 0)

        def ranking(part: np.ndarray[Any, Any]) -> float:
            return float(wins[part].mean())
    else:
        chances, right = 1 / (1 + np.exp(-np.clip(logits, -700, 700))), labels

        def ranking(part: np.ndarray[Any, Any]) -> float:
            return auroc(logits[part], labels[part])

    figures["auroc"] = ranking(np.arange(len(labels)))
    figures["auroc_low"], figures["auroc_high"] = interval(ranking, clusters)
    figures["usable"] = float(figures["auroc_low"] > config.least_auroc)
    bins = calibration(chances.tolist(), right.tolist())
    figures["calibration_error"] = calibration_error(bins)
    if config.loss.unit == "step":
        figures["first_error_exact"] = _first_errors(held, measured)
    write_text(folder / CALIBRATION, json.dumps({"unit": config.loss.unit, "bins": bins}, indent=1) + "\n")
    return figures


def _first_errors(held: Sequence[Judged], measured: Sequence[tuple[Sequence[float], Sequence[float]]]) -> float:
    """Share of held-out answers of which the first step below .5 is the first wrong one; none is none."""
    exact = [
        first_error(scores, 0.0) == first_error(made.labels) for made, (scores, _) in zip(held, measured, strict=True)
    ]
    return sum(exact) / len(exact)


def judged_rows(material: Material, config: VerifierConfig) -> pa.Table:
    """Return the judged answers of a release, in the columns that `verifier` names.

    Raises:
        TrainingError: There is none.
    """
    rows = material.samples.to_pylist()
    if config.loss.unit == "answer":
        judged = judged_answers(rows, material.messages)
    elif config.loss.unit == "step":
        judged = judged_steps(rows, material.messages, soft=config.loss.soft)
    else:
        judged = judged_pairs(rows, material.messages)
    if not judged:
        wanted = {"answer": "answers that the judge decides", "step": "rows of kind stepwise (critique, step_labels)"}
        raise TrainingError(
            f"verifier: {material.origin} has no {wanted.get(config.loss.unit, 'pairs')}, which loss {config.loss.name} needs"
        )
    return pa.Table.from_pylist(judged)


def check_verifier(job: Job) -> dict[str, Any]:
    """Check a verifier: there are right and wrong answers on both sides, and memory suffices.

    Raises:
        CheckpointError: The parent's tokenizer or configuration cannot be loaded.
        TrainingError: One of the checks fails; the message says which setting to change.
    """
    config = read_config(VerifierConfig, job.options, job.name or "verifier")
    rows, tokenizer = read_rows(job.rows), load_tokenizer(job.parent)
    judged, learned, held, too_long = _encoded(tokenizer, rows, config)
    looked = [judged[number].tokens for number in learned[:LOOKED_AT]]
    return {
        "rows": rows.num_rows,
        "too_long": too_long,
        "heldout": len(held),
        "mean_tokens": round(sum(looked) / len(looked), 1),
        "share_right": round(float(np.mean([label for number in learned for label in judged[number].labels])), 3),
        **memory(job.parent, config, head="scores"),
    }


def run_verifier(job: Job, progress: Progress) -> StageResult:
    """Do a job of training a verifier."""
    config = read_config(VerifierConfig, job.options, job.name or "verifier")
    return verifier(job.parent, read_rows(job.rows), job.out, config, seed=job.seed, progress=progress)


VERIFIER = Stage(
    "verifier",
    summary="a verifier with one scalar head: answers, their steps, or pairs (ORM, PRM, reward model)",
    config=VerifierConfig,
    rows=judged_rows,
    check=check_verifier,
    run=run_verifier,
    visits=(LEARNED, "id"),
    answers=False,
)

if __name__ == "__main__":
    main(VERIFIER.name, VERIFIER.run, VERIFIER.check)
