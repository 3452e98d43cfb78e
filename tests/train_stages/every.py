"""What every part of a training must keep, whoever wrote it. Parts of other packages can be given to the same checks."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
import torch
from transformers import AutoConfig, AutoModelForCausalLM, AutoModelForSequenceClassification, AutoTokenizer

from storage.errors import RecipeError
from synth.engines.verifier_reading import UNIT
from synth.problems.arithmetic import Arithmetic
from synth.problems.knights_knaves import KnightsKnaves
from train_stages.config import CptConfig, DistilConfig, PreferenceConfig, RlConfig, SftConfig, VerifierConfig
from train_stages.data.encode import encode_conversations
from train_stages.losses import LOSSES
from train_stages.losses.base import DistilLoss, Loss, PreferenceLoss, SupervisedLoss, VerifierLoss
from train_stages.losses.inputs import Answers, Pairs, Sampled, Scores, Taught, Tokens
from train_stages.optimisers.base import Optimiser
from train_stages.orders.base import Ordering, order_rows
from train_stages.parts import Kinds, Part
from train_stages.rewards.base import Response, Reward
from train_stages.schedules.base import Schedule
from train_stages.stages.cpt import cpt
from train_stages.stages.preference import preference
from train_stages.stages.rl import rl
from train_stages.stages.sft import sft
from train_stages.stages.verifier import verifier
from train_stages.transforms.base import (
    ChatTransform,
    Document,
    DocumentTransform,
    Transform,
    transformed,
    transformed_document,
)

CONFIGS: dict[str, Any] = {"sft": SftConfig, "cpt": CptConfig, "preference": PreferenceConfig, "rl": RlConfig,
                           "verifier": VerifierConfig, "distil": DistilConfig}  # fmt: skip
STAGES: dict[str, Callable[..., Any]] = {
    "sft": sft,
    "cpt": cpt,
    "preference": preference,
    "rl": rl,
    "verifier": verifier,
}
CLOSE = {"rtol": 0, "atol": 2e-6}


def tensor(values: Any) -> torch.Tensor:
    return torch.tensor(values, dtype=torch.float64)


def tensors(values: Any) -> Any:
    if isinstance(values, Mapping):
        return {name: tensor(value) for name, value in values.items()}
    return tensor(values)


def check_described(kinds: Kinds[Any], name: str) -> None:
    """The name is the file's, there is a sentence about it, every setting is described, and it is read as it is written."""
    part = kinds.get(name)
    assert part.name == name and part.summary().endswith(".") and issubclass(part, Part)
    assert all(field.description for field in part.model_fields.values())
    plain = kinds.read(name, "here")
    assert kinds.read(plain.model_dump(mode="json"), "here") == plain and plain.model_dump()["kind"] == name
    with pytest.raises(RecipeError, match=r"^here\.betta: "):
        kinds.read({"kind": name, "betta": 1}, "here")


# --- losses


def inputs(loss: Loss, example: Mapping[str, Any], logps: torch.Tensor | None = None) -> Any:
    """The inputs of a loss; `logps` stands for those of the example (of the chosen answers)."""
    if isinstance(loss, PreferenceLoss):
        sides = [{key: tensor(value) for key, value in example[side].items()} for side in ("chosen", "rejected")]
        if logps is not None:
            sides[0]["logps"] = logps
        drift = tensor(example["drift"]) if "drift" in example else None
        return Pairs(Answers(**sides[0]), Answers(**sides[1]), drift, tensors(example.get("columns", {})))
    if isinstance(loss, VerifierLoss):
        return Scores(
            **{**{key: tensor(value) for key, value in example.items()}, **({} if logps is None else {"scores": logps})}
        )
    if isinstance(loss, DistilLoss):
        return Taught(**{**tensors(example), **({} if logps is None else {"logps": logps})})
    given = {key: value if key in ("longest", "step_tokens") else tensors(value) for key, value in example.items()}
    if logps is not None:
        given["logps"] = logps
    return Tokens(**given) if isinstance(loss, SupervisedLoss) else Sampled(**given)


def start(loss: Loss, example: Mapping[str, Any]) -> torch.Tensor:
    answers = example["chosen"] if isinstance(loss, PreferenceLoss) else example
    return tensor(answers["scores" if isinstance(loss, VerifierLoss) else "logps"]).requires_grad_()


def gradient(loss: Loss, example: Mapping[str, Any]) -> torch.Tensor:
    logps = start(loss, example)
    loss(inputs(loss, example, logps)).sum().backward()
    assert logps.grad is not None
    return logps.grad


def check_formula(loss: type[Loss]) -> None:
    assert loss.examples, "a loss has a value that was worked out by hand"
    for example in loss.examples:
        instance = loss(**example.settings)
        value = instance(inputs(instance, example.inputs))
        torch.testing.assert_close(value, tensor(example.expected), **CLOSE)


def check_gradient(loss: type[Loss]) -> None:
    for example in loss.examples:
        instance = loss(**example.settings)
        if example.gradient is not None:
            torch.testing.assert_close(gradient(instance, example.inputs), tensor(example.gradient), **CLOSE)
        if not loss.stops_gradient:
            logps = start(instance, example.inputs)
            assert torch.autograd.gradcheck(lambda x: instance(inputs(instance, example.inputs, x)), (logps,))  # noqa: B023
    if loss.stops_gradient:
        assert any(example.gradient is not None for example in loss.examples), "what stops gradients has one by hand"


def check_neutral(loss: type[Loss]) -> None:
    assert loss.neutral is not None
    neutral, base = loss(**loss.neutral.settings), LOSSES.make(loss.neutral.base)
    shared = {name: getattr(neutral, name) for name in type(base).model_fields if name in loss.model_fields}
    base = type(base)(**shared)
    for example in loss.examples:
        torch.testing.assert_close(gradient(neutral, example.inputs), gradient(base, example.inputs), rtol=0, atol=1e-6)
        if not loss.neutral.gradient:
            value = neutral(inputs(neutral, example.inputs))
            torch.testing.assert_close(value, base(inputs(base, example.inputs)), rtol=0, atol=1e-6)


def check_packing(loss: type[Loss], base: Any, rows: pa.Table, folder: Any) -> None:
    """Either packed rows are refused, or the loss of packed rows is that of the same rows apart from each other."""
    options = {"loss": loss.name, "batch_tokens": 100_000, "max_length": 128, "device": "cpu", "log_every": 1}
    if issubclass(loss, SupervisedLoss) and not loss.needs_unpacked and not loss.columns:
        losses = [
            sft(base, rows, folder / str(packing), SftConfig(packing=packing, **options)).history[0]["loss"]
            for packing in (True, False)
        ]
        assert losses[0] == pytest.approx(losses[1], rel=1e-4)
        return
    for stage in loss.stages:
        with pytest.raises((RecipeError, ValueError), match=r"packed|packing"):
            read(stage, packing="best_fit" if stage == "cpt" else True, loss=loss.name)


LEVEL = {
    "device": "cpu", "log_every": 1, "max_length": 128, "max_grad_norm": 0, "learning_rate": 1e-3,
    "schedule": {"kind": "constant", "warmup": 0},
}  # fmt: skip
"""Settings under which every step is taken in full, so that a training of one step is the beginning of one of two."""


def log_probabilities(model: Any, ids: list[int], labels: list[int]) -> tuple[torch.Tensor, torch.Tensor]:
    """Log-probability of each label, 0 where there is none; and where there is one."""
    with torch.no_grad():
        logs = torch.log_softmax(model(input_ids=torch.tensor([ids])).logits[0, :-1], -1)
    targets = torch.tensor(labels[1:])
    return logs.gather(1, targets.clamp(min=0)[:, None])[:, 0] * (targets >= 0), (targets >= 0).float()


def check_supervised_trainer(part: type[SupervisedLoss], base: Any, rows: pa.Table, folder: Any) -> None:
    """Two steps on all rows, in several micro-batches: the loss of the parent, and of what a step made of it."""
    encoded = encode_conversations(AutoTokenizer.from_pretrained(base), rows["messages"].to_pylist(), 128)
    loss = part()
    options = {"loss": loss, "batch_tokens": encoded.tokens, "micro_batch_tokens": encoded.tokens // 3, **LEVEL}
    two_steps = sft(base, rows, folder / "two", SftConfig(epochs=2, **options))
    one_step = sft(base, rows, folder / "one", SftConfig(epochs=1, **options))
    parent, after = (AutoModelForCausalLM.from_pretrained(path) for path in (base, one_step.path))

    def by_hand(model: Any) -> float:
        total, count = 0.0, 0.0
        columns = (encoded.table["input_ids"].to_pylist(), encoded.table["labels"].to_pylist())
        for ids, labels in zip(*columns, strict=True):
            logps, mask = log_probabilities(model, ids, labels)
            before = log_probabilities(parent, ids, labels)[0]
            total += float(loss(Tokens(logps[None], mask[None], before[None])).sum())
            count += float(mask.sum()) if loss.per == "token" else 1
        return total / count

    losses = [entry["loss"] for entry in two_steps.history if "loss" in entry]
    assert len(losses) >= 2 and losses[0] == pytest.approx(by_hand(parent), rel=2e-4)
    assert losses[1] == pytest.approx(by_hand(after), rel=2e-4) and losses[1] != pytest.approx(losses[0], rel=1e-4)


def read(stage: str, **options: Any) -> Any:
    from train_stages.config import read_config

    return read_config(CONFIGS[stage], options, stage)


def weights(path: Any) -> dict[str, torch.Tensor]:
    if getattr(AutoConfig.from_pretrained(path), UNIT, None):
        return AutoModelForSequenceClassification.from_pretrained(path).state_dict()
    return AutoModelForCausalLM.from_pretrained(path).state_dict()


class StopError(Exception):
    pass


def check_resume(stage: str, base: Any, rows: Any, folder: Any, **options: Any) -> Any:
    """A training that breaks off after its third step, and goes on from its second, ends with the very same weights."""
    config = CONFIGS[stage](**{"device": "cpu", "save_every": 2, "log_every": 1, "max_length": 128, **options})
    whole = STAGES[stage](base, rows, folder / "whole", config)
    assert whole.metrics["steps"] >= 4

    def stopping(_: str, step: int, __: int) -> None:
        if step == 3:
            raise StopError

    with pytest.raises(StopError):
        STAGES[stage](base, rows, folder / "broken", config, progress=stopping)
    again = STAGES[stage](base, rows, folder / "broken", config)
    assert again.metrics["resumed_at_step"] == 2
    learned, before = weights(whole.path), weights(base)
    assert all(torch.equal(value, learned[name]) for name, value in weights(again.path).items())
    assert any(not torch.equal(value, learned[name]) for name, value in before.items() if name in learned), "it did"
    return whole


# --- rewards


def problem_of_task(task: str) -> Any:
    if task == "knights_knaves":
        return KnightsKnaves((2,), "compact").draw(1, seed=1)[0]
    return Arithmetic([1]).draw(1, seed=1)[0]


def check_reward(reward: type[Reward]) -> None:
    assert reward.examples, "a reward has a value that was worked out by hand"
    for example in reward.examples:
        instance, problem = reward(**example.settings), problem_of_task(example.task)
        response = Response(problem, example.response.replace("{gold}", problem.gold), example.tokens, example.earned)
        assert instance.applies(problem)
        earned = instance(response)
        assert earned == (None if example.expected is None else pytest.approx(example.expected, abs=1e-6))
        assert instance(response) == earned, "a reward is a function"
        for text in ("", "\0", "#### ", "x" * 5000):
            extreme = instance(Response(problem, text))
            assert extreme is None or np.isfinite(extreme)


# --- orders


def check_order(order: type[Ordering]) -> None:
    assert order.examples, "an order has one that was worked out by hand"
    for example in order.examples:
        for seed in (0, 1):
            given = {"difficulty": example.difficulty, "subjects": example.subjects or None, "seed": seed}
            visited = order_rows(len(example.expected), order(**example.settings), **given)
            assert visited.tolist() == list(example.expected)
    random = np.random.default_rng(0)
    for rows, visits in ((1, 5), (7, 7), (40, 13), (40, 100)):
        given = {"difficulty": random.random(rows).tolist(), "subjects": [f"{n % 3}" for n in range(rows)], "seed": 3}
        visited = order_rows(visits, order(), **given)
        assert visited.dtype == np.int64 and len(visited) == visits and set(visited.tolist()) <= set(range(rows))
        assert (visited == order_rows(visits, order(), **given)).all(), "an order is a function of its seed"
        if type(order()).__call__ is Ordering.__call__ and visits >= rows:
            assert sorted(visited[:rows].tolist()) == list(range(rows)), "a pass sees every row"


# --- schedules


def check_schedule(schedule: type[Schedule]) -> None:
    assert schedule.examples, "a schedule has one that was worked out by hand"
    for example in schedule.examples:
        instance = schedule(**example.settings)
        assert [instance(step, example.steps) for step in range(example.steps)] == pytest.approx(
            example.expected, abs=1e-6
        )
    for steps in (2, 7, 100):
        factors = [schedule()(step, steps) for step in range(steps + 1)]  # a scheduler asks once more than it steps
        assert all(0 <= factor <= 1 for factor in factors) and max(factors) > 0


# --- optimisers


def check_optimiser(optimiser: type[Optimiser]) -> None:
    assert optimiser.examples, "an optimiser has steps that were worked out by hand"
    for example in optimiser.examples:
        before = torch.tensor(example.weight)
        model = torch.nn.Sequential(torch.nn.Linear(before.shape[1], before.shape[0], bias=False))
        weight = model[0].weight
        weight.data.copy_(before)
        rates = {"learning_rate": example.learning_rate, "weight_decay": example.weight_decay}
        instance = optimiser(**example.settings).build(model, **rates)
        for given in example.gradients:
            weight.grad = torch.tensor(given)
            instance.step()
            held = instance.state_dict()
            instance = optimiser(**example.settings).build(model, **rates)
            instance.load_state_dict(held)  # what it keeps is enough to go on
        torch.testing.assert_close(weight.data, torch.tensor(example.expected), rtol=0, atol=1e-5)


# --- transforms


def check_transform(transform: type[Transform]) -> None:
    assert transform.examples, "a transform has one that was worked out by hand"
    for example in transform.examples:
        for seed in (0, 1):
            given = _applied(transform(**example.settings), example.text, np.random.default_rng(seed))
            assert given == example.expected
    texts = [problem.solution for problem in Arithmetic([1, 2]).draw(40, seed=1)] + ["", "one line", "a\n\nb\n#### 1"]
    for number, text in enumerate(texts):
        if issubclass(transform, ChatTransform):
            check_chat(transform, text, str(number))
        elif issubclass(transform, DocumentTransform):
            check_document(transform, text, str(number))


def _applied(transform: Transform, text: Any, rng: np.random.Generator) -> Any:
    if isinstance(transform, ChatTransform):
        return transform(text, rng) if isinstance(text, str) else transform.turns(text, rng)
    assert isinstance(transform, DocumentTransform)
    return transform(text, rng) or Document("", text)


def check_chat(transform: type[ChatTransform], text: str, row: str) -> None:
    chat = [{"role": "user", "content": text}, {"role": "assistant", "content": text}]
    after = transformed(chat, [transform()], 7, row)
    assert [turn["role"] for turn in after] == ["user", "assistant"]
    assert transformed(chat, [transform()], 7, row) == after, "a transform is a function of its seed"
    if transform.turns is ChatTransform.turns:
        assert after[0] == chat[0], "what the user says is left alone"
    if transform.keeps_last_line:
        assert after[1]["content"].split("\n")[-1] == text.split("\n")[-1]
    if transform.neutral is not None:
        assert transformed(chat, [transform(**transform.neutral)], 7, row) == chat


def check_document(transform: type[DocumentTransform], text: str, row: str) -> None:
    after = transformed_document(text, [transform()], 7, row)
    assert transformed_document(text, [transform()], 7, row) == after, "a transform is a function of its seed"
    assert after.learned or not text, "something is learned of every document"
    assert transformed_document(text, [transform(**(transform.neutral or {}))], 7, row) == Document("", text)
