import pyarrow as pa
import pytest

from synth.problems.arithmetic import Arithmetic
from train_stages.models.tiny import TinyConfig, create_base

SMALL = TinyConfig(width=32, layers=1, heads=1, ffn=64, context=128, vocabulary=400)


def chat(problem):
    return [{"role": "user", "content": problem.prompt}, {"role": "assistant", "content": problem.solution}]


@pytest.fixture(scope="session")
def problems():
    return Arithmetic([1]).draw(120, seed=1)


@pytest.fixture(scope="session")
def base(problems, tmp_path_factory):
    texts = [f"{problem.prompt}\n{problem.solution}" for problem in problems]
    return create_base(tmp_path_factory.mktemp("base") / "base", texts, config=SMALL)


@pytest.fixture(scope="session")
def rows(problems):
    return pa.table({"messages": [chat(problem) for problem in problems], "id": [p.id for p in problems]})


@pytest.fixture(autouse=True)
def one_thread():
    import torch

    torch.set_num_threads(1)
