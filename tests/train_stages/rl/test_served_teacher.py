"""A teacher behind a real vLLM: what it says of responses is what the same checkpoint says here, and a model learns from it."""

from math import log

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

from storage.errors import ModelServerError, RecipeError, TrainingError
from synth.sample import problem_row
from tests.train_stages import every
from train_stages.config import DistilConfig
from train_stages.losses import LOSSES
from train_stages.losses.inputs import Taught
from train_stages.process.job import Job
from train_stages.rl.served_teacher import ServedTeacher, over_words
from train_stages.stages.distil import _trainer, bare_prompt, check_distil, distil

STUDENT = torch.tensor([[[0.5, 0.3, 0.2], [0.1, 0.1, 0.8]]]).log()
ONES = torch.ones(1, 2)


def test_the_divergence_over_words_and_a_bucket_by_hand():
    own, taught = over_words(STUDENT, [[{0: log(0.75), 2: log(0.15)}]])
    torch.testing.assert_close(own[0, 0].exp(), torch.tensor([0.5, 0.2, 0.3]))
    torch.testing.assert_close(taught[0, 0].exp(), torch.tensor([0.75, 0.15, 0.1]))
    loss = LOSSES.make("generalised_jsd")(Taught(own, taught, ONES))
    by_hand = 0.5 * log(0.5 / 0.75) + 0.2 * log(0.2 / 0.15) + 0.3 * log(0.3 / 0.1)
    assert loss[0].tolist() == pytest.approx([by_hand, 0.0], abs=1e-5), "nothing was said of the second place"


@pytest.mark.parametrize(
    "loss", [{"kind": "generalised_jsd", "beta": beta} for beta in (0, 0.3, 1)] + [{"kind": "forward_kl"}]
)
def test_with_every_word_it_is_the_divergence_itself_and_never_more_with_fewer(loss):
    torch.manual_seed(0)
    logits, teacher = torch.randn(2, 3, 6, requires_grad=True), torch.randn(2, 3, 6).log_softmax(-1)
    part, mask = LOSSES.read(loss, "loss"), torch.ones(2, 3)
    whole = part(Taught(logits.log_softmax(-1), teacher, mask))

    def seen(words):
        best = teacher.topk(words, dim=-1)
        looks = [
            [dict(zip(ids.tolist(), values.tolist(), strict=True)) for ids, values in zip(row_ids, row, strict=True)]
            for row_ids, row in zip(best.indices, best.values, strict=True)
        ]
        return part(Taught(*over_words(logits.log_softmax(-1), looks), mask))

    torch.testing.assert_close(seen(6), whole, rtol=0, atol=2e-5)
    assert (seen(2) <= whole + 1e-5).all()
    ours, theirs = (torch.autograd.grad(value.sum(), logits, retain_graph=True)[0] for value in (seen(6), whole))
    torch.testing.assert_close(ours, theirs, rtol=0, atol=1e-4)


def test_places_with_fewer_words_than_others_and_words_of_no_probability_have_a_finite_loss():
    own, taught = over_words(STUDENT, [[{0: log(0.9)}, {0: log(0.5), 1: log(0.4), 2: -9999.0}]])
    for beta in (0, 0.5, 1):
        loss = LOSSES.make("generalised_jsd", beta=beta)(Taught(own, taught, ONES))
        assert torch.isfinite(loss).all()


@pytest.fixture(scope="module")
def student(vllm_server, tmp_path_factory):
    """The served checkpoint with other weights."""
    folder = tmp_path_factory.mktemp("student") / "student"
    torch.manual_seed(1)
    model = AutoModelForCausalLM.from_pretrained(vllm_server.checkpoint)
    with torch.no_grad():
        for weight in model.parameters():
            weight += 0.3 * weight.std() * torch.randn_like(weight) if weight.dim() == 2 else 0
    model.save_pretrained(folder)
    AutoTokenizer.from_pretrained(vllm_server.checkpoint).save_pretrained(folder)
    return folder


OPTIONS = {"device": "cpu", "max_tokens": 8, "prompts_per_step": 4, "log_every": 1, "max_length": 512}


def test_a_served_teacher_says_what_its_checkpoint_says(vllm_server, student, problems, tmp_path):
    config = DistilConfig(**OPTIONS, teacher_endpoint=vllm_server.endpoint)
    trainer, _ = _trainer(
        tmp_path, student, ServedTeacher(vllm_server.endpoint, 20), problems[:4], bare_prompt, config, 0, None
    )
    prompt = torch.tensor([[1, 2, 5, 40, 41], [2, 5, 50, 51, 52]])
    ids, mask = torch.tensor([[60, 61, 62], [70, 71, 3]]), torch.tensor([[1, 1, 1], [1, 1, 0]])
    attention = torch.ones_like(prompt)
    attention[0, 0] = 0  # a shorter question, filled up on the left
    inputs = {"prompt_ids": prompt, "prompt_mask": attention, "completion_ids": ids, "completion_mask": mask}
    computed, _, count = trainer._compute_loss(trainer.model, inputs, None)

    whole = torch.cat([attention, torch.ones_like(mask)], 1)

    def distribution(path):
        model = AutoModelForCausalLM.from_pretrained(path, dtype=torch.float32)
        return model(input_ids=torch.cat([prompt, ids], 1), attention_mask=whole).logits[:, 4:-1].log_softmax(-1)

    with torch.no_grad():
        own, local = distribution(student), distribution(vllm_server.checkpoint)
    rows = [[2, 5, 40, 41, 60, 61, 62], [2, 5, 50, 51, 52, 70, 71]]
    looks = ServedTeacher(vllm_server.endpoint, 20).look(rows, [4, 5])
    assert [len(look) for look in looks] == [3, 2] and all(20 <= len(place) <= 21 for look in looks for place in look)
    for row, look in enumerate(looks):
        for at, place in enumerate(look):
            assert int(ids[row, at]) in place, "the token that stands there is among them"
            for word, logp in place.items():
                assert logp == pytest.approx(float(local[row, at, word]), abs=0.05), "it is served in bfloat16"
    same = [
        [{word: float(local[row, at, word]) for word in place} for at, place in enumerate(look)]
        for row, look in enumerate(looks)
    ]
    expected = config.loss(Taught(*over_words(own, same), mask)).sum() / 5
    assert count == 5 and computed.item() == pytest.approx(expected.item(), rel=0.05) and expected > 0.001


def test_a_model_learns_from_it(vllm_server, student, problems, tmp_path):
    config = DistilConfig(**OPTIONS, teacher_endpoint=vllm_server.endpoint, steps=6, learning_rate=3e-3)
    learned = distil(student, problems[:24], tmp_path / "out", config)
    losses = [entry["loss"] for entry in learned.history if "loss" in entry]
    assert sum(losses[-2:]) < sum(losses[:2])
    before = every.weights(student)
    assert any(not torch.equal(value, before[name]) for name, value in every.weights(learned.path).items())


def test_its_tokenizer_is_tried_before_it_begins(vllm_server, base, student, problems, tmp_path):
    rows = tmp_path / "problems.parquet"
    pq.write_table(pa.Table.from_pylist([problem_row(p, split="train", night="n") for p in problems[:5]]), rows)
    options = {**OPTIONS, "max_length": 120, "teacher_endpoint": vllm_server.endpoint}
    assert (
        check_distil(Job(parent=student, rows=rows, out=tmp_path / "out", options={**options, "max_length": 512}))[
            "problems"
        ]
        == 5
    )
    with pytest.raises(TrainingError, match="has another tokenizer"):
        check_distil(Job(parent=base, rows=rows, out=tmp_path / "out", options=options))
    with pytest.raises(ModelServerError, match=r"max-logprobs|refused"):
        ServedTeacher(vllm_server.endpoint, 90).look([[2, 5, 40]], [1])


def test_one_teacher_is_named():
    for wrong, message in (
        ({}, "name one teacher"),
        ({"teacher": "a", "teacher_endpoint": "http://127.0.0.1:1"}, "name one teacher"),
        ({"teacher": "a", "teacher_words": 5}, "teacher_words is for teacher_endpoint"),
        ({"teacher_endpoint": "http://127.0.0.1:1", "temperature": 0.7}, "at temperature 1"),
        ({"teacher_endpoint": "http://127.0.0.1:1", "teacher_words": 0}, "leaves nothing to learn"),
    ):
        with pytest.raises(RecipeError, match=message):
            every.read("distil", **wrong)
    assert every.read("distil", teacher="a").models == ["a"]
    assert every.read("distil", teacher_endpoint="http://127.0.0.1:1").models == []
