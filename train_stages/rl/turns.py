"""Rollouts with turns: TRL's rollout hook (`rollout_func`) plays an environment, and what the environment says carries no loss.

A response is then the whole dialogue behind the prompt: the tokens that the model wrote, as it wrote them, and between them the
tokens of the environment's turns as the chat template renders them, masked by TRL's `env_mask`. Rewards judge the last reply.

An environment, or the setting `credit`, may leave replies of the model out of the loss too, and let all responses to a problem
begin with the same reply (Reflect, Retry, Reward, arXiv:2505.24726): they are then compared for what follows alone.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from storage.errors import TrainingError
from storage.ids import seed_from
from storage.messages import Message, for_template
from synth.calls.thoughts import part
from synth.environments.dialogue import Dialogue
from synth.environments.playing import PlaySpec, played_in, run_once, take
from synth.problems.base import Problem
from train_stages.config import RlConfig

if TYPE_CHECKING:
    from trl import GRPOTrainer as TrlTrainer
else:
    TrlTrainer = object  # importing TRL takes seconds; `grpo_trainer` puts the real one below this class


@dataclass(slots=True)
class Rollout:
    """A dialogue in play, and its tokens.

    Attributes:
        dialogue: The dialogue; None where the problem is asked once.
        prompt: Tokens of the question as the template renders it.
        tokens: Tokens behind it.
        learned: For each of them 1 where it carries loss, 0 in the environment's turns and in replies without credit.
        logps: Log-probability of each where a server gave them, 0 for the environment's.
        final: What the model said last, without thoughts.
        open: Whether another reply is asked for.
        replies: How many the model has written.
        own: Tokens of the model's, with and without credit.
    """

    dialogue: Dialogue | None
    prompt: list[int]
    tokens: list[int] = field(default_factory=list)
    learned: list[int] = field(default_factory=list)
    logps: list[float] = field(default_factory=list)
    final: str = ""
    open: bool = True
    replies: int = 0
    own: int = 0

    @property
    def shared(self) -> bool:
        """Whether its group begins with one reply for all."""
        return self.dialogue is not None and self.dialogue.environment.shared_replies > 0

    @property
    def earned(self) -> float | None:
        """What the environment gave: 0 where the dialogue did not end, or there was none."""
        return self.dialogue.reward if self.dialogue is not None and self.dialogue.done else 0.0


class TurnRollouts(TrlTrainer):  # type: ignore[misc, unused-ignore]
    """Plays problems in the environment of the settings, or of their task."""

    policy: Any
    _numbers: Sequence[int] = ()

    def sample(self, inputs: list[dict[str, Any]]) -> dict[str, Any]:
        """Sample and score once, having noted which problems are asked."""
        self._numbers = [row["number"] for row in inputs]
        batch: dict[str, Any] = super().sample(inputs)
        return batch

    def _generate(self, prompts: list[Any]) -> Any:
        self._last_loaded_step = (
            self.state.global_step
        )  # our server has the weights: TRL need not bring them to one of its own
        return super()._generate(prompts)

    def _calculate_rewards(self, inputs: Any, prompts: Any, completions: Any, *more: Any) -> Any:
        """Reward the last reply of each dialogue."""
        last = [[{"role": "assistant", "content": row["final"]}] for row in inputs]
        return super()._calculate_rewards(inputs, prompts, last, *more)


def check_environment(problems: Sequence[Problem], config: RlConfig) -> None:
    """Refuse a reward of an environment where nothing is played in one, and turns that several processes would play.

    Raises:
        TrainingError: One of them is asked for.
    """
    turns = plays(problems, config.environment)
    if turns and config.accelerate is not None:
        raise TrainingError("rl: dialogues differ in their turns, so one process plays them: leave accelerate out")
    if any(reward.name == "environment" for reward in config.rewards) and not turns:
        raise TrainingError("rl: the reward environment is what an environment gives; name one, environment: python")
    if config.credit is not None and not turns:
        raise TrainingError(
            "rl: credit says which replies of a dialogue carry loss; name an environment, or leave it out"
        )


def plays(problems: Sequence[Problem], spec: PlaySpec | None) -> bool:
    """Whether some of the problems are played in turns."""
    return any(
        played_in(problem, spec) is not None for problem in {problem.task: problem for problem in problems}.values()
    )


def rollout(prompts: list[list[Message]], trainer: Any) -> dict[str, Any]:
    """Play the prompts of a step, as TRL's `rollout_func`: tokens, log-probabilities, `env_mask`, and what rewards read.

    Raises:
        TrainingError: The chat template changes earlier turns when later ones follow.
        SandboxError: The environment runs programs, and there is no working sandbox here.
    """
    problems = [trainer.policy.problems[number] for number in trainer._numbers]
    rollouts = [_begin(trainer, problem, prompt) for problem, prompt in zip(problems, prompts, strict=True)]
    served, playing, turn = False, list(rollouts), 0
    while playing:
        served = _turn(trainer, playing, turn)
        playing, turn = [rollout for rollout in playing if rollout.open], turn + 1
    _note(trainer, rollouts)
    return {
        "prompt_ids": [rollout.prompt for rollout in rollouts],
        "completion_ids": [rollout.tokens for rollout in rollouts],
        "logprobs": [rollout.logps for rollout in rollouts] if served else None,
        "env_mask": [rollout.learned for rollout in rollouts],
        "final": [rollout.final for rollout in rollouts],
        "earned_by_turns": [rollout.earned for rollout in rollouts],
        "turns": [1 if rollout.dialogue is None else rollout.dialogue.replies for rollout in rollouts],
    }


def _turn(trainer: Any, playing: list[Rollout], turn: int) -> bool:
    """Let the model reply in each of the open dialogues, and return whether a server did so.

    In the first turn all dialogues are open, those of a group beside each other; a group that shares its first reply is asked once.
    """
    group, askers, samples = trainer.num_generations, playing, 1
    sharing = turn == 0 and any(rollout.shared for rollout in playing)
    if sharing:
        askers = [rollout for number, rollout in enumerate(playing) if not rollout.shared or number % group == 0]
    elif turn == 0:
        samples = group  # each prompt stands there for every response to it: who answers may read it once
    ids, logps = trainer._generate_single_turn(
        [[*rollout.prompt, *rollout.tokens] for rollout in askers], None, {}, samples
    )
    replies = {
        id(rollout): (ids[at], logps[at] if logps else [0.0] * len(ids[at])) for at, rollout in enumerate(askers)
    }
    for number, rollout in enumerate(playing):
        asker = playing[number - number % group] if sharing and rollout.shared else rollout
        _write(trainer, rollout, *replies[id(asker)])
    return logps is not None


def _credit(config: RlConfig, rollout: Rollout) -> tuple[int, ...] | None:
    """Numbers of the replies that carry loss; None where all do."""
    if rollout.dialogue is None:
        return None
    return config.credit or rollout.dialogue.environment.credited_replies


def _note(trainer: Any, rollouts: Sequence[Rollout]) -> None:
    """Note the curves of dialogues: replies, the share that had one alone, the share of what was written that has credit."""
    own = sum(rollout.own for rollout in rollouts)
    figures = {
        "replies": sum(rollout.replies for rollout in rollouts) / len(rollouts),
        "one_reply": sum(rollout.replies == 1 for rollout in rollouts) / len(rollouts),
        "credited": sum(sum(rollout.learned) for rollout in rollouts) / own if own else 0.0,
    }
    for name, value in figures.items():
        trainer._metrics["train"][f"behaviour/{name}"].append(value)


def _begin(trainer: Any, problem: Problem, prompt: list[Message]) -> Rollout:
    spec = played_in(problem, trainer.policy.config.environment)
    if spec is None:
        return Rollout(None, _tokens(trainer, _render(trainer, prompt, None, generate=True)))
    seed = seed_from("environment", trainer.policy.seed, problem.id)
    dialogue = Dialogue(spec.environment, problem, prompt, seed=seed, turns=spec.turns, form=spec.form)
    return Rollout(dialogue, _tokens(trainer, _render(trainer, dialogue.messages, dialogue.tools, generate=True)))


def _write(trainer: Any, rollout: Rollout, ids: list[int], logps: list[float]) -> None:
    """Add what the model wrote, and what the environment says to it."""
    room = trainer.max_completion_length - len(rollout.tokens)
    ids, logps = ids[:room], logps[:room]
    credit = _credit(trainer.policy.config, rollout)
    _add(rollout, ids, logps, int(credit is None or rollout.replies in credit))
    rollout.replies, rollout.own = rollout.replies + 1, rollout.own + len(ids)
    tokenizer = trainer._tokenizer
    ended = bool(ids) and ids[-1] in trainer.eos_token_ids
    opened = tokenizer.decode(rollout.prompt[-8:]).rstrip().endswith("<think>")
    rollout.final = part(tokenizer.decode(ids, skip_special_tokens=True), opened=opened, complete=ended).said
    rollout.open = False
    if rollout.dialogue is None or not ended:
        return
    before = len(rollout.dialogue.messages)
    if not take(rollout.dialogue, rollout.final, run_once):
        return
    told = _told(trainer, rollout.dialogue, before, tokenizer.decode([ids[-1]]))
    room = min(trainer.max_completion_length, trainer.model.config.max_position_embeddings - len(rollout.prompt) - 1)
    if len(rollout.tokens) + len(told) < room:
        _add(rollout, told, [0.0] * len(told), 0)
        rollout.open = True


def _add(rollout: Rollout, ids: Sequence[int], logps: Sequence[float], learned: int) -> None:
    rollout.tokens += ids
    rollout.logps += logps
    rollout.learned += [learned] * len(ids)


def _told(trainer: Any, dialogue: Dialogue, before: int, end: str) -> list[int]:
    """Tokens of the environment's last turns, from the end of the reply to where the model writes again.

    Raises:
        TrainingError: The template changes a reply when turns follow it.
    """
    head = [{"role": "user", "content": "-"}, dialogue.messages[before]]
    prefix = _render(trainer, head, dialogue.tools, generate=False)
    whole = _render(trainer, [*head, *dialogue.messages[before + 1 :]], dialogue.tools, generate=True)
    cut = prefix.rfind(end) + len(end) if end in prefix else len(prefix)
    if not whole.startswith(prefix[:cut]):
        raise TrainingError(
            "rl: the chat template changes a reply when turns follow it (it drops thoughts, say), so a dialogue cannot be rolled "
            "out turn by turn; take a template that keeps them, or leave `environment` out"
        )
    return _tokens(trainer, whole[cut:])


def _render(trainer: Any, chat: Sequence[Message], tools: Any, *, generate: bool) -> str:
    return str(
        trainer._tokenizer.apply_chat_template(
            for_template(chat),
            tools=tools,
            tokenize=False,
            add_generation_prompt=generate,
            **trainer.chat_template_kwargs,
        )
    )


def _tokens(trainer: Any, text: str) -> list[int]:
    return list(trainer._tokenizer(text, add_special_tokens=False, verbose=False)["input_ids"])
