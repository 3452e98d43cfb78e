"""A prompt's template that does not end, or grows without end, is a sentence."""

import os
import resource
import signal
import subprocess
import sys
import time

import pytest

from storage.errors import RecipeError
from synth.answers.format import FORMATS
from synth.calls import templates
from synth.calls.prompting import Prompt


def sixty(step: str, shown: str = "n.a") -> str:
    """A template that takes a step sixty times, beginning with two short lists, and shows what has become of them."""
    return f"{{% set n = namespace(a=[1], b=[1]) %}}{{% for i in range(60) %}}{step}{{% endfor %}}{{{{ {shown} }}}}"


ENDLESS = {
    "nested loops": "{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}",
    "a loop over a filter": "{% for a in range(99999) %}{% for b in range(99999)|reverse %}{{ b }}{% endfor %}{% endfor %}",
    "a macro of two": "{% macro m(n) %}{% if n %}{{ m(n - 1) }}{{ m(n - 1) }}{% endif %}{% endmacro %}{{ m(60) }}",
    "a recursive loop": "{% for a in [1, 2] recursive %}{% if loop.depth < 60 %}{{ loop([1, 2]) }}{% endif %}{% endfor %}",
    "a test of each": "{% set l = range(99999)|list %}{{ l|select('in', l)|list|length }}",
    "a test that refuses each": "{% set l = range(99999)|list %}{{ l|reject('in', l)|list|length }}",
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
    "a sum that doubles": sixty("{% set n.a = n.a + n.a %}"),
    "a text that doubles": sixty("{% set n.a = n.a ~ n.a %}"),
    "what is written and read again": sixty("{% set a %}{{ n.a }}{{ n.a }}{% endset %}{% set n.a = a %}"),
    "a list of itself twice": sixty("{% set n.a = [n.a, n.a] %}"),
    "two such lists compared": sixty("{% set n.a = [n.a, n.a] %}{% set n.b = [n.b, n.b] %}", "n.a == n.b"),
    "a namespace of namespaces": "{% set b = namespace(x=1, y=1) %}{% set b.x = b %}{{ b }}",
    "a filter that doubles": sixty("{% set n.a = (n.a|string)|replace('1', '11') %}"),
    "many wide texts": "{{ range(99999)|map('center', 1000000)|list|length }}",
    "a wide separator": "{{ range(99999)|join('x' * 1000000)|length }}",
    "a method's separator": "{{ ('x' * 1000000).join(['a'] * 100000)|length }}",
    "fields": "{{ ('{0}' * 100000).format('x' * 1000000) }}",
    "a nested width": "{{ '{:{w[0]}}'.format(1, w=[10 ** 10]) }}",
    "a starred width with a sign": "{{ '%-*d' % (9999999999, 1) }}",
    "tabs": "{{ ('\\t' * 100000).expandtabs(1000000) }}",
    "a translation": "{{ ('a' * 1000000).translate({97: 'x' * 1000000}) }}",
    "bytes": "{{ (1).to_bytes(10 ** 10, 'big') }}",
    "lines": "{{ ('x\\n' * 500000)|indent(1000000) }}",
    "a precision": "{{ 1.5|round(10 ** 9, 'floor') }}",
    "a sum of lists": "{{ ([[1]] * 300000)|sum(start=[])|length }}",
    "written again and again": "{% set a = 'x' * 1000000 %}{% for i in range(99999) %}{{ a }}{% endfor %}",
    "in a block": "{% block user %}{% set a = 'x' * 1000000 %}{% for i in range(99999) %}{{ a }}{% endfor %}{% endblock %}",
    "by a macro": "{% macro m(a) %}{{ a }}{{ a }}{% endmacro %}" + sixty("{% set n.a = m(n.a) %}"),
    "a sum of lists by its place": "{{ ([[1]] * 300000)|sum(none, [])|length }}",
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


@pytest.mark.parametrize(
    "text",
    [
        "{{ " + "(" * 3000 + "1" + ")" * 3000 + " }}",
        "{{ " + "not " * 50_000 + "1 }}",
        "{% if 1 %}" * 3000 + "{% endif %}" * 3000,
    ],
)
def test_a_template_nested_without_end_is_a_sentence(tmp_path, text):
    with pytest.raises(RecipeError, match="nested too deeply"):
        prompt(tmp_path, text)


@pytest.mark.parametrize("name", LARGE)
def test_what_would_grow_too_large_is_not_computed(tmp_path, name):
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(RecipeError, match="prompt p: "):
        prompt(tmp_path, LARGE[name]).messages({})
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 1 << 19, "it was refused, not out of memory"


@pytest.mark.parametrize("name", FAILING)
def test_any_other_failure_is_a_sentence(tmp_path, name):
    with pytest.raises(RecipeError, match="prompt p: "):
        prompt(tmp_path, FAILING[name]).messages({})


def test_what_prompts_do_is_done(tmp_path):
    text = (
        "{% for step in steps %}{{ loop.index }}. {{ step|upper }}\n{% endfor %}{{ '-' * 3 }}{{ 2 ** 10 * 3 }} {{ '%02d' % 7 }}"
        "{{ 'a,b'.replace(',', ';') }}{{ 'x'|center(3) }}{{ '{:>3}'.format(5) }}{% macro m(a) %}<{{ a }}>{% endmacro %}{{ m(1) }}"
    )
    text += "{{ ['a', 'b']|join('-') ~ 1 ~ ('c',)[0] }}{{ {'k': [1] + [2]}.k }}{% for a, b in [(1, 2)] %}{{ a + b }}{% endfor %}"
    text += "{{ 'x' + '%s%%' % 'y' }}{{ '{}{{}}'.format('z') }}{% set c %}{{ steps|length }}{% endset %}{{ c }}"
    (message,) = prompt(tmp_path, text).messages({"steps": ["one", "two"]})
    assert message["content"] == "1. ONE\n2. TWO\n---3072 07a;b x   5<1>a-b1c[1, 2]3xy%z{}2"


def test_a_long_text_that_is_given_passes(tmp_path):
    long = "x" * (10 << 20)
    (message,) = prompt(tmp_path, "{{ text|trim }}{{ text }}").messages({"text": long})
    assert message["content"] == 2 * long


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
