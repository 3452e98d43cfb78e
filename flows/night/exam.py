"""The examiner and the exam of a night's training, as its recipe words them: items, benchmarks, held-out texts."""

from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager

from flows.night.night import Night
from flows.recipe.parts import SourceSpec
from flows.recipe.train import TrainSpec
from storage.lake.nights import record_problems
from storage.ledger.published import publish
from storage.models.checkpoints import Checkpoint
from synth.calls.responder import EngineResponder, Responder
from synth.engines.profile import PLAIN, Profile
from synth.engines.spec import ModelSpec, open_engine
from synth.night.draw import decision_items
from synth.problems.base import Problem
from synth.sample import problem_row
from train_stages.promotion.examiner import Exam, Examiner

GENERAL = "general ability"
"""What the problems of `train.evaluate.general` are called together."""


def make_examiner(night: Night, spec: TrainSpec) -> Examiner:
    """Make the examiner of a night.

    Raises:
        NightschoolError: The environment that problems are played in cannot be played here.
    """
    if spec.evaluate.environment is not None:
        spec.evaluate.environment.environment.check()
    server = spec.evaluate.serve
    served = ModelSpec(engine="vllm", checkpoint="candidate", max_model_len=spec.evaluate.max_model_len, serve=server)

    @contextmanager
    def serve(checkpoint: Checkpoint) -> Iterator[Responder]:
        """Through the ledger: what was answered before a kill is not asked for again. The account is not the night's budget."""
        folder = night.workspace.folder("servers", "evaluation")
        try:
            engine = open_engine(served, checkpoint, folder)
            with EngineResponder(engine, night.ledger, f"{night.id}/evaluation") as responder:
                yield responder
        finally:
            publish(night.ledger, night.lake, night.id)

    return Examiner(
        night.lake,
        night.id,
        night.prompts,
        config=spec.evaluate,
        tasks=spec.judged_tasks,
        seed=spec.seed,
        respond=serve if spec.evaluate.engine == "vllm" else None,
        engine=server.identity(spec.evaluate.engine),
        profile=student_profile(night),
        lease=night.lease,
    )


def student_profile(night: Night) -> Profile:
    """Return how the recipe's student wants to be asked; as any chat model where there is none, or a rule."""
    spec = night.recipe.models.get("student")
    if spec is None or spec.engine in ("solver", "verifier"):
        return PLAIN
    return spec.profile(night.checkpoint_of(spec.checkpoint))


def make_exam(night: Night, spec: TrainSpec) -> Exam:
    """Put together what the night's promotion is decided by: drawn before the first look, the same on every resume.

    Raises:
        ProblemError: A source or a benchmark is missing, broken or empty.
        RecipeError: An option of one cannot be used.
    """
    drawn = decision_items(
        night.lake, night.draws, night=night.id, seed=night.recipe.problems.seed, fresh=spec.promote.fresh
    )
    judged = spec.judged_tasks
    others: dict[str, list[Problem]] = defaultdict(list)
    items = []
    for problem in drawn:
        if judged is None or problem.task in judged:
            items.append(problem)
        else:
            others[f"{problem.task} tier {problem.tier}"].append(problem)
    for source in spec.evaluate.benchmarks:
        others[source.name] = read_benchmark(night, source)
    for source in spec.evaluate.general:
        others[GENERAL] += read_benchmark(night, source)
    texts = spec.evaluate.texts
    return Exam(items, others, night.texts, texts.max_length if texts else 512)


def read_benchmark(night: Night, source: SourceSpec) -> list[Problem]:
    """Read a benchmark and enter its items into the lake, as such.

    Raises:
        ProblemError: It is missing, broken or empty.
    """
    problems = {problem.id: problem for problem in night.items_of(source)}
    rows = [problem_row(problem, split="benchmark", night=night.id) for problem in problems.values()]
    record_problems(night.lake, rows, kind="benchmark", night=night.id)
    return list(problems.values())
