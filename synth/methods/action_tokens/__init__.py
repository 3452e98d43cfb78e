"""Chain of action-thought (Satori, arXiv:2502.02508): steps that begin with what they do: go on, reflect, or explore another way.

The student answers several times. In a wrong answer the teacher, who sees the known solution, names the first wrong step and what
to do instead; the student goes on from there. In a right answer the teacher verifies a random step, and the student goes on. What
is still wrong is corrected once more. Trajectories that end right are learned, one of each type:

* `I` no reflection; `II-I` verified once; `II-II` verified, and corrected later; `III-I` corrected once; `III-II` corrected twice.

Not here: the reward model that chooses among trajectories of a type (the first is taken), and the RL that restarts from the middle
of them. The tokens are plain words in angle brackets, since this lake refuses rows that hold a chat template's markers.

-- what there is of each type
select attrs->>'trajectory' as type, count(*) from samples
where method = 'action_tokens' and (notes->>'refused') is null group by all order by all
"""

import random
import re
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import ClassVar

from pydantic import Field

from storage.ids import seed_from
from synth.answers.outcome import Outcome
from synth.calls.ask import Reply
from synth.calls.models import Models
from synth.calls.together import at_once, together
from synth.methods.base import WRONG_TURNS, method
from synth.methods.drawn import DrawnParams
from synth.methods.leaks import mentions_reference
from synth.methods.searching import outcome_of
from synth.methods.sections import sections
from synth.notes import SftNotes
from synth.problems import get_task
from synth.problems.base import Problem
from synth.problems.equations import false_equation
from synth.problems.rule import Rule
from synth.problems.steps import prefixes
from synth.sample import Sample

CRITIC = {"temperature": 0.2}
"""How the paper samples its critic, the teacher here."""
TYPES = ("I", "II-I", "II-II", "III-I", "III-II")
CONTINUE, REFLECT, EXPLORE = "continue", "reflect", "explore"
_NUMBER = re.compile(r"\d{1,3}")


class ActionTokensParams(DrawnParams):
    """Parameters of `action_tokens`."""

    essential: ClassVar[Mapping[str, float]] = {"temperature": 0.3}
    """Of the student (the paper)."""

    samples: int = Field(8, ge=2, le=128, description="Answers of the student; ours (the paper's 100).")
    each: int = Field(
        4, ge=1, le=16, description="Right and wrong ones that are worked on, of each at most (the paper's 4)."
    )
    rounds: int = Field(2, ge=1, le=4, description="Corrections of a trajectory, at most (the paper's 2).")
    max_tokens: int = Field(
        1024, ge=1, description="Upper bound on each answer of the student; ours (the paper's 2,048)."
    )
    seed: int = Field(0, ge=0, description="Of the steps that are verified.")


@dataclass(frozen=True)
class Trajectory:
    """A solution whose steps say what they do.

    Attributes:
        actions: What each piece does, and its text, in order.
        text: The whole as the student saw it: without tokens.
        verified: A step was verified.
        corrections: Wrong steps that were corrected.
        taken_back: These wrong steps.
        replies: The calls behind it, in order.
    """

    actions: tuple[tuple[str, str], ...]
    text: str
    verified: bool = False
    corrections: int = 0
    taken_back: tuple[str, ...] = ()
    replies: tuple[Reply, ...] = field(default=())

    @property
    def type(self) -> str:
        """Its type in the paper's table."""
        if self.verified:
            return "II-II" if self.corrections else "II-I"
        return ("I", "III-I", "III-II")[min(self.corrections, 2)]

    def written(self) -> str:
        """The text that is learned: a token before each piece."""
        return "\n".join(f"<{action}> {text}" for action, text in self.actions)


def plain(problem: Problem, reply: Reply) -> Trajectory:
    """A student's answer as it is: every step goes on."""
    pieces = _pieces(problem, reply.text)
    return Trajectory(tuple((CONTINUE, piece) for piece in pieces), reply.text, replies=(reply,))


def _pieces(problem: Problem, text: str) -> list[str]:
    """The steps of a text, and the line of its answer as the last."""
    ends = prefixes(text, get_task(problem.task).steps(text))
    starts = [0, *map(len, ends)]
    pieces = [text[start:end].strip() for start, end in zip(starts, [*starts[1:], len(text)], strict=True)]
    return [piece for piece in pieces if piece]


async def verified(problem: Problem, models: Models, params: ActionTokensParams, right: Reply) -> Trajectory | None:
    """Let the teacher verify a random step of a right answer in a sentence, and the student go on from there."""
    steps = get_task(problem.task).steps(right.text)
    begun = prefixes(right.text, steps)
    if len(begun) < 2:
        return None
    rng = random.Random(seed_from("action_tokens", problem.id, params.seed, right.call_id))
    kept = begun[rng.randrange(len(begun) - 1)]
    check = await models.teacher("verify", beginning=kept.strip(), sample=0, essential=CRITIC, max_tokens=256)
    sentence = " ".join(check.text.split())
    if not sentence or mentions_reference(sentence) or not check.complete:
        return None
    actions = (*((CONTINUE, piece) for piece in _pieces(problem, kept)), (REFLECT, sentence))
    text = f"{kept.rstrip()}\n{sentence}\n"
    return await _go_on(problem, models, params, Trajectory(actions, text, verified=True, replies=(right, check)))


async def corrected(
    problem: Problem, models: Models, params: ActionTokensParams, wrong: Trajectory
) -> Trajectory | None:
    """Let the teacher name the first wrong step after the last reflection, and the student go on from there another way.

    Nothing comes of it where the teacher's words cannot be read, contradict what a rule knows, or speak of the solution it saw.
    """
    reflected = max((number for number, (action, _) in enumerate(wrong.actions) if action != CONTINUE), default=-1)
    candidates = [text for action, text in wrong.actions[reflected + 1 :] if action == CONTINUE]
    solution = get_task(problem.task).solve(problem)
    flaw = await models.teacher("flaw", steps=candidates, solution=solution, essential=CRITIC, max_tokens=256)
    read = sections(flaw.text, ["wrong step", "why", "instead"])
    number = _NUMBER.search(read.get("wrong step", ""))
    why, instead = (" ".join(read.get(name, "").split()) for name in ("why", "instead"))
    if number is None or not why or not instead or not flaw.complete or mentions_reference(f"{why} {instead}"):
        return None
    at = int(number[0])
    if not 1 <= at <= len(candidates) or _right_by_rule(problem, wrong, reflected, at):
        return None
    kept = (*wrong.actions[: reflected + 1], *((CONTINUE, text) for text in candidates[:at]))
    text = "\n".join([*(piece for _, piece in kept), why, instead, ""])
    begun = Trajectory(
        (*kept, (REFLECT, why), (EXPLORE, instead)), text, wrong.verified, wrong.corrections + 1,
        (*wrong.taken_back, candidates[at - 1]), (*wrong.replies, flaw),
    )  # fmt: skip
    return await _go_on(problem, models, params, begun)


def _right_by_rule(problem: Problem, wrong: Trajectory, reflected: int, step: int) -> bool:
    """Whether a rule knows the step to be right that the teacher calls wrong; only before anything was taken back."""
    if wrong.taken_back:
        return False
    labels = Rule.of(problem, "\n".join(text for action, text in wrong.actions if action == CONTINUE)).labels
    place = sum(action == CONTINUE for action, _ in wrong.actions[: reflected + 1]) + step - 1
    return place < len(labels) and labels[place] is True


async def _go_on(problem: Problem, models: Models, params: ActionTokensParams, begun: Trajectory) -> Trajectory:
    reply = await models.student("solve", begun=begun.text, sample=0, **params.sampling)
    actions = (*begun.actions, *((CONTINUE, piece) for piece in _pieces(problem, reply.text)))
    return Trajectory(
        actions, begun.text + reply.text, begun.verified, begun.corrections, begun.taken_back, (*begun.replies, reply)
    )


@method(
    "action_tokens",
    paper="arXiv:2502.02508",
    makes=("sft",),
    roles=("student", "teacher"),
    params=ActionTokensParams,
    calls=lambda params: {
        "student": params.samples + params.each * (1 + 2 * params.rounds),
        "teacher": params.each * (1 + 2 * params.rounds),
    },
    shows_gold=("flaw",),
    observes=lambda params: WRONG_TURNS,
)
async def action_tokens(problem: Problem, models: Models, params: ActionTokensParams) -> AsyncIterator[Sample]:
    """Solutions whose steps go on, reflect or explore: verified, or corrected where they were wrong; one of each type."""
    answers = await together(
        models.student("solve", sample=number, **params.sampling) for number in range(params.samples)
    )
    outcomes = [outcome_of(problem, reply.text) if reply.complete else None for reply in answers]
    right = [reply for reply, outcome in zip(answers, outcomes, strict=True) if outcome is Outcome.CORRECT]
    wrong = [reply for reply, outcome in zip(answers, outcomes, strict=True) if outcome is Outcome.WRONG]
    started = [
        *(await at_once(verified(problem, models, params, reply) for reply in right[: params.each])),
        *(plain(problem, reply) for reply in wrong[: params.each]),
    ]
    worked = await at_once(_finished(problem, models, params, begun) for begun in started if begun is not None)
    ended = [*(plain(problem, reply) for reply in right[:1]), *(each for each in worked if each is not None)]
    for name in TYPES:
        first = next((each for each in ended if each.type == name), None)
        if first is not None:
            yield _row(problem, models, first)
    if not ended:
        yield _row(problem, models, plain(problem, answers[0]), refused="no_right_trajectory")


async def _finished(
    problem: Problem, models: Models, params: ActionTokensParams, trajectory: Trajectory
) -> Trajectory | None:
    """Correct a trajectory until it ends right; None where it does not after the last round."""
    for _ in range(params.rounds):
        if outcome_of(problem, trajectory.text) is Outcome.CORRECT:
            break
        following = await corrected(problem, models, params, trajectory)
        if following is None:
            return None
        trajectory = following
    ends_right = outcome_of(problem, trajectory.text) is Outcome.CORRECT and trajectory.replies[-1].complete
    return trajectory if ends_right else None


def _row(problem: Problem, models: Models, trajectory: Trajectory, refused: str | None = None) -> Sample:
    false: Sequence[str] = [step for step in trajectory.taken_back if false_equation(step)]
    return Sample(
        messages=models.messages("solve"),
        response=trajectory.written(),
        answer=get_task(problem.task).check(problem, trajectory.text).answer,
        attrs={
            "trajectory": trajectory.type,
            "rounds": trajectory.corrections,
            "actions": [action for action, _ in trajectory.actions],
        },
        notes=SftNotes(
            refused=refused, complete=all(reply.complete for reply in trajectory.replies), taken_back=tuple(false)
        ),
        parents=[reply.call_id for reply in trajectory.replies],
    )
