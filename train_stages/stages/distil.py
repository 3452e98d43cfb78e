"""On-policy distillation: the model answers, and at each token of its answer learns what a teacher would say next.

    python -m train_stages.stages.distil --config job.json

TRL's DistillationTrainer does the work; the teacher is a checkpoint with the same tokenizer, frozen, beside the model, or a vLLM
serves it (`train_stages.rl.served_teacher`). (Learning from the teacher's own texts is `sft` on rows that it wrote.) Beside the
weights is `problems.parquet`, which were drawn.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq

from storage.errors import TrainingError
from storage.ids import digest
from storage.models.checkpoints import checkpoint_digest
from synth.problems.base import Problem
from train_stages.config import DistilConfig, read_config
from train_stages.losses.base import DistilLoss
from train_stages.losses.inputs import Taught
from train_stages.process.job import Job, main
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
from train_stages.process.trainer import configured
from train_stages.rl.arguments import micro_rows
from train_stages.rl.draws import Draws
from train_stages.rl.measuring import ToMessages, bare_prompt
from train_stages.rl.served_teacher import ServedTeacher, over_words
from train_stages.stages.base import Material, Stage
from train_stages.stages.rl import questions, read_problems

if TYPE_CHECKING:
    from trl import DistillationTrainer as TrlTrainer
else:
    TrlTrainer = object  # importing TRL takes seconds; `_trainer` puts the real one below

__all__ = ["DistilConfig", "distil"]

DRAWN = "problems.parquet"
TOKENISED = 8
"""Prompts that a served teacher's tokenizer is tried with."""


def distil(
    parent: Path,
    problems: Sequence[Problem],
    out: Path,
    config: DistilConfig,
    *,
    teacher: Path | None = None,
    seed: int = 0,
    progress: Progress | None = None,
    to_messages: ToMessages | None = None,
) -> StageResult:
    """Train a checkpoint towards a teacher's distribution on its own responses.

    Args:
        parent: The checkpoint to start from.
        problems: What is asked.
        out: Where the new checkpoint goes; it must not exist.
        config: Settings.
        teacher: The checkpoint whose distribution is learned, with the same tokenizer; None where the settings name a server.
        seed: Seed of the order and of the responses.
        progress: Told after each step.
        to_messages: Renders a problem as chat; None asks with the bare prompt as the user's turn.

    Raises:
        CheckpointError: `parent` or `teacher` cannot be loaded.
        ModelServerError: The teacher's server cannot be reached.
        TrainingError: There is no problem, the tokenizers differ, `out` exists, or the loss is no longer a number.
    """
    if not problems:
        raise TrainingError("distil: there are no problems to train on")
    served = None
    if teacher is None:
        served = served_teacher(config)
    else:
        same_tokenizer(parent, teacher)
    render = to_messages or bare_prompt
    asked = [[problem.id, render(problem)] for problem in problems]
    taught_by = checkpoint_digest(teacher) if teacher is not None else f"served {served.name if served else ''}"
    identity = stage_identity("distil", parent, digest(asked, taught_by), config, seed)
    with output_folder(out, identity) as folder:
        trainer, draws = _trainer(folder, parent, teacher or served, problems, render, config, seed, progress)
        pq.write_table(pa.table({"problem_id": [problems[n].id for n in dict.fromkeys(draws)]}), folder / DRAWN)
        facts = {"problems": float(len(problems)), "gpu": float(on_gpu(config))}
        return run(trainer, folder, out, stage="distil", parent=parent, config=config, tokens=0, facts=facts)


def served_teacher(config: DistilConfig) -> ServedTeacher:
    """Return the teacher that the settings name by its server.

    Raises:
        TrainingError: They name none.
        ModelServerError: It cannot be reached.
    """
    if config.teacher_endpoint is None:
        raise TrainingError(f"distil: the teacher {config.teacher} was not given")
    return ServedTeacher(config.teacher_endpoint, config.teacher_words)


def same_tokenizer(parent: Path, teacher: Path) -> Any:
    """Return the tokenizer that a model and its teacher share.

    Raises:
        CheckpointError: One cannot be loaded.
        TrainingError: They write different tokens.
    """
    ours, theirs = load_tokenizer(parent), load_tokenizer(teacher)
    if ours.get_vocab() != theirs.get_vocab():
        raise TrainingError(
            f"distil: {parent.name} has a tokenizer of {len(ours)} tokens and the teacher {teacher.name} another of "
            f"{len(theirs)}; token by token only a model of the same family can teach: name one, or let this one write rows for sft"
        )
    return ours


def _trainer(
    folder: Path,
    parent: Path,
    teacher: Path | ServedTeacher | None,
    problems: Sequence[Problem],
    render: ToMessages,
    config: DistilConfig,
    seed: int,
    progress: Progress | None,
) -> tuple[Any, Draws]:
    """TRL's trainer, and which problem comes when."""
    from datasets import Dataset
    from trl import DistillationConfig, DistillationTrainer

    model, tokenizer = load(parent, config)
    tokenizer.padding_side = "left"
    rows = config.prompts_per_step // world_size()
    micro = micro_rows(rows, config)
    arguments = DistillationConfig(
        **common_arguments(folder, config, steps=config.steps, seed=seed),
        per_device_train_batch_size=micro,
        gradient_accumulation_steps=rows // micro,
        max_completion_length=config.max_tokens,
        temperature=config.temperature,
        chat_template_kwargs=config.chat_template or None,
        **config.loss.trl_arguments(),
    )
    draws = Draws(
        len(problems),
        steps=config.steps,
        prompts=config.prompts_per_step,
        group=1,
        repeats=arguments.gradient_accumulation_steps,
        seed=seed,
        history=None,
    )
    bases = (PlannedDistillation, configured(DistillationTrainer, config))
    served = None if isinstance(teacher, Path) else teacher
    local = load(teacher, config.model_copy(update={"adapter": None}))[0] if isinstance(teacher, Path) else None
    trainer = type(DistillationTrainer.__name__, bases, {"draws": draws, "formula": config.loss, "served": served})(
        model=model,
        teacher_model=local,
        args=arguments,
        train_dataset=Dataset.from_list([{"prompt": render(problem)} for problem in problems]),
        processing_class=tokenizer,
        callbacks=callbacks("distil", progress),
        **adapter_arguments(config),
    )
    return trainer, draws


class PlannedDistillation(TrlTrainer):  # type: ignore[misc, unused-ignore]
    """Draws problems as `draws` says, and computes by its formula a loss that TRL does not know, or whose teacher is served.

    Attributes:
        draws: Which problem comes when.
        formula: The loss.
        served: The teacher, where a server has it.
    """

    draws: Draws
    formula: DistilLoss
    served: ServedTeacher | None = None

    def _get_train_sampler(self, dataset: Any = None) -> Any:
        return self.draws

    def _compute_loss(self, student: Any, inputs: Mapping[str, Any], num_items_in_batch: Any) -> Any:
        if self.formula.trl is not None and self.served is None:
            return super()._compute_loss(student, inputs, num_items_in_batch)
        import torch

        ids = torch.cat([inputs["prompt_ids"], inputs["completion_ids"]], dim=1)
        attention = torch.cat([inputs["prompt_mask"], inputs["completion_mask"]], dim=1)
        mask = inputs["completion_mask"]
        places = slice(-mask.size(1) - 1, -1)

        def distribution(model: Any) -> Any:
            logits = model(input_ids=ids, attention_mask=attention, use_cache=False).logits[:, places]
            return (logits.float() / self.temperature).log_softmax(-1)

        logps = distribution(student)
        if self.served is None:
            with torch.no_grad():
                taught = Taught(logps, distribution(self.accelerator.unwrap_model(self.teacher_model).eval()), mask)
        else:
            starts = inputs["prompt_mask"].sum(1).tolist()
            rows = [row[kept.bool()].tolist() for row, kept in zip(ids, attention, strict=True)]
            taught = Taught(*over_words(logps, self.served.look(rows, starts)), mask)
        count = mask.sum() if num_items_in_batch is None else num_items_in_batch
        loss = self.formula(taught).sum() / count
        entropy = (-(logps.exp() * logps).sum(-1) * mask).sum().detach()
        return loss, entropy, mask.sum()


def check_distil(job: Job) -> dict[str, Any]:
    """Check distillation: the tokenizers are the same, prompts render and fit, memory suffices for both models.

    Raises:
        CheckpointError: A tokenizer or a configuration cannot be loaded.
        TrainingError: One of the checks fails; the message says which setting to change.
    """
    config = read_config(DistilConfig, job.options, job.name or "distil")
    problems, to_messages, _ = read_problems(job.rows)
    if not problems:
        raise TrainingError("distil: there are no problems to train on")
    teacher = None if config.teacher is None else job.models[config.teacher]
    tokenizer = load_tokenizer(job.parent) if teacher is None else same_tokenizer(job.parent, teacher)
    if not tokenizer.chat_template:
        raise TrainingError(
            "distil: this checkpoint has no chat template; take an instruct model, or set base.template: plain"
        )
    prompts = [
        tokenizer.apply_chat_template(
            (to_messages or bare_prompt)(problem), add_generation_prompt=True, tokenize=False, **config.chat_template
        )
        for problem in problems[:LOOKED_AT]
    ]
    longest = max(len(tokenizer(prompt, add_special_tokens=False)["input_ids"]) for prompt in prompts)
    if longest + config.max_tokens > config.max_length:
        raise TrainingError(
            f"distil: a prompt of {longest} tokens and max_tokens = {config.max_tokens} exceed max_length = "
            f"{config.max_length}; set max_length to {longest + config.max_tokens} or lower max_tokens"
        )
    if teacher is None:
        served_teacher(config).check_tokens(tokenizer, prompts[:TOKENISED])
    rows = micro_rows(config.prompts_per_step, config)
    return {
        "problems": len(problems),
        "longest_prompt": longest,
        "one_prompt": prompts[0],
        **memory(
            job.parent,
            config,
            tokens=rows * (longest + config.max_tokens),
            head="chunked" if config.loss.trl and teacher is not None else "whole",
            beside=[] if teacher is None else [teacher],
        ),
    }


def asked(material: Material, config: DistilConfig) -> pa.Table:
    """Return the problems as rows, as the stage `rl` has them."""
    return questions(material, config, "distil")


def run_distil(job: Job, progress: Progress) -> StageResult:
    """Do a job of distillation."""
    config = read_config(DistilConfig, job.options, job.name or "distil")
    problems, to_messages, _ = read_problems(job.rows)
    return distil(
        job.parent, problems, job.out, config, teacher=job.models[config.teacher] if config.teacher else None, seed=job.seed,
        progress=progress, to_messages=to_messages,
    )  # fmt: skip


DISTIL = Stage(
    "distil",
    summary="on-policy distillation: the model's own answers, the teacher's probabilities",
    config=DistilConfig,
    rows=asked,
    check=check_distil,
    run=run_distil,
    asks=True,
    measured=("tries", "correct"),
    visits=(DRAWN, "problem_id"),
    models=lambda config: config.models,
)

if __name__ == "__main__":
    main(DISTIL.name, DISTIL.run, DISTIL.check)
