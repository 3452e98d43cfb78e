"""TRL itself reads the shapes: its trainers are made on a tiny model and learn from them for a step."""

import json

import pytest

from storage.errors import RecipeError
from storage.releases.shapes import SHAPES, shaped
from synth.methods import get_method
from synth.problems import get_task, open_source
from tests.synth.conftest import Scripted
from tests.synth.methods.dialogue import corrupt, run


@pytest.fixture
async def rows(ledger):
    """Rows of every kind, as methods make them."""
    from synth.engines.solver import Solver

    problems = list(open_source("arithmetic", {"tiers": [2]}).draw(6, seed=1, tier=2))
    student = Scripted(lambda request: corrupt(request.problem))
    better = Scripted(lambda request: f"Again:\n{get_task('arithmetic').solve(request.problem)}")
    samples = []
    for name in ("tutorship", "critique"):
        samples += (await run(ledger, get_method(name), problems, student=student, teacher=Solver()))[1].to_pylist()
    samples += (await run(ledger, get_method("constitutional"), problems, student=student, teacher=better))[
        1
    ].to_pylist()
    return samples


def test_every_row_fits_the_shapes_of_its_kind(rows):
    counts = {shape: len(list(shaped(rows, shape))) for shape in SHAPES}
    kinds = {kind: sum(row["kind"] == kind for row in rows) for kind in ("sft", "preference", "stepwise")}
    assert counts["messages"] == counts["prompt_completion"] == counts["text"] == kinds["sft"] + kinds["stepwise"]
    assert counts["preference"] == kinds["preference"] == 6 and counts["stepwise"] == kinds["stepwise"] == 6
    assert counts["prompt"] == len(rows)
    with pytest.raises(RecipeError, match="did you mean 'preference'"):
        list(shaped(rows, "preferences"))


@pytest.mark.slow
def test_the_shapes_are_what_trl_takes_them_for(rows):
    from trl.data_utils import is_conversational

    for shape in ("messages", "prompt_completion", "preference", "prompt"):
        assert all(is_conversational(row) for row in shaped(rows, shape)), shape
    for row in shaped(rows, "stepwise"):  # TRL's stepwise format: a string, and as many labels as completions
        assert isinstance(row["prompt"], str) and all(isinstance(step, str) for step in row["completions"])
        assert len(row["completions"]) == len(row["labels"]) and all(isinstance(label, bool) for label in row["labels"])
    json.dumps([list(shaped(rows, shape)) for shape in SHAPES])


@pytest.mark.parametrize("shape", ["messages", "prompt_completion", "text", "preference"])
@pytest.mark.filterwarnings("ignore")
def test_trl_trains_on_them_as_they_are(rows, shape, tmp_path):
    from datasets import Dataset
    from transformers import AutoModelForCausalLM, AutoTokenizer
    from trl import DPOConfig, DPOTrainer, SFTConfig, SFTTrainer

    from train_stages.models.tiny import TinyConfig, create_base

    data = list(shaped(rows, shape))
    texts = [
        text for row in rows for text in (row["response"] or "", row["rejected"] or "", row["messages"][0]["content"])
    ]
    base = create_base(tmp_path / "base", texts, config=TinyConfig(width=32, layers=1, heads=2, ffn=64))
    model, tokenizer = AutoModelForCausalLM.from_pretrained(base), AutoTokenizer.from_pretrained(base)
    options = {
        "output_dir": str(tmp_path / "out"), "max_steps": 1, "per_device_train_batch_size": 2, "report_to": [],
        "save_strategy": "no", "use_cpu": True, "disable_tqdm": True, "logging_strategy": "no", "bf16": False,
    }  # fmt: skip
    dataset = Dataset.from_list(data)
    if shape == "preference":
        trainer = DPOTrainer(
            model, ref_model=None, args=DPOConfig(**options), train_dataset=dataset, processing_class=tokenizer
        )
    else:
        trainer = SFTTrainer(model, args=SFTConfig(**options), train_dataset=dataset, processing_class=tokenizer)
    assert trainer.train().global_step == 1
