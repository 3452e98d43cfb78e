"""A checkpoint on a recipe's held-out problems and benchmarks, outside of a training."""

import asyncio
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from flows.night.exam import make_examiner, read_benchmark
from flows.night.night import Night
from flows.recipe.train import TrainSpec
from flows.report.inspect_log import Asked, write_logs
from storage.errors import RecipeError, TrainingError
from storage.ledger.published import publish
from storage.models.checkpoints import Checkpoint, checkpoint_digest, find_checkpoint
from storage.models.registry import resolve
from synth.calls.prompting import Prompts
from synth.engines.base import RequestRefused
from synth.engines.spec import VERIFIER
from synth.night.draw import hold_out
from synth.problems.base import Problem
from train_stages.promotion.choosing import by_score, by_vote, sampled_answers
from train_stages.promotion.evaluate import Evaluation

SPLITS = ("validation", "heldout")


def evaluate_checkpoint(night: Night, name: str, split: str, logs: Path | None = None) -> list[dict[str, Any]]:
    """Evaluate a checkpoint on a split of the recipe's problems and on its benchmarks, a row per task and tier.

    Each row names the prompt that asked: its digest, and how many worked examples it shows. Where the recipe names a verifier
    as the role `verifier`, it chooses among the sampled answers too.

    Args:
        night: The recipe at work.
        name: A registered checkpoint, or a Hugging Face folder.
        split: `validation` or `heldout`.
        logs: Folder for logs that inspect's viewer opens; None writes none.

    Raises:
        RecipeError: There is no such split.
        CheckpointError: There is no such checkpoint.
        TrainingError: There is nothing to evaluate on.
    """
    if split not in SPLITS:
        raise RecipeError(f"split {split!r}: choose {' or '.join(SPLITS)}")
    spec = night.recipe.train or TrainSpec()
    examiner = make_examiner(night, spec)
    folder = Path(name)
    checkpoint = Checkpoint(checkpoint_digest(folder), folder, "given") if folder.is_dir() else find_checkpoint(
        night.lake, resolve(night.lake, name)
    )  # fmt: skip
    for draw in night.draws:
        hold_out(night.lake, draw, night=night.id, seed=night.recipe.problems.seed)
    sets = {
        source.name: read_benchmark(night, source) for source in (*spec.evaluate.benchmarks, *spec.evaluate.general)
    }
    drawn = any(source.heldout if split == "heldout" else source.validation for source in night.recipe.problems.sources)
    if drawn:
        sets = {split: examiner.held_out(split), **sets}
    if not sets:
        raise TrainingError(
            f"there is nothing to evaluate on; give a source `{split}: 100`, or name train.evaluate.benchmarks"
        )
    rows = []
    for label, problems in sets.items():
        with night.progress.stage(f"evaluation on {label}"):
            evaluation = examiner.evaluate(checkpoint, problems)
            about = {"set": label, "prompt": night.prompts.digests["solve"], "shots": shots(night.prompts, problems)}
            rows += _rows(about, evaluation, problems, verified(night, evaluation, problems))
        if logs is not None:
            chats = {problem.id: examiner.messages(problem) for problem in problems}
            write_logs(logs, Asked(label, checkpoint.id, problems, chats, about), evaluation.rows.to_pylist())
    return rows


def shots(prompts: Prompts, problems: Sequence[Problem]) -> int:
    """Return how many worked examples the prompt `solve` shows as earlier turns before a problem."""
    messages = prompts.messages("solve", {"problem": problems[0]}) if problems else ()
    return sum(message["role"] == "assistant" for message in messages)


def verified(
    night: Night, evaluation: Evaluation, problems: Sequence[Problem]
) -> dict[tuple[str, int], float | None] | None:
    """Let the recipe's verifier score every sampled answer, through the ledger; None where the recipe names none.

    Returns:
        The score by problem and sample number; None for an answer that it refuses.

    Raises:
        CheckpointError: The verifier is not there.
    """
    spec = night.recipe.models.get(VERIFIER)
    sampled = sampled_answers(evaluation.rows)
    if spec is None or spec.engine != VERIFIER or not sampled:
        return None
    asked = {problem.id: list(night.prompts.messages("solve", {"problem": problem})) for problem in problems}

    async def score() -> dict[tuple[str, int], float | None]:
        asker = night.asker()
        try:

            async def one(row: Mapping[str, Any]) -> float | None:
                chat = (*asked[row["problem_id"]], {"role": "assistant", "content": row["response"]})
                try:
                    return float(json.loads((await asker.verify(VERIFIER, chat)).text)["score"])
                except RequestRefused:
                    return None

            scores = await asyncio.gather(*map(one, sampled))
        finally:
            await asker.close()
        keys = [(row["problem_id"], row["sample_number"]) for row in sampled]
        return dict(zip(keys, scores, strict=True))

    try:
        return asyncio.run(score())
    finally:
        publish(night.ledger, night.lake, night.id)


def _rows(
    about: Mapping[str, Any],
    evaluation: Evaluation,
    problems: Sequence[Problem],
    scores: Mapping[tuple[str, int], float | None] | None,
) -> list[dict[str, Any]]:
    structures = {problem.id: problem.structure_id for problem in problems}
    votes = by_vote(evaluation.rows, structures)
    best = {} if scores is None else by_score(evaluation.rows, scores, structures)

    def chosen(kind: str, group: tuple[str, int], shares: Mapping[tuple[str, int], Any]) -> str | None:
        return f"{kind}@{shares[group][0]} {shares[group][1]}" if group in shares else None

    return [
        {
            **about,
            "task": score.task,
            "tier": score.tier,
            "items": score.problems,
            "greedy": str(score.greedy),
            "sampled": f"avg@{score.samples} {score.average}" if score.average else None,
            "pass": ", ".join(f"pass@{k} {value}" for k, value in score.pass_at),
            "vote": chosen("maj", (score.task, score.tier), votes),
            "verifier": chosen("best", (score.task, score.tier), best),
        }
        for score in evaluation.scores
    ]
