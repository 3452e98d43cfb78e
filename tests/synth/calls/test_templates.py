"""A prompt's template that does not end, or grows without end, is a sentence."""

import os
import signal
import subprocess
import sys
import time

import pytest

from storage.errors import RecipeError
from synth.answers.format import FORMATS
from synth.calls import templates
from synth.calls.prompting import Prompt

ENDLESS = {
    "nested loops": "{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}",
    "a loop over a filter": "{% for a in range(99999) %}{% for b in range(99999)|reverse %}{{ b }}{% endfor %}{% endfor %}",
    "a macro of two": "{% macro m(n) %}{% if n %}{{ m(n - 1) }}{{ m(n - 1) }}{% endif %}{% endmacro %}{{ m(60) }}",
    "a recursive loop": "{% for a in [1, 2] recursive %}{% if loop.depth < 60 %}{{ loop([1, 2]) }}{% endif %}{% endfor %}",
    "in a block": "{% block user %}{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}{% endblock %}",
    "a call block": "{% macro m() %}{{ caller() }}{{ caller() }}{% endmacro %}"
    "{% for a in range(99999) %}{% for b in range(99999) %}{% call m() %}x{% endcall %}{% endfor %}{% endfor %}",
}
LARGE = {
    "a tower": "{{ 9 ** (9 ** 9) }}",
    "powers": "{% set a = 2 ** 60000 %}{{ a * a * a }}",
    "a text": "{{ 'x' * 10 ** 10 }}",
    "a list": "{{ [0] * 10 ** 10 }}",
    "the other way": "{{ 10 ** 10 * 'x' }}",
    "twice": "{{ ('x' * 1000000) * 1000000 }}",
    "a width": "{{ '%9999999999d' % 1 }}",
    "a starred width": "{{ '%*d' % (9999999999, 1) }}",
    "a format": "{{ '{:>9999999999}'.format(1) }}",
    "a filter's format": "{{ '%9999999999d'|format(1) }}",
    "center": "{{ 'x'|center(9999999999) }}",
    "a method": "{{ 'x'.center(9999999999) }}",
    "zeros": "{{ 'x'.zfill(9999999999) }}",
    "indent": "{{ 'x\\ny'|indent(9999999999) }}",
    "replace": "{{ ('a' * 1000000).replace('a', 'a' * 1000000) }}",
    "lorem": "{{ lipsum(n=1000000) }}",
    "a range": "{{ range(10 ** 9)|list|length }}",
}
FAILING = {
    "zero": "{{ 1 // 0 }}",
    "a type": "{{ 1 + 'x' }}",
    "itself": "{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}",
    "an attribute": "{{ problem.nothing.more }}",
    "a key": "{{ {}['x'] }}",
}


def prompt(tmp_path, text) -> Prompt:
    (tmp_path / "p.jinja").write_text(text)
    return Prompt("p", tmp_path / "p.jinja", FORMATS["hash"])


@pytest.mark.parametrize("name", ENDLESS)
def test_a_template_without_end_is_given_up(tmp_path, monkeypatch, name):
    monkeypatch.setattr(templates, "LIMIT_S", 0.2)
    with pytest.raises(RecipeError, match=r"prompt p: it takes longer than 0.2 s; does a loop of it end\?"):
        prompt(tmp_path, ENDLESS[name]).messages({})


@pytest.mark.parametrize("name", LARGE)
def test_what_would_grow_too_large_is_not_computed(tmp_path, name):
    with pytest.raises(RecipeError, match="prompt p: "):
        prompt(tmp_path, LARGE[name]).messages({})


@pytest.mark.parametrize("name", FAILING)
def test_any_other_failure_is_a_sentence(tmp_path, name):
    with pytest.raises(RecipeError, match="prompt p: "):
        prompt(tmp_path, FAILING[name]).messages({})


def test_what_prompts_do_is_done(tmp_path):
    text = (
        "{% for step in steps %}{{ loop.index }}. {{ step|upper }}\n{% endfor %}{{ '-' * 3 }}{{ 2 ** 10 * 3 }} {{ '%02d' % 7 }}"
        "{{ 'a,b'.replace(',', ';') }}{{ 'x'|center(3) }}{{ '{:>3}'.format(5) }}{% macro m(a) %}<{{ a }}>{% endmacro %}{{ m(1) }}"
    )
    (message,) = prompt(tmp_path, text).messages({"steps": ["one", "two"]})
    assert message["content"] == "1. ONE\n2. TWO\n---3072 07a;b x   5<1>"


@pytest.mark.slow
def test_a_loop_ends_with_the_interrupt(tmp_path):
    (tmp_path / "p.jinja").write_text(ENDLESS["nested loops"])
    code = (
        "import asyncio, sys\n"
        "from pathlib import Path; from synth.answers.format import FORMATS; from synth.calls.prompting import Prompt\n"
        "async def main():\n"
        "    prompt = Prompt('p', Path(sys.argv[1]), FORMATS['hash']); print('ready', flush=True); prompt.messages({})\n"
        "asyncio.run(main())"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", code, str(tmp_path / "p.jinja")], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )  # fmt: skip
    assert process.stdout is not None and process.stdout.readline() == "ready\n"
    process.send_signal(signal.SIGINT)
    began = time.monotonic()
    _, errors = process.communicate(timeout=120)
    assert (
        process.returncode != 0
        and time.monotonic() - began < 100
        and ("longer than" in errors or "Interrupt" in errors)
    )
