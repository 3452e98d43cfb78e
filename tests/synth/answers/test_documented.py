import re
from pathlib import Path

import pytest

from synth.answers.judge import judge
from synth.problems.equations import false_equation

TEXT = (Path(__file__).parents[3] / "docs" / "answers.md").read_text(encoding="utf-8")
ROWS = re.findall(r"^\| `(.+?)` \| `(.+?)` \| (correct|wrong|unverifiable) \|$", TEXT, re.MULTILINE)


def test_the_page_has_its_examples():
    assert len(ROWS) > 30


@pytest.mark.parametrize(("gold", "response", "outcome"), ROWS)
def test_the_judge_says_what_the_page_says(gold, response, outcome):
    assert judge(gold, response.replace("\\n", "\n")).outcome == outcome


@pytest.mark.parametrize(("step", "false"), re.findall(r"^\| `(.+)` \| (yes|no) \|$", TEXT, re.MULTILINE))
def test_what_the_page_calls_false_is_false(step, false):
    assert (false_equation(step) is not None) is (false == "yes")
