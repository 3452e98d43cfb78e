"""Whether what a row teaches is right, by the checker of its task. Unverifiable is `unknown`, never `pass`."""

from dataclasses import replace

from filters.base import PASS, Context, Finding, fail, row_filter
from filters.rows import Row
from filters.text import clean
from storage.errors import RecipeError
from synth.answers.judge import NO_ANSWER, VERSION
from synth.answers.outcome import Check, Outcome
from synth.notes import Notes, SftNotes, StepwiseNotes
from synth.problems import checker_version, get_task
from synth.problems.base import Problem, Task
from synth.problems.equations import false_equation

_ARITHMETIC = frozenset({"arithmetic", "math_word", "skills"})  # tasks whose steps are equations


def _version(task: str) -> str:
    try:
        return checker_version(task)
    except RecipeError:  # a task that is no longer installed: nothing but the judge's own rules speaks about its rows
        return VERSION


@row_filter("answer", version=VERSION, task_version=_version)
def answer(row: Row, context: Context, options: object) -> Finding:
    """The answer that is learned is correct, by the task's own checker.

    - `sft`: the response, whose equations must be true too. When it states no answer, the answer that the row claims. A
      row that judges an attempt
      (`judgement` in its notes: does it agree with the checker?) must judge right too.
    - `preference`: the better half; the worse one is only recorded.
    - `stepwise`: the labels, by what the method recorded or by the task's own review of the steps.
    - `prompt`: passes, there is nothing to learn yet. `text`: unknown unless it claims an answer.

    Where the problem has no gold answer, the label that the method gave counts (`label` in its notes); without one it is unknown.
    """
    if row.kind == "prompt":
        return PASS
    if row.kind == "text" and row.answer is None:
        return Finding("unknown", "no_answer_claimed")
    problem = context.problems.get(row.problem_id or "")
    if problem is None:
        return Finding("unknown", "unknown_problem")
    task = get_task(problem.task)
    question = row.notes.question
    if question is not None:  # the method made the question: its own gold answer counts, not the seed problem's
        if question.gold is None:
            return Finding("unknown", "no_answer")
        problem, task = replace(problem, gold=question.gold, solution=None, attrs={}), get_task("math_word")
    if not problem.gold and row.notes.label is not None:
        problem = replace(problem, gold=row.notes.label.gold)
    if row.kind == "stepwise":
        return _labels(row, problem, task)
    judged = _judgement(row)
    if judged is not PASS or (row.judgement is not None and row.judgement.alone):
        return judged
    learned = clean((row.text or "") if row.kind == "text" else row.learned)
    if isinstance(row.notes, SftNotes) and row.notes.abstains:
        silent = row.answer is None and task.check(problem, learned).reason == NO_ANSWER
        return PASS if silent else fail("abstention_answers")
    check = _check(task, problem, learned, row.answer)
    finding = _finding(check)
    if finding is PASS and row.kind == "sft" and row.judgement is None and problem.task in _ARITHMETIC:
        false = false_equation(_standing(learned, row.notes))
        if false is not None:
            return Finding("fail", "false_equation", {"equation": false})
    if row.kind == "preference" and finding.outcome == "pass":
        worse = task.check(problem, clean(row.rejected or ""))
        return Finding("pass", detail={"rejected": worse.outcome.value})
    return finding


def _standing(learned: str, notes: Notes) -> str:
    """What a response stands by: without the steps that it takes back itself, each where it is first found."""
    for step in notes.taken_back if isinstance(notes, SftNotes) else ():
        learned = learned.replace(clean(step), "", 1)
    return learned


def _check(task: Task, problem: Problem, learned: str, claimed: str | None) -> Check:
    """Check the response; then the claim must not be wrong, and it decides when the response states no answer."""
    stated = task.check(problem, learned)
    silent = stated.reason == NO_ANSWER
    if claimed is None or (stated.outcome is Outcome.WRONG and not silent):
        return stated
    claim = Check(Outcome.CORRECT, claimed) if claimed == problem.gold else _claim(task, problem, claimed)
    if stated.outcome is Outcome.CORRECT:
        wrong = claim.outcome is Outcome.WRONG
        return Check(Outcome.WRONG, claimed, "claim_differs") if wrong else stated
    return claim if silent else stated


def _claim(task: Task, problem: Problem, claimed: str) -> Check:
    """Check a claimed answer, as it stands or on an answer line."""
    text = clean(claimed)
    check = task.check(problem, f"#### {text}")
    return task.check(problem, text) if check.outcome is Outcome.UNVERIFIABLE else check


def _finding(check: Check) -> Finding:
    if check.outcome is Outcome.CORRECT:
        return PASS
    detail = {"answer": check.answer} if check.answer is not None else {}
    if check.outcome is Outcome.WRONG:
        return Finding("fail", check.reason or "wrong_answer", detail)
    return Finding("unknown", check.reason or "unverifiable", detail)


def _judgement(row: Row) -> Finding:
    """A row that judges an attempt notes whether the checker agrees; None when no judgement was found."""
    if row.judgement is None or row.judgement.agrees:
        return PASS
    return fail("wrong_judgement") if row.judgement.agrees is False else Finding("unknown", "no_judgement")


def _labels(row: Row, problem: Problem, task: Task) -> Finding:
    """Labels that a rule gave must be what the critic said, and the critic must not mention that it was told."""
    notes = row.notes
    if isinstance(notes, StepwiseNotes) and notes.mentions_labels:
        return fail("mentions_labels")
    if row.judgement is not None:
        if row.judgement.agrees is None:
            return Finding("unknown", "no_judgement")
        return PASS if row.judgement.agrees else fail("labels_disagree")
    review = task.review(problem, "\n".join(clean(step or "") for step in row.steps or ()))
    if review is None or len(review.labels) != len(row.labels or ()):
        return Finding("unknown", "unverified_labels")
    return PASS if review.labels == row.labels else fail("labels_disagree")
