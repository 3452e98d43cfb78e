"""1,200 real solutions, many of them wrong (GSM8K's model solutions): what the checker, the review and the methods make of them."""

import json
import os
from dataclasses import replace
from pathlib import Path

import pytest

from synth.answers.judge import normalise
from synth.answers.outcome import Outcome
from synth.answers.responses.reading import final_answer
from synth.engines.solver import Solver
from synth.methods import get_method
from synth.problems import get_task
from synth.problems.base import Problem
from synth.problems.equations import equations
from synth.problems.wording import canonical_question

DATA = os.environ.get("NIGHTSCHOOL_DATA")
pytestmark = pytest.mark.skipif(not DATA, reason="NIGHTSCHOOL_DATA names no folder with the real solutions")
TASK = get_task("math_word")


@pytest.fixture(scope="module")
def solutions():
    """Problem, solution and whether people say that it is right."""
    solved = []
    for line in (Path(DATA) / "gsm8k" / "model_solutions.jsonl").read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        question, truth = row["question"], row["ground_truth"]
        problem = Problem(
            "math_word",
            "gsm8k-test",
            question,
            normalise(final_answer(truth)),
            canonical_question(question),
            solution=truth,
        )
        solved += [(problem, part["solution"], part["is_correct"]) for part in row.values() if isinstance(part, dict)]
    return solved


def test_our_verdict_is_theirs(solutions):
    agree = sum((TASK.check(problem, text).outcome is Outcome.CORRECT) == right for problem, text, right in solutions)
    assert len(solutions) == 1200 and agree >= 0.999 * len(solutions)


def test_the_first_false_calculation_is_found_where_there_is_one(solutions):
    """Calculator marks are exact: a step whose mark is false is wrong, and no step before it may be called so by its marks."""
    with_false_marks = 0
    for problem, text, right in solutions:
        review = TASK.review(problem, text)
        false = [
            index for index, step in enumerate(review.steps) if not all(equation.true for equation in equations(step))
        ]
        if false:
            assert review.first_wrong is not None and review.first_wrong <= false[0]
            with_false_marks += 1
        if not right:
            assert review.first_wrong is not None and review.explanation and review.correction
    assert with_false_marks > 10


async def test_tutorship_and_critique_rows_are_made_of_real_mistakes(solutions, ledger):
    from tests.synth.conftest import Scripted
    from tests.synth.methods.dialogue import run

    mistakes = {}  # those with false arithmetic first: of the others no step is surely wrong
    for problem, text, right in sorted(solutions, key=lambda solution: not TASK.review(solution[0], solution[1]).sure):
        if not right:
            mistakes.setdefault(problem.id, (problem, text))
    problems = [problem for problem, _ in mistakes.values()][:60]
    student = Scripted(lambda request: mistakes[request.problem.id][1])
    for name in ("tutorship", "critique"):
        rows, _ = await run(ledger, get_method(name), problems, student=student, teacher=Solver())
        agrees = [row["notes"].judgement.agrees for row in rows]
        assert len(rows) == len(problems) and False not in agrees
        assert (
            agrees.count(True) == len(rows) if name == "tutorship" else 0 < agrees.count(True) < len(rows)
        )  # unsure labels
        for row, problem in zip(rows, problems, strict=True):
            named = row["attrs"]["first_error_step"]
            steps = TASK.steps(mistakes[problem.id][1])
            assert named is None or not all(
                equation.true for equation in equations(steps[named - 1])
            )  # no true step is blamed
        if name == "tutorship":
            corrected = [
                TASK.check(problem, row["response"]).outcome for problem, row in zip(problems, rows, strict=True)
            ]
            assert set(corrected) == {Outcome.CORRECT}


async def test_their_questions_are_a_benchmark_so_no_row_passes(solutions, ledger):
    from filters import get_filter
    from filters.base import Context, run_filters
    from filters.benchmarks import Benchmark, BenchmarkManifest
    from tests.synth.conftest import Scripted
    from tests.synth.methods.dialogue import run

    problems = list({problem.id: problem for problem, _, _ in solutions}.values())
    texts = {problem.id: text for problem, text, _ in solutions}
    student = Scripted(lambda request: texts[request.problem.id])
    manifest = BenchmarkManifest(
        [Benchmark("gsm8k-test", "main", "test", [replace(item, source="b") for item in problems])]
    )
    context = Context(problems={item.id: item for item in problems}, manifest=manifest)
    for name in ("tutorship", "critique", "retrospective_enhancement"):
        chosen = [item for item in problems if len(TASK.steps(item.solution)) > 1]
        _, table = await run(ledger, get_method(name), chosen, student=student, teacher=Solver())
        verdicts = run_filters([get_filter("decontamination")], table, context)
        assert set(verdicts["outcome"].to_pylist()) == {"fail"} and table.num_rows == len(chosen)
