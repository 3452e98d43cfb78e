"""Evaluate a checkpoint on held-out problems: greedily, and sampled several times. Every response is kept."""

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
from pydantic import BaseModel, ConfigDict, Field

from storage.errors import TrainingError
from storage.ids import seed_from
from storage.messages import Message
from storage.tables.columns import CHAT
from synth.answers.outcome import Outcome
from synth.calls.responder import Responder
from synth.calls.thoughts import Parted, part
from synth.engines.base import Sampling, with_tools
from synth.engines.profile import PLAIN, Profile
from synth.engines.sampler import Generation, Sampler
from synth.environments.dialogue import Dialogue
from synth.environments.playing import PlaySpec, play, played_in
from synth.problems.base import Problem
from train_stages.promotion.statistics import Share, clustered, pass_at_k

Messages = list[Message]

ROWS = pa.schema(
    [
        ("problem_id", pa.string()),
        ("task", pa.string()),
        ("tier", pa.int32()),
        ("mode", pa.string()),
        ("sample_number", pa.int32()),
        ("response", pa.string()),
        ("finish_reason", pa.string()),
        ("answer", pa.string()),
        ("outcome", pa.string()),
        ("reason", pa.string()),
        ("judge", pa.string()),
        ("turns", CHAT.type),
    ]
)


class EvaluateConfig(BaseModel):
    """How a checkpoint is asked."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    samples: int = Field(default=4, ge=0, description="Sampled responses to each problem, besides the greedy one.")
    temperature: float | None = Field(
        default=None, gt=0, description="Temperature of the sampled responses; None: as the student samples, else 1."
    )
    top_p: float | None = Field(
        default=None,
        gt=0,
        le=1,
        description="Nucleus share of the sampled responses; None: as the student samples, else 1.",
    )
    max_tokens: int = Field(default=512, gt=0, description="Longest response, in tokens; thoughts have room beside it.")
    batch_tokens: int = Field(default=65_536, gt=0, description="Tokens in a batch; bounds the memory.")
    batch_rows: int = Field(default=256, gt=0, description="Responses in a batch.")
    device: str | None = Field(default=None, description="`cpu`, `cuda`, ...; None takes the GPU when there is one.")
    environment: PlaySpec | None = Field(
        default=None,
        description="Environment that problems are played in, with tools: `python`, or `{kind: python, turns: 6, form: tools}`. "
        "None asks once, but for tasks that have turns of their own.",
    )


@dataclass(frozen=True)
class Asking:
    """How checkpoints are asked: by the settings, and where they say nothing as the student wants it.

    Penalties are left out: they bend what a model writes, and greedy responses shall be those of plain greedy decoding.

    Attributes:
        config: The settings.
        profile: How the student wants to be asked; candidates are asked alike.
    """

    config: EvaluateConfig
    profile: Profile = PLAIN

    def sampling(self, *, greedy: bool) -> dict[str, Any]:
        """Return the arguments of `Responder.generate`."""
        config = self.config
        wished = self.profile.sampling(
            {
                "temperature": 0.0 if greedy else config.temperature,
                "top_p": config.top_p,
                "max_tokens": config.max_tokens,
            }
        )
        chosen: dict[str, Any] = {"max_tokens": wished.max_tokens, "temperature": 0.0}
        if not greedy:
            chosen |= {"temperature": wished.temperature or 1.0, "top_p": wished.top_p}
            chosen |= {name: value for name in ("top_k", "min_p") if (value := getattr(wished, name))}
        return {**chosen, "body": wished.body} if wished.body is not None else chosen

    def identity(self) -> dict[str, Any]:
        """Return what makes two evaluations of one model on the same items the same, in JSON values."""
        said = self.config.model_dump(mode="json", include=set(EvaluateConfig.model_fields) - {"environment"})
        if self.config.environment is not None:
            said["environment"] = self.config.environment.identity()
        sampled = self.sampling(greedy=False)
        said |= {"temperature": sampled["temperature"], "top_p": sampled["top_p"], "max_tokens": sampled["max_tokens"]}
        return said | {name: value for name, value in sampled.items() if name in ("top_k", "min_p", "body")}


@dataclass(frozen=True, slots=True)
class Score:
    """How well one group of problems was answered.

    Attributes:
        task: The task.
        tier: The tier.
        problems: How many problems.
        greedy: Share of problems whose greedy answer is correct, with Wilson's interval; clustered by structure where
            several problems share one.
        average_at_k: Mean share of correct samples (avg@k); None without samples.
        pass_at_k: Share of problems with at least one correct sample (pass@k); None without samples.
        samples: k.
        average: avg@k with its interval, problems (or structures) as clusters; None without samples.
        pass_at: (k, pass@k) for k = 1, 2, 4, ... up to the samples (unbiased, Chen et al. 2021), clustered in the same way.
    """

    task: str
    tier: int
    problems: int
    greedy: Share
    average_at_k: float | None
    pass_at_k: Share | None
    samples: int
    average: Share | None = None
    pass_at: tuple[tuple[int, Share], ...] = ()


@dataclass(frozen=True, slots=True)
class Evaluation:
    """All responses and what follows from them.

    Attributes:
        rows: One row a response, see `ROWS`; `mode` is `greedy` or `sampled`.
        scores: One per task and tier, sorted.
        greedy: Over all problems, clustered like the groups.
    """

    rows: pa.Table
    scores: tuple[Score, ...]
    greedy: Share


def evaluate(
    checkpoint: Path,
    problems: Sequence[Problem],
    config: EvaluateConfig | None = None,
    *,
    seed: int = 0,
    to_messages: Callable[[Problem], Messages] | None = None,
    sampler: Responder | None = None,
    profile: Profile = PLAIN,
) -> Evaluation:
    """Ask a checkpoint every problem and check what it answers.

    Args:
        checkpoint: A Hugging Face folder.
        problems: The problems, each once.
        config: Settings.
        seed: Seed of the sampled responses; what a problem's samples draw depends on this and on the problem only.
        to_messages: Renders a problem as chat; None asks with the bare prompt as the user's turn.
        profile: How it wants to be asked, where the settings say nothing; `to_messages` has its system message already.
        sampler: Who answers: the checkpoint when it is loaded already, or a server that serves it.

    Raises:
        CheckpointError: The checkpoint cannot be loaded.
        TrainingError: There is no problem, or one occurs twice.
    """
    config = config or EvaluateConfig()
    if not problems or len({problem.id for problem in problems}) < len(problems):
        raise TrainingError(f"evaluate: {len(problems)} problems given; there must be some, and each only once")
    if sampler is None:
        sampler = Sampler(
            checkpoint, device=config.device, batch_tokens=config.batch_tokens, batch_rows=config.batch_rows
        )
    render = to_messages or (lambda problem: [{"role": "user", "content": problem.prompt}])
    rendered = [render(problem) for problem in problems]
    asking = Asking(config, profile)
    pairs = list(zip(problems, rendered, strict=True))
    rows = _answered(sampler, asking, [(problem, chat, 0) for problem, chat in pairs], None)
    rows += _answered(
        sampler, asking, [(problem, chat, n) for problem, chat in pairs for n in range(config.samples)], seed
    )
    return summarise(pa.Table.from_pylist(rows, schema=ROWS), {p.id: p.structure_id for p in problems})


Asked = tuple[Problem, Messages, int]
"""A problem, the chat that asks it, and the number of the answer."""


def _answered(sampler: Responder, asking: Asking, asked: Sequence[Asked], seed: int | None) -> list[dict[str, object]]:
    """Answer chats greedily, or sampled with a seed; what is played in turns is played to its end."""
    sampling = asking.sampling(greedy=seed is None)
    mode = "greedy" if seed is None else "sampled"
    specs = [played_in(problem, asking.config.environment) for problem, _, _ in asked]
    seeds = [seed_from("evaluate", seed or 0, problem.id, n) for problem, _, n in asked]

    def generate(numbers: Sequence[int], chats: list[Messages], tools: Any, turn: int) -> list[Generation]:
        options = dict(sampling)
        if tools:
            options["body"] = with_tools(Sampling(body=sampling.get("body")), tools).body
        if seed is not None:
            options["seed"] = [seed_from("turn", seeds[n], turn) if turn else seeds[n] for n in numbers]
        return sampler.generate(chats, **options)

    plain = [number for number, spec in enumerate(specs) if spec is None]
    answers = dict(zip(plain, generate(plain, [asked[n][1] for n in plain], None, 0), strict=True)) if plain else {}
    dialogues = {
        number: Dialogue(spec.environment, asked[number][0], asked[number][1], seed=0, turns=spec.turns, form=spec.form)
        for number, spec in enumerate(specs)
        if spec is not None
    }
    numbers = list(dialogues)
    ends = play(
        list(dialogues.values()),
        lambda places, chats, tools, turn: generate([numbers[place] for place in places], chats, tools, turn),
        lambda answer: _parted(answer, asking.profile).said,
        getattr(sampler, "run_tool", None),
    )
    answers |= dict(zip(numbers, ends, strict=True))
    rows = []
    for number, (problem, chat, n) in enumerate(asked):
        turns = dialogues[number].messages[len(chat) :] if number in dialogues else None
        rows.append({**_row(problem, mode, n, answers[number], asking.profile), "turns": turns})
    return rows


def _parted(answer: Generation, profile: Profile) -> Parted:
    return part(answer.text, opened=profile.opens_thoughts, complete=answer.finish_reason != "length")


def summarise(rows: pa.Table, structures: Mapping[str, str] | None = None) -> Evaluation:
    """Compute the scores from rows of `evaluate`, for example after reading them back from the lake.

    Args:
        rows: The rows.
        structures: Structure by problem, for intervals that know which problems are one problem in other words.
    """
    greedy: dict[tuple[str, int], dict[str, bool]] = defaultdict(dict)
    sampled: dict[tuple[str, int], dict[str, list[bool]]] = defaultdict(lambda: defaultdict(list))
    columns = ("task", "tier", "problem_id", "mode", "outcome")
    for task, tier, problem, mode, outcome in zip(*(rows[name].to_pylist() for name in columns), strict=True):
        right = outcome == Outcome.CORRECT
        if mode == "greedy":
            greedy[task, tier][problem] = right
        else:
            sampled[task, tier][problem].append(right)
    structure_of = structures or {}
    scores = tuple(_score(group, greedy[group], sampled.get(group, {}), structure_of) for group in sorted(greedy))
    everything = [(problem, float(right)) for group in greedy.values() for problem, right in group.items()]
    structured = [structure_of.get(problem, problem) for problem, _ in everything]
    return Evaluation(rows, scores, clustered([right for _, right in everything], structured))


def _score(
    group: tuple[str, int], greedy: dict[str, bool], sampled: dict[str, list[bool]], structures: Mapping[str, str]
) -> Score:
    k = min((len(tries) for tries in sampled.values()), default=0)

    def interval(values: Mapping[str, float]) -> Share:
        return clustered(list(values.values()), [structures.get(problem, problem) for problem in values])

    averages = {problem: sum(tries) / len(tries) for problem, tries in sampled.items()}
    powers = [2**n for n in range(k.bit_length()) if 2**n <= k]
    passes = [
        (power, interval({problem: pass_at_k(len(tries), sum(tries), power) for problem, tries in sampled.items()}))
        for power in powers
    ]
    average = interval(averages) if averages else None
    return Score(
        task=group[0],
        tier=group[1],
        problems=len(greedy),
        greedy=interval({problem: float(right) for problem, right in greedy.items()}),
        average_at_k=average.value if average else None,
        pass_at_k=interval({p: pass_at_k(len(t), sum(t), k) for p, t in sampled.items()}) if k else None,
        samples=k,
        average=average,
        pass_at=tuple(passes),
    )


def _row(problem: Problem, mode: str, number: int, answer: Generation, profile: Profile) -> dict[str, object]:
    from synth.problems import checker_version, get_task

    parted = _parted(answer, profile)
    cut = parted.unfinished and not parted.said and "<think>" not in answer.text  # whoever reads it again must see that
    response = f"<think>\n{answer.text}" if cut else answer.text
    check = get_task(problem.task).check(problem, response)
    failed = answer.finish_reason == "error"
    return {
        "problem_id": problem.id,
        "task": problem.task,
        "tier": problem.tier,
        "mode": mode,
        "sample_number": number,
        "response": response,
        "finish_reason": answer.finish_reason,
        "answer": check.answer,
        "outcome": (Outcome.UNVERIFIABLE if failed else check.outcome).value,
        "reason": answer.error if failed else check.reason,
        "judge": checker_version(problem.task),
    }
