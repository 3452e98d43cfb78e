"""Preference training on pairs of a better and a worse answer: DPO and its relatives, ORPO and KTO, all by TRL.

    python -m train_stages.stages.preference --config job.json

The default is Tulu 3's length-normalised DPO, which TRL calls `sigmoid_norm` (arXiv:2411.15124):

    -log sigmoid(beta * (d(chosen) / |chosen| - d(rejected) / |rejected|)),  d(y) = log p(y|x) - log p_ref(y|x)

The reference is the parent, loaded a second time from its folder: TRL needs a path for that, not a model in memory. ORPO
needs none.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from storage.errors import TrainingError
from storage.ids import digest
from train_stages.config import PreferenceConfig, read_config
from train_stages.data.batches import Plan, plan_padded, planned, with_twins
from train_stages.data.encode import split_ids
from train_stages.data.pairs import preference_pairs
from train_stages.data.turns import Renderer
from train_stages.orders import ORDERS
from train_stages.orders.base import order_rows
from train_stages.process.job import Job, main, read_rows
from train_stages.process.preflight import LOOKED_AT, load_tokenizer, memory
from train_stages.process.stage import (
    Progress,
    StageResult,
    adapter_arguments,
    callbacks,
    common_arguments,
    load,
    on_gpu,
    run,
    stage_identity,
    world_size,
)
from train_stages.process.states import output_folder
from train_stages.process.trainer import configured, on_served_tokens, preference_trainer
from train_stages.stages.base import Material, Stage

__all__ = ["PreferenceConfig", "preference"]


def preference(
    parent: Path,
    rows: pa.Table,
    out: Path,
    config: PreferenceConfig | None = None,
    *,
    seed: int = 0,
    progress: Progress | None = None,
) -> StageResult:
    """Train a checkpoint to prefer the better of two answers.

    Args:
        parent: The checkpoint to start from, which is also the reference.
        rows: Columns `prompt`, `chosen` and `rejected`, each a list of `{role, content}`.
        out: Where the new checkpoint goes; it must not exist.
        config: Settings.
        seed: Seed of the order of the pairs.
        progress: Told after each step.

    Raises:
        CheckpointError: `parent` cannot be loaded.
        TrainingError: There is no pair to train on, `out` exists, or the loss is no longer a number.
    """
    config = config or PreferenceConfig()
    model, tokenizer = load(parent, config)
    pairs, lengths, too_long = encode_pairs(tokenizer, rows, config)
    units = [sum(lengths[at : at + 2]) for at in range(0, len(lengths), 2)] if config.loss.crossed else lengths
    order = order_rows(max(1, round(len(units) * config.epochs)), ORDERS.make("random"), difficulty=units, seed=seed)
    plan = plan_padded(
        units,
        order,
        batch_tokens=config.batch_tokens,
        micro_tokens=config.micro_batch_tokens or config.batch_tokens,
        mixed=True,
        seed=seed,
        world=world_size(),
    )
    plan = with_twins(plan) if config.loss.crossed else plan
    with output_folder(out, stage_identity("preference", parent, digest(pairs), config, seed)) as folder:
        common = common_arguments(folder, config, steps=plan.steps, seed=seed)
        trainer = _trainer(model, tokenizer, pairs, plan, common, config, callbacks("preference", progress))
        facts = {
            "pairs": float(len(pairs)),
            "pairs_too_long": float(too_long),
            "gpu": float(on_gpu(config)),
        }
        return run(
            trainer, folder, out, stage="preference", parent=parent, config=config, tokens=plan.tokens, facts=facts
        )


def encode_pairs(
    tokenizer: Any, rows: pa.Table, config: PreferenceConfig
) -> tuple[list[dict[str, Any]], list[int], int]:
    """Return the pairs of which both sides fit into `max_length`, their tokens (both sides), and how many did not fit.

    A pair has its prompt's tokens as they are served (`prompt_ids`), and those that the model has to write (`chosen_ids`,
    `rejected_ids`), as rows of every other stage do.

    Raises:
        TrainingError: A column is missing, the checkpoint has no chat template, it refuses a row, or no pair is left.
    """
    missing = {"prompt", "chosen", "rejected"} - set(rows.column_names)
    if missing:
        raise TrainingError(f"preference: rows lack {', '.join(sorted(missing))}; export them with --shape preference")
    renderer = Renderer(tokenizer)
    pairs, lengths, too_long = [], [], 0
    further = [name for name in config.loss.columns if name in rows.column_names]
    if config.loss.crossed:
        further.append("other_prompt")
        rows = crossed(rows, config.loss.name)
    for row in rows.select(["prompt", "chosen", "rejected", *further]).to_pylist():
        columns = {name: float(row.get(name) or 0.0) for name in config.loss.columns}
        encoded = [_sides(tokenizer, renderer, pair) for pair in (twins(row) if config.loss.crossed else [row])]
        if max(longest for _, _, longest in encoded) > config.max_length:
            too_long += 1
            continue
        pairs += [{**pair, **columns} for pair, _, _ in encoded]
        lengths += [tokens for _, tokens, _ in encoded]
    if not pairs:
        raise TrainingError(f"preference: no pair is left; {too_long} are longer than max_length = {config.max_length}")
    return pairs, lengths, too_long


def _sides(tokenizer: Any, renderer: Renderer, pair: Mapping[str, Any]) -> tuple[dict[str, Any], int, int]:
    """Return a pair with its tokens, how many they are in all, and those of its longer side."""
    sides = {side: split_ids(tokenizer, renderer.turns(pair["prompt"] + pair[side])) for side in ("chosen", "rejected")}
    ids = {f"{side}_ids": written for side, (_, written) in sides.items()}
    tokens = [len(asked) + len(written) for asked, written in sides.values()]
    return {**pair, "prompt_ids": sides["chosen"][0], **ids}, sum(tokens), max(tokens)


def crossed(rows: pa.Table, loss: str) -> pa.Table:
    """Return the pairs that have the prompt to which their worse answer is the better one.

    Raises:
        TrainingError: There is none.
    """
    if "other_prompt" in rows.column_names:
        rows = rows.filter(pc.is_valid(rows["other_prompt"]))
    if "other_prompt" not in rows.column_names or not rows.num_rows:
        raise TrainingError(f"preference: loss {loss} needs pairs with two prompts: select rows of the method sami")
    return rows


def twins(row: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return a pair, and the pair of its other prompt, to which the answers are exchanged."""
    other = {"prompt": row["other_prompt"], "chosen": row["rejected"], "rejected": row["chosen"]}
    return [{**row}, {**row, **other, "other_prompt": row["prompt"]}]


def _trainer(
    model: Any,
    tokenizer: Any,
    pairs: list[dict[str, Any]],
    plan: Plan,
    common: dict[str, Any],
    config: PreferenceConfig,
    trainer_callbacks: list[Any],
) -> Any:
    """TRL's trainer for the loss, on the planned micro-batches."""
    from datasets import Dataset

    shared = {"model": model, "processing_class": tokenizer, "callbacks": trainer_callbacks}
    shared |= adapter_arguments(config)
    common |= {"gradient_accumulation_steps": plan.accumulate, "max_length": config.max_length}
    if config.loss.name == "kto":
        return _kto(shared, pairs, plan, common, config)
    common["per_device_train_batch_size"] = 1  # the plan has the true sizes
    data = Dataset.from_list(
        [
            {name: pair[name] for name in ("prompt_ids", "chosen_ids", "rejected_ids", *config.loss.columns)}
            for pair in pairs
        ]
    )
    if config.loss.name == "orpo":
        from trl.experimental.orpo import ORPOConfig, ORPOTrainer

        orpo = ORPOConfig(**common, **config.loss.trl_arguments())
        return configured(planned(on_served_tokens(ORPOTrainer), plan), config)(**shared, args=orpo, train_dataset=data)
    from trl import DPOConfig, DPOTrainer

    settings = {"loss_type": [config.loss.trl], **config.loss.trl_arguments()} if config.loss.trl else {}
    dpo = DPOConfig(**common, **settings)
    trainer = preference_trainer(configured(planned(on_served_tokens(DPOTrainer), plan), config), config.loss)
    return trainer(**shared, args=dpo, train_dataset=data)


def _kto(
    shared: dict[str, Any], pairs: list[dict[str, Any]], plan: Plan, common: dict[str, Any], config: PreferenceConfig
) -> Any:
    """KTO learns from single answers, in the order of the rows, since neighbours estimate its KL term together.

    Each row also has the answer of the one before it in its batch (the first that of the last), as in TRL.
    """
    from datasets import Dataset
    from trl import KTOConfig, KTOTrainer

    halves = [
        {
            "prompt_ids": pairs[pair]["prompt_ids"],
            "completion_ids": pairs[pair][f"{side}_ids"],
            "label": side == "chosen",
        }
        for batch in plan.batches
        for side in ("chosen", "rejected")
        for pair in batch
    ]
    rows = max(2, 2 * int(np.max([len(batch) for batch in plan.batches])))
    for start in range(0, len(halves), rows):
        batch = halves[start : start + rows]
        for half, before in zip(batch, [batch[-1], *batch[:-1]], strict=True):
            half["KL_completion_ids"] = before["completion_ids"]
    kto = KTOConfig(**common, **config.loss.trl_arguments(), per_device_train_batch_size=rows)
    return configured(on_served_tokens(KTOTrainer), config)(**shared, args=kto, train_dataset=Dataset.from_list(halves))


def check_preference(job: Job) -> dict[str, Any]:
    """Check preference training: the template renders both answers, they differ, memory suffices for model and reference.

    Raises:
        CheckpointError: The parent's tokenizer or configuration cannot be loaded.
        TrainingError: One of the checks fails; the message says which setting to change.
    """
    config = read_config(PreferenceConfig, job.options, job.name or "preference")
    rows = read_rows(job.rows)
    pairs, lengths, too_long = encode_pairs(load_tokenizer(job.parent), rows.slice(0, LOOKED_AT), config)
    alike = sum(pair["chosen"] == pair["rejected"] for pair in pairs)
    if alike:
        raise TrainingError(f"preference: in {alike} of {len(pairs)} pairs both answers are the same; leave them out")
    reference = config.loss.needs_reference or config.loss.trl is None
    return {
        "pairs": rows.num_rows,
        "looked_at": len(pairs) + too_long,
        "too_long": too_long,
        "mean_tokens": round(sum(lengths) / len(lengths), 1),
        "one_pair": {side: pairs[0][side] for side in ("prompt", "chosen", "rejected")},
        **memory(
            job.parent,
            config,
            copies=2 if reference and config.adapter is None else 1,
            head="whole" if config.loss.name == "orpo" else "chunked",
        ),
    }


def pairs_of(material: Material, config: PreferenceConfig) -> pa.Table:
    """Return the pairs that a release holds, see `train_stages.data.pairs.preference_pairs` for the columns.

    Raises:
        TrainingError: There is none.
    """
    pairs = preference_pairs(material.samples.to_pylist(), material.messages, wrong=config.rejected == "wrong")
    if not pairs:
        raise TrainingError(
            f"preference: {material.origin} has no pairs: neither rows of kind preference, nor wrong attempts of a "
            "student (tutorship, critique) at a problem that another row answers rightly"
            + (
                "; rejected: wrong leaves out what the checker does not call wrong"
                if config.rejected == "wrong"
                else ""
            )
        )
    return pa.Table.from_pylist(pairs)


def run_preference(job: Job, progress: Progress) -> StageResult:
    """Do a job of preference training."""
    config = read_config(PreferenceConfig, job.options, job.name or "preference")
    return preference(job.parent, read_rows(job.rows), job.out, config, seed=job.seed, progress=progress)


PREFERENCE = Stage(
    "preference",
    summary="preference training on pairs of a better and a worse answer (DPO, ORPO, KTO)",
    config=PreferenceConfig,
    rows=pairs_of,
    check=check_preference,
    run=run_preference,
)

if __name__ == "__main__":
    main(PREFERENCE.name, PREFERENCE.run, PREFERENCE.check)
