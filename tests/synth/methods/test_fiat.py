import pytest

from synth.methods import get_method
from synth.methods.fiat import without_answer
from synth.problems import get_task, open_source
from tests.synth.conftest import Scripted
from tests.synth.methods.dialogue import run

FIAT = get_method("fiat")


@pytest.fixture(scope="module")
def sums():
    return list(open_source("arithmetic", {"tiers": [2]}).draw(3, seed=5, tier=2))


async def made(ledger, problems, reply=None, name="t", **params):
    engine = Scripted(reply or (lambda request: get_task("arithmetic").solve(request.problem)), name)
    return (await run(ledger, FIAT, problems, FIAT.params(**params), teacher=engine))[0]


async def test_the_three_modes_show_learn_or_leave_out_the_reasoning(ledger, sums):
    both, train, none = [await made(ledger, sums, mode=mode) for mode in ("both", "train", "none")]
    for shown, learned, bare, problem in zip(both, train, none, sums, strict=True):
        *steps, last = get_task("arithmetic").solve(problem).splitlines()
        assert shown["response"] == bare["response"] == last == f"#### {problem.gold}"
        assert learned["response"] == "\n".join([*steps, last])
        assert all(step in shown["messages"][-1]["content"] for step in steps)
        assert not any(step in row["messages"][-1]["content"] for step in steps for row in (learned, bare))
        for row in (shown, learned, bare):
            assert row["notes"].refused is None and row["answer"] == problem.gold
            assert "#### " + problem.gold not in row["messages"][-1]["content"], "no prompt states the answer"


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("The answer is 7.\nSo we know.\n1 + 1 = 2\n#### 7", "reasoning_answers"),
        ("#### 7", "no_reasoning"),
        ("I cannot say.", "no_answer"),
    ],
)
async def test_reasoning_that_gives_the_answer_away_is_refused(ledger, sums, text, fault):
    (row,) = await made(ledger, sums[:1], lambda request: text, fault)
    assert row["notes"].refused == fault


def test_what_is_cut_off():
    assert without_answer("1 + 1 = 2\n\n#### 2\n", "2") == "1 + 1 = 2"
    assert without_answer("1 + 1 = 2\nSo \\boxed{2}", "2") == "1 + 1 = 2"
    assert without_answer("1 + 1 = 2", "2") == "1 + 1 = 2" and without_answer("#### 2", None) == "#### 2"
