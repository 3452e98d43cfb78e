"""Five hundred gold answers of many kinds through a source of the kind `file`: each verifies, or is named with its reason."""

import json
import re

import pytest

from storage.errors import ProblemError
from synth.answers.judge import judge, judge_answer
from synth.answers.outcome import Outcome
from synth.problems import get_task, open_source
from tests.synth.problems.golds import KINDS, golds

COUNT = 500
UNUSABLE = ["", "so on and so on " * 40, "the sum of all that was said before " * 12]
GOLDS = golds(COUNT, seed=2)


def written(path, answers):
    rows = [{"q": f"Question {number}?", "a": answer} for number, answer in enumerate(answers)]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return {"path": str(path), "mapping": {"question": "q", "answer": "a"}}


def test_every_gold_verifies_and_what_does_not_is_named_with_its_line(tmp_path):
    options = written(tmp_path / "math.jsonl", [gold for _, gold in GOLDS] + UNUSABLE)
    source = open_source("file", options)
    problems = source.draw(COUNT + len(UNUSABLE), seed=0)
    assert len(KINDS) > 50 and {kind for kind, _ in GOLDS} == set(KINDS)
    assert [(row.line, row.reason) for row in source.dropped] == [
        (COUNT + index, "bad_gold") for index in range(1, len(UNUSABLE) + 1)
    ]
    assert all("does not verify against itself" in row.detail for row in source.dropped)
    check = get_task("math_word").check
    for problem, (kind, gold) in zip(problems, GOLDS, strict=True):
        for response in (f"#### {gold}", f"So it is \\boxed{{{gold}}}.", f"The answer is ${gold}$."):
            assert check(problem, response).outcome is Outcome.CORRECT, (kind, problem.gold, response)


def test_one_that_does_not_verify_stops_the_file_when_asked(tmp_path):
    options = written(tmp_path / "math.jsonl", [GOLDS[0][1], UNUSABLE[1], GOLDS[1][1]])
    with pytest.raises(ProblemError, match="line 2"):
        open_source("file", options | {"bad_gold": "stop"}).draw(10, seed=0)


def test_other_ways_of_writing_are_the_same_and_another_number_is_not():
    wrong = numbered = 0
    for kind, gold in GOLDS:
        for other in (
            re.sub("[dt]frac", "frac", gold),
            gold.replace(r"\left", "").replace(r"\right", ""),
            f"${gold}$.",
        ):
            assert judge_answer(gold, other).outcome is Outcome.CORRECT, (kind, gold, other)
        first = re.search(r"\d+", gold)
        if first is not None and kind != "floor":  # of two roots it may be the same
            changed = gold[: first.start()] + str(int(first[0]) + 1) + gold[first.end() :]
            outcome = judge(gold, f"#### {changed}").outcome
            assert outcome is not Outcome.CORRECT, (kind, gold, changed)
            numbered, wrong = numbered + 1, wrong + (outcome is Outcome.WRONG)
    assert wrong >= 0.95 * numbered > 300
