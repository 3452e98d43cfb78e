import threading

import pytest

from filters import get_filter
from synth.answers.algebra import symbolic
from synth.answers.algebra.symbolic import Pool, compare_symbolically
from synth.answers.algebra.symbolic_form import expression
from synth.answers.judge import judge_answer
from synth.answers.outcome import Outcome
from tests.filters.helpers import context, outcomes, row, table, word_problem

PATIENCE_S = 20.0
HOSTILE = [
    "9^{9^{9^{9}}}",
    "(" * 2000 + "1" + ")" * 2000,
    "9" * 5_000,
    "9" * 300 + "!",
    "10^{10^{10}}",
    r"\frac{" * 300 + "1" + "}{2}" * 300,
    "x^{999999999}",
    "(x+1)^{99}" * 12,
    r"\sqrt{" * 80 + "2" + "}" * 80,
    r"\sum_{k=1}^{999999999} k",
    "((((((((x^9+1)^9+1)^9+1)^9+1)^9+1)^9",
    "\x00\ud800 \\frac",
    "__import__('os').system('sleep 9')",
]


@pytest.fixture(scope="module", autouse=True)
def _started():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(symbolic, "LIMIT_S", PATIENCE_S)
        assert compare_symbolically("x+1", "1+x") is Outcome.CORRECT


@pytest.fixture
def patient(monkeypatch):
    """A machine with other work may be late with an easy answer; only what never ends is to meet the limit."""
    monkeypatch.setattr(symbolic, "LIMIT_S", PATIENCE_S)


@pytest.mark.timeout(60)
@pytest.mark.parametrize("text", HOSTILE, ids=lambda text: text[:20].encode("ascii", "replace").decode())
@pytest.mark.parametrize("gold", ["1", "x^2+1", None])
def test_hostile_answers_are_unverifiable_at_once(gold, text):
    assert judge_answer(gold or text, text if gold else "2").outcome is not Outcome.CORRECT


@pytest.mark.timeout(60)
def test_what_never_ends_is_killed(patient, monkeypatch):
    pool = Pool(1)
    assert pool.compare("x", "x") == "correct"
    before = pool._free[0]._process.pid
    slow = "+".join(rf"\sqrt{{x+{n}}}\cdot \sin({n}x)^{n}" for n in range(2, 40))
    with monkeypatch.context() as patch:
        patch.setattr(symbolic, "LIMIT_S", 0.7)
        assert pool.compare(slow, slow + "+x-x") == "unverifiable"
    assert pool.compare("x", "x") == "correct"
    assert pool._free[0]._process.pid != before
    pool.close()


def test_a_worker_that_dies_is_replaced(patient):
    pool = Pool(1)
    pool.compare("x", "x")
    pool._free[0]._process.kill()
    pool._free[0]._process.wait()
    assert pool.compare("x", "x") == "unverifiable"
    assert pool.compare("x", "x") == "correct"
    pool.close()


def test_from_several_threads(patient):
    pool, results = Pool(2), []
    work = [threading.Thread(target=lambda: results.append(pool.compare("2x", "x+x"))) for _ in range(6)]
    for thread in work:
        thread.start()
    for thread in work:
        thread.join()
    assert results == ["correct"] * 6
    pool.close()


@pytest.mark.parametrize(
    "text", ["x; y", "a" * 201, "\\write18{x}", "import os", "n!", "{x", "2^{3^4}", "1" * 31, "\\text{no}"]
)
def test_what_is_never_parsed(text):
    assert expression(text) is None


def test_rows_are_judged_by_it(patient):
    problem = word_problem(gold=r"\sqrt{8}")
    samples = table(
        row("a", problem, r"#### 2\sqrt{2}"), row("b", problem, r"#### 3\sqrt{2}"), row("c", problem, "#### many")
    )
    assert outcomes(get_filter("answer")(samples, context(problem))) == {
        "a": ("pass", None),
        "b": ("fail", "wrong_answer"),
        "c": ("unknown", "unparsable_answer"),
    }
