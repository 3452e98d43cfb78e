from dataclasses import fields

import pytest

from storage.ids import digest
from storage.models.checkpoints import Checkpoint
from synth.calls.keys import KEY_VERSION, call_key, content_key
from synth.engines.base import Sampling
from synth.engines.solver import Solver
from synth.engines.spec import ModelSpec, open_engine
from synth.engines.vllm import Vllm
from tests.synth.conftest import Scripted

MESSAGES = ({"role": "user", "content": "How many?"},)


@pytest.mark.parametrize(
    ("change", "differs"),
    [
        ({"model": "another model"}, True),
        ({"messages": ({"role": "user", "content": "How much?"},)}, True),
        ({"messages": ({"role": "system", "content": "How many?"},)}, True),
        ({"sampling": Sampling(temperature=0.5)}, True),
        ({"sampling": Sampling(max_tokens=7)}, True),
        ({"sampling": Sampling(top_p=0.9)}, True),
        ({"sampling": Sampling(stop=("x",))}, True),
        ({"sampling": Sampling(schema='{"type":"object"}')}, True),
        ({"sample": "0.1"}, True),
        ({"sample": "1.0"}, True),
        ({"draw": "2026-01-02/test"}, True),
        ({"act": "another template name"}, False),
        ({"inputs": {"attempt": "not rendered"}}, False),
        ({"problem": "another"}, False),
        ({"concurrency": 1}, False),
    ],
)
def test_what_enters_the_key_and_what_does_not(problems, change, differs):
    def key(
        model="m",
        concurrency=8,
        problem=None,
        messages=MESSAGES,
        sampling=None,
        sample="0.0",
        act="solve",
        inputs=None,
        draw=None,
    ):
        engine = Scripted(lambda request: "", model)
        engine.concurrency = concurrency
        asked = problems[1] if problem else problems[0]
        return call_key(
            engine, messages, sampling or Sampling(), sample, act=act, problem=asked, inputs=inputs or {}, draw=draw
        )

    assert (key() != key(**change)) is differs


@pytest.mark.parametrize(
    ("setting", "value", "differs"),
    [
        ("endpoint", "http://10.0.0.7:8000", False),
        ("endpoint", ["http://a:1", "http://b:1"], False),
        ("name", "another-alias", False),
        ("concurrency", 1, False),
        ("api_key_env", "ANOTHER_KEY", False),
        ("timeout_s", 1.0, False),
        ("outage_s", 1.0, False),
        ("identity", "weights-2", True),
    ],
)
def test_how_a_server_is_reached_enters_no_key(problems, setting, value, differs):
    def key(**change):
        settings = {"endpoint": "http://127.0.0.1:8000", "name": "alias", "identity": "weights-1", **change}
        return call_key(
            Vllm(**settings), MESSAGES, Sampling(), "0.0", act="solve", problem=problems[0], inputs={}, draw=None
        )

    assert (key() != key(**{setting: value})) is differs


def test_an_engine_of_another_kind_finds_the_answers_of_the_same_weights(problems, tmp_path):
    weights = Checkpoint("digest-of-the-weights", tmp_path, "given")
    specs = [
        {"engine": "transformers", "checkpoint": "x"},
        {"engine": "vllm", "checkpoint": "x"},
        {"engine": "vllm", "checkpoint": "x", "endpoint": "http://a:1", "price": {"prompt": 1}, "name": "alias"},
    ]
    engines = [open_engine(ModelSpec(**spec), weights, tmp_path) for spec in specs]
    keys = {
        call_key(engine, MESSAGES, Sampling(), "0.0", act="solve", problem=problems[0], inputs={}, draw=None)
        for engine in engines
    }
    assert keys == {content_key("digest-of-the-weights", MESSAGES, Sampling(), "0.0")}


def test_an_engine_that_reads_the_problem_has_it_in_its_key(problems):
    def key(problem, act="correct", inputs=None):
        return call_key(
            Solver(),
            MESSAGES,
            Sampling(),
            "0.0",
            act=act,
            problem=problem,
            inputs=inputs or {"attempt": "a"},
            draw=None,
        )

    assert (
        len({key(problems[0]), key(problems[1]), key(problems[0], "solve"), key(problems[0], inputs={"attempt": "b"})})
        == 4
    )


def test_every_sampling_parameter_enters_the_key():
    changes = {
        "temperature": 0.5, "max_tokens": 7, "top_p": 0.5, "stop": ("x",), "schema": "{}", "top_k": 20, "min_p": 0.1,
        "presence_penalty": 1.0, "frequency_penalty": 1.0, "repetition_penalty": 1.1, "body": "{}",
    }  # fmt: skip
    assert set(changes) == {field.name for field in fields(Sampling)}
    keys = {content_key("m", MESSAGES, Sampling(**{name: value}), "0.0") for name, value in changes.items()}
    assert len(keys | {content_key("m", MESSAGES, Sampling(), "0.0")}) == len(changes) + 1


def test_a_key_stays_what_it_is():
    """Whoever changes this pays for every answer again: raise KEY_VERSION only when old answers are wrong."""
    params = {"temperature": 0.0, "max_tokens": 1024, "top_p": 1.0, "stop": [], "schema": None}
    key = content_key("m", MESSAGES, Sampling(), "0.0")
    assert key == digest("call", KEY_VERSION, "m", list(MESSAGES), params, "0.0", None, None, length=64)
    assert key.startswith("d14b7c77304adc04")


def test_parts_do_not_run_into_each_other():
    assert content_key("m", MESSAGES, Sampling(), "0.0", draw="a") != content_key("ma", MESSAGES, Sampling(), "0.0")
