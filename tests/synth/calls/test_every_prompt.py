"""What holds for every prompt there is: no placeholder that a model can copy, and no form of answers of its own."""

import re
from pathlib import Path

import pytest

from synth.answers.format import asked_formats

ROOT = Path(__file__).resolve().parents[3]
PROMPTS = sorted(path for folder in ("synth", "filters", "recipes") for path in (ROOT / folder).rglob("*.jinja"))
JINJA = re.compile(r"\{\{.*?\}\}|\{%.*?%\}|\{#.*?#\}", re.DOTALL)
PLACEHOLDER = re.compile(
    r"<(?!/?think>)/?[A-Za-z][^<>\n]*>|\[(?:[a-z]+ )*(?:your|the|final|new|answer|problem|solution)\b[^\]\n]*\]|_{3,}"
)


@pytest.mark.parametrize("path", PROMPTS, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_a_prompt_has_no_placeholder_and_leaves_the_form_of_answers_to_the_recipe(path: Path) -> None:
    words = JINJA.sub("", path.read_text(encoding="utf-8"))
    assert PLACEHOLDER.findall(words) == []
    assert not asked_formats([words])


@pytest.mark.parametrize("words", ["Answer: <final answer>", "<answer>5</answer>", "[your answer]", "Question: ____"])
def test_that_test_finds_what_models_copy(words: str) -> None:
    assert PLACEHOLDER.search(words)
