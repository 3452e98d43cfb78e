import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch
from transformers import AutoModelForCausalLM

from storage.errors import TrainingError
from storage.models.adapters import base_of, is_adapter
from synth.sample import problem_row
from tests.train_stages import every
from tests.train_stages.conftest import SMALL
from train_stages.config import DistilConfig, SftConfig
from train_stages.losses import LOSSES
from train_stages.losses.inputs import Taught
from train_stages.models.tiny import create_base
from train_stages.process.job import Job
from train_stages.stages.distil import DRAWN, _trainer, bare_prompt, check_distil, distil
from train_stages.stages.sft import sft

OPTIONS = {"teacher": "teacher", "device": "cpu", "max_tokens": 8, "prompts_per_step": 8, "log_every": 1}


@pytest.fixture(scope="module")
def teacher(base, rows, tmp_path_factory):
    out = tmp_path_factory.mktemp("teacher") / "teacher"
    return sft(base, rows, out, SftConfig(device="cpu", learning_rate=1e-2, batch_tokens=1000, epochs=2)).path


@pytest.mark.slow
@pytest.mark.parametrize("loss", ["forward_kl", "generalised_jsd", {"kind": "generalised_jsd", "beta": 0.3}])
def test_trl_computes_the_loss_of_the_formula(base, teacher, problems, tmp_path, loss):
    config = DistilConfig(**OPTIONS, loss=loss, temperature=0.7)
    trainer, _ = _trainer(tmp_path, base, teacher, problems[:8], bare_prompt, config, 0, None)
    prompt, ids = torch.tensor([[1, 2], [3, 4]]), torch.tensor([[5, 6, 7], [8, 9, 10]])
    mask = torch.tensor([[1, 1, 1], [1, 1, 0]])

    def distribution(path):
        logits = AutoModelForCausalLM.from_pretrained(path)(input_ids=torch.cat([prompt, ids], 1)).logits[:, 1:-1]
        return (logits / 0.7).log_softmax(-1)

    inputs = {
        "prompt_ids": prompt,
        "prompt_mask": torch.ones_like(prompt),
        "completion_ids": ids,
        "completion_mask": mask,
    }
    computed, _, count = trainer._compute_loss(trainer.model, inputs, None)
    expected = config.loss(Taught(distribution(base), distribution(teacher), mask)).sum() / 5
    assert count == 5 and expected > 0.01
    assert computed.item() == pytest.approx(expected.item(), rel=1e-4)


def test_of_a_certain_teacher_forward_kl_is_cross_entropy():
    logits = torch.randn(1, 3, 5, dtype=torch.float64, requires_grad=True)
    labels = torch.tensor([[1, 4, 0]])
    certain = torch.nn.functional.one_hot(labels, 5).double().clamp(min=1e-300).log()
    taught = Taught(logits.log_softmax(-1), certain, torch.ones(1, 3, dtype=torch.float64))
    value = LOSSES.make("forward_kl")(taught).mean()
    plain = torch.nn.functional.cross_entropy(logits[0], labels[0])
    torch.testing.assert_close(value, plain, rtol=0, atol=1e-9)
    ours, theirs = (torch.autograd.grad(loss, logits, retain_graph=True)[0] for loss in (value, plain))
    torch.testing.assert_close(ours, theirs, rtol=0, atol=1e-9)


@pytest.mark.slow
def test_the_model_comes_nearer_to_its_teacher_and_a_model_that_is_its_own_teacher_stays(
    base, teacher, problems, tmp_path
):
    learned = distil(
        base, problems, tmp_path / "out", DistilConfig(**OPTIONS, steps=12, learning_rate=5e-3), teacher=teacher
    )  # fmt: skip
    losses = [entry["loss"] for entry in learned.history if "loss" in entry]
    assert sum(losses[-3:]) < 0.8 * sum(losses[:3])
    assert learned.tokens > 12 * 8 and learned.metrics["steps"] == 12
    drawn = pq.read_table(learned.path / DRAWN)["problem_id"].to_pylist()
    assert len(drawn) == 96 and set(drawn) <= {problem.id for problem in problems}
    same = distil(base, problems, tmp_path / "same", DistilConfig(**OPTIONS, steps=1, learning_rate=1e-6), teacher=base)
    before = every.weights(base)
    assert same.metrics["loss"] == pytest.approx(0, abs=1e-6)
    assert all(torch.allclose(value, before[key], rtol=0, atol=3e-6) for key, value in every.weights(same.path).items())


@pytest.mark.slow
def test_a_training_that_breaks_off_and_a_loss_that_trl_does_not_know_make_the_same_weights(
    base, teacher, problems, tmp_path, monkeypatch
):
    def stage(parent, asked, out, config, **options):
        return distil(parent, asked, out, config, teacher=teacher, **options)

    monkeypatch.setitem(every.STAGES, "distil", stage)
    options = {**OPTIONS, "steps": 4, "learning_rate": 1e-3, "micro_batch_tokens": 32}
    whole = every.check_resume("distil", base, problems[:20], tmp_path, **options)

    class Outside(LOSSES.get("generalised_jsd")):
        trl = None

    by_formula = distil(
        base, problems[:20], tmp_path / "formula", DistilConfig(**options, loss=Outside(), max_length=128), teacher=teacher
    )  # fmt: skip
    learned = every.weights(whole.path)
    assert all(
        torch.allclose(value, learned[key], rtol=0, atol=2e-5) for key, value in every.weights(by_formula.path).items()
    )


@pytest.mark.slow
def test_an_adapter_learns_and_what_is_beneath_it_stays(base, teacher, problems, tmp_path):
    before = every.weights(base)
    options = {**OPTIONS, "steps": 8, "learning_rate": 2e-2, "adapter": {"r": 4, "alpha": 8}}
    learned = distil(base, problems, tmp_path / "out", DistilConfig(**options), teacher=teacher)
    losses = [entry["loss"] for entry in learned.history if "loss" in entry]
    assert sum(losses[-2:]) < 0.98 * sum(losses[:2])
    assert is_adapter(learned.path) and base_of(learned.path) == base
    assert all(torch.equal(value, before[key]) for key, value in every.weights(base).items())


def test_a_teacher_of_another_tokenizer_is_refused_and_memory_holds_both(base, problems, tmp_path):
    stranger = create_base(tmp_path / "stranger", ["other words entirely " * 20], config=SMALL)
    rows = tmp_path / "problems.parquet"
    pq.write_table(pa.Table.from_pylist([problem_row(p, split="train", night="n") for p in problems[:5]]), rows)

    def check(path, **options):
        job = Job(
            parent=base, rows=rows, out=tmp_path / "out", options={**OPTIONS, **options}, models={"teacher": path}
        )
        return check_distil(job)

    seen = check(base)
    assert seen["longest_prompt"] > 5 and "<|user|>" in seen["one_prompt"]
    with pytest.raises(TrainingError, match="only a model of the same family can teach"):
        check(stranger)
    with pytest.raises(TrainingError, match="set max_length to"):
        check(base, max_length=20)


def test_a_plan_names_the_teacher_and_learns_from_problems():
    from train_stages.plan.steps import read_plan

    first, second = read_plan([{"sft": {"name": "taught"}}, {"distil": {"teacher": "taught", "from": "student"}}])
    assert second.models["taught"].step == first.name
    assert second.checkpoint == "student" and second.stage.asks
