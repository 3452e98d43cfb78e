"""Answers under two constitutions: both prompts in the row, opposite in each principle; a pair has two right answers."""

from synth.methods import get_method
from synth.methods.sami import PRINCIPLES, constitutions
from synth.problems import open_source
from tests.synth.conftest import Scripted
from tests.synth.methods.dialogue import run

SAMI = get_method("sami")


def test_constitutions_are_opposite_in_every_principle_and_drawn_by_lot():
    drawn = {constitutions(f"p{number}", PRINCIPLES) for number in range(50)}
    assert len(drawn) == 4, "each side of both principles"
    for first, second in drawn:
        for one, other in PRINCIPLES:
            assert (one in first) != (other in first) and (one in first) == (other in second)
    assert constitutions("p1", PRINCIPLES) == constitutions("p1", PRINCIPLES)


def obedient(request):
    """Follows the first principle, as far as it is told; a wrong answer to one problem of three when it writes a paragraph."""
    solution = request.problem.solution
    if PRINCIPLES[0][0] in request.messages[-1]["content"]:
        return solution
    text = solution.replace("\n", "; ", solution.count("\n") - 1)
    return text if int(request.problem.id[:4], 16) % 3 else text.rpartition("#### ")[0] + "#### -999"


async def test_a_row_has_both_prompts_and_both_right_answers(ledger):
    problems = list(open_source("arithmetic", {"tiers": [2]}).draw(40, seed=5, tier=2))
    rows, _ = await run(ledger, SAMI, problems, student=Scripted(obedient, "s"))
    assert len(rows) == 40 and {row["kind"] for row in rows} == {"preference"}
    kept = [row for row in rows if not row["notes"].refused]
    wrong = {problem.id for problem in problems if int(problem.id[:4], 16) % 3 == 0}
    assert kept and 0 < len(wrong) < 40
    for row in rows:
        asked, other = row["messages"][-1]["content"], row["notes"].other_prompt[-1].content
        assert row["attrs"]["constitution"] in asked and row["attrs"]["other_constitution"] in other
        if row["problem_id"] in wrong and "#### -999" in row["rejected"]:
            assert row["notes"].refused == "other_not_right"
    assert all("-999" not in row["rejected"] for row in kept)
