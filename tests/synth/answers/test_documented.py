import re
from pathlib import Path

import pytest

from synth.answers.judge import judge

TEXT = (Path(__file__).parents[3] / "docs" / "answers.md").read_text(encoding="utf-8")
ROWS = re.findall(r"^\| `(.+?)` \| `(.+?)` \| (correct|wrong|unverifiable) \|$", TEXT, re.MULTILINE)


def test_the_page_has_its_examples():
    assert len(ROWS) > 30


@pytest.mark.parametrize(("gold", "response", "outcome"), ROWS)
def test_the_judge_says_what_the_page_says(gold, response, outcome):
    assert judge(gold, response.replace("\\n", "\n")).outcome == outcome
