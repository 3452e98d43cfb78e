import pytest

from synth.methods import get_method
from synth.methods.tutorship import read_lesson
from synth.problems import get_task
from synth.runner import run_attempts
from tests.synth.conftest import Scripted
from tests.synth.test_runner import attempts


@pytest.mark.parametrize(
    ("text", "check", "step", "why", "corrected"),
    [
        ("Check: correct", "correct", None, "", ""),
        (
            "**Check:** wrong\n**First wrong step:** 2\n**Why:** 8 - 2 is 6.\n**Corrected:**\n8 - 2 = 6\n#### 6",
            "wrong", 2, "8 - 2 is 6.", "8 - 2 = 6\n#### 6",
        ),
        ("check: Incorrect.\nCorrected:\n#### 6", "wrong", None, "", "#### 6"),
        ("I think it is fine.", None, None, "", ""),
        ("", None, None, "", ""),
    ],
)  # fmt: skip
def test_a_reply_is_read_as_real_models_write_it(text, check, step, why, corrected):
    lesson = read_lesson(text)
    assert (lesson.check, lesson.first_wrong, lesson.why, lesson.corrected) == (check, step, why, corrected)


async def test_the_first_wrong_step_is_the_one_that_was_made_wrong(make_asker, problems):
    task = get_task("arithmetic")

    def corrupt(request):
        lines = task.solve(request.problem).splitlines()
        left, _, value = lines[1].rpartition(" ")
        return "\n".join([lines[0], f"{left} {int(value) + 1}", *lines[2:-1], f"#### {int(request.problem.gold) + 1}"])

    finished = await run_attempts(attempts(get_method("tutorship"), problems), make_asker(Scripted(corrupt)))
    assert finished.samples.num_rows == len(problems)
    import json

    for row, problem in zip(finished.samples.to_pylist(), problems, strict=True):
        attrs = json.loads(row["attrs"])
        assert attrs["check"] == "wrong" and attrs["agrees"] is True and attrs["first_error_step"] == 2
        assert row["answer"] == problem.gold
        assert task.check(problem, row["response"]).outcome == "correct"


async def test_a_right_attempt_is_confirmed(make_asker, problems):
    import json

    student = Scripted(lambda request: get_task("arithmetic").solve(request.problem))
    finished = await run_attempts(attempts(get_method("tutorship"), problems), make_asker(student))
    for row in finished.samples.to_pylist():
        attrs = json.loads(row["attrs"])
        assert attrs["check"] == "correct" and attrs["agrees"] is True and attrs["first_error_step"] is None


async def test_a_teacher_that_errs_is_found_out(make_asker, problems, ledger):
    import json

    from synth.ask import Asker
    from synth.prompting import Prompts

    engines = {
        "student": Scripted(lambda request: "1 + 1 = 3\n#### 99"),
        "teacher": Scripted(lambda request: "Check: correct"),
    }
    asker = Asker(ledger, engines, Prompts(), night="n")
    finished = await run_attempts(attempts(get_method("tutorship"), problems), asker)
    assert all(json.loads(row["attrs"])["agrees"] is False for row in finished.samples.to_pylist())
