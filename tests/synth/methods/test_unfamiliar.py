import pytest

from synth.methods import get_method
from synth.methods.unfamiliar import LABEL, percentile
from synth.problems import open_source
from tests.synth.conftest import Scripted
from tests.synth.methods.dialogue import run
from tests.synth.methods.test_choosing import right, wrong

UNFAMILIAR = get_method("unfamiliar")
SAMPLES = 4


@pytest.fixture(scope="module")
def many():
    return list(open_source("arithmetic", {"tiers": [1]}).draw(20, seed=2, tier=1))


def student(problems):
    """Solves the n-th problem n mod 5 times of 4."""
    often = {problem.id: number % 5 for number, problem in enumerate(problems)}
    asked = dict.fromkeys(often, 0)

    def answer(request):
        asked[request.problem.id] += 1
        return right(request) if asked[request.problem.id] <= often[request.problem.id] else wrong(request)

    return Scripted(answer), often


async def made(ledger, problems, **params):
    engine, often = student(problems)
    rows, _ = await run(ledger, UNFAMILIAR, problems, UNFAMILIAR.params(samples=SAMPLES, **params), student=engine)
    assert len(engine.requests) == SAMPLES * len(problems), "the attempts find the answers of the preparation"
    return rows, often


async def test_exactly_those_below_the_percentile_are_relabelled(ledger, many):
    rows, often = await made(ledger, many, percent=30)
    declined = [row for row in rows if row["notes"].abstains]
    assert {row["problem_id"] for row in declined} == {name for name, n in often.items() if n < 1}
    assert all(row["response"] == LABEL and row["attrs"]["relabel_style"] == "unfamiliar" for row in declined)
    learned = {row["problem_id"] for row in rows if row["notes"].refused is None and not row["notes"].abstains}
    assert learned == {name for name, n in often.items() if n >= 1}, "of the others a right answer is learned"


async def test_the_control_relabels_as_many_by_lot(ledger, many):
    rows, often = await made(ledger, many, percent=30, control=True)
    declined = {row["problem_id"] for row in rows if row["notes"].abstains}
    assert len(declined) == 4 and declined != {name for name, n in often.items() if n < 1}
    assert {row["attrs"]["relabel_style"] for row in rows} == {"random", "none"}


@pytest.mark.parametrize(("percent", "value"), [(0, 1), (50, 2.5), (100, 4), (30, 1.9)])
def test_percentiles_are_numpys(percent, value):
    assert percentile([4, 1, 2, 3], percent) == pytest.approx(value)
