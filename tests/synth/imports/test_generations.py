import json
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from storage.errors import RecipeError
from synth.calls.ask import Asker
from synth.calls.models import Models
from synth.calls.prompting import Prompts
from synth.engines.base import Sampling
from synth.imports import generations
from synth.imports.generations import Imported, import_calls
from tests.synth.conftest import Scripted

MODEL = "qwen@1"
CHAT = [{"role": "user", "content": "How many?"}]


def write(path, *rows):
    path.write_text("".join((row if isinstance(row, str) else json.dumps(row)) + "\n" for row in rows))
    return path


def request(custom_id, messages=CHAT, **body):
    return {
        "custom_id": custom_id, "method": "POST", "url": "/v1/chat/completions",
        "body": {"model": "qwen", "messages": messages, "max_tokens": 100, **body},
    }  # fmt: skip


def result(custom_id, *texts, finish_reason="stop", **message):
    choices = [
        {"index": index, "finish_reason": finish_reason, "message": {"role": "assistant", "content": text, **message}}
        for index, text in enumerate(texts)
    ]
    usage = {"prompt_tokens": 9, "completion_tokens": 4, "prompt_tokens_details": {"cached_tokens": 8}}
    return {
        "custom_id": custom_id,
        "error": None,
        "response": {"status_code": 200, "body": {"choices": choices, "usage": usage}},
    }


async def test_a_night_finds_what_was_imported(ledger, problems, tmp_path):
    chat = list(Prompts().messages("solve", {"problem": problems[0]}))
    rows = [
        {"messages": chat, "response": f"answer {n}", "sampling": {"temperature": 0.7, "max_tokens": 64}}
        for n in range(3)
    ]
    assert import_calls(ledger, write(tmp_path / "f.jsonl", *rows), model=MODEL) == Imported(3, 3, 0, 0, 0)
    engine = Scripted(lambda request: "made", MODEL)
    models = Models(Asker(ledger, {"teacher": engine}, Prompts(), night="n"), problems[0], 0)
    texts = [(await models.teacher("solve", temperature=0.7, max_tokens=64, sample=n)).text for n in range(4)]
    assert texts == ["answer 0", "answer 1", "answer 2", "made"] and len(engine.requests) == 1
    call = ledger.find(models.replies[0].call_id)
    assert (call.origin, call.role, call.night, call.method, call.cost) == ("imported", "imported", None, None, 0)
    assert ledger.spent("n").calls == 1


async def test_the_output_of_a_batch_is_numbered_by_its_requests(ledger, problems, tmp_path):
    chat = list(Prompts().messages("solve", {"problem": problems[0]}))
    requests = write(tmp_path / "in.jsonl", *(request(f"r{n}", chat, seed=n, n=1 + (n == 1)) for n in range(3)))
    outputs = write(
        tmp_path / "out.jsonl",
        result("r2", "last"),
        result("r1", "second", "third"),
        result("r0", "first", reasoning_content="hm"),
    )
    assert import_calls(ledger, outputs, model=MODEL, requests=requests) == Imported(3, 4, 0, 0, 0)
    models = Models(
        Asker(ledger, {"teacher": Scripted(lambda request: "made", MODEL)}, Prompts(), night="n"), problems[0], 0
    )
    replies = [await models.teacher("solve", temperature=1.0, max_tokens=100, sample=n) for n in range(4)]
    assert [reply.text for reply in replies] == ["first", "second", "third", "last"]
    assert replies[0].reasoning == "hm"
    call = ledger.find(replies[1].call_id)
    assert (call.prompt_tokens, call.completion_tokens, call.cached_tokens) == (9, 4, 8)
    assert ledger.find(replies[2].call_id).prompt_tokens == 0, "a request is read once"


def test_what_a_batch_did_not_answer_is_counted(ledger, tmp_path):
    requests = write(tmp_path / "in.jsonl", *(request(f"r{n}", seed=n) for n in range(6)))
    outputs = write(
        tmp_path / "out.jsonl",
        result("r0", "x"),
        {"custom_id": "r1", "response": None, "error": {"code": "batch_expired"}},
        {"custom_id": "r2", "response": {"status_code": 400, "body": {"error": {}}}, "error": None},
        result("r3", "x", finish_reason="content_filter"),
        "",
        result("r4", "cut", finish_reason="length"),
    )
    assert import_calls(ledger, outputs, model=MODEL, requests=requests) == Imported(5, 2, 0, 0, 4)


def test_importing_again_changes_nothing(ledger, tmp_path):
    file = write(
        tmp_path / "f.jsonl",
        {"messages": CHAT, "response": "x"},
        {"messages": CHAT, "completion": "y", "id": 7, "meta": {}},
    )
    assert import_calls(ledger, file, model=MODEL).new == 2
    assert import_calls(ledger, file, model=MODEL) == Imported(2, 0, 2, 0, 0)
    other = write(
        tmp_path / "g.jsonl",
        {"messages": CHAT, "response": "another"},
        {"messages": CHAT, "response": "z", "sample": 2},
    )
    assert import_calls(ledger, other, model=MODEL) == Imported(2, 1, 0, 1, 0)
    assert import_calls(ledger, other, model="qwen@2").new == 2
    assert import_calls(ledger, other, model=MODEL, defaults=Sampling(max_tokens=5)).new == 2


GOOD = {"messages": CHAT, "response": "x"}


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("{", "line 2: Invalid JSON"),
        ("[1]", "line 2: .*object"),
        ({"response": "x"}, "line 2: messages: Field required"),
        ({**GOOD, "messages": []}, "line 2: messages: "),
        ({**GOOD, "messages": [{"role": "user", "content": 7}]}, r"line 2: messages.0.content: "),
        ({**GOOD, "messages": [{"role": "bot", "content": "x"}]}, r"line 2: messages.0.role: "),
        ({"messages": CHAT}, "line 2: give the answer as `response`"),
        ({**GOOD, "completion": "y"}, "line 2: give the answer as `response`"),
        ({**GOOD, "temperature": 1}, "line 2: temperature is not read; known are messages"),
        ({**GOOD, "sampling": {"temprature": 1}}, "line 2: sampling.temprature is not read; known are temperature"),
        ({**GOOD, "sampling": {"temperature": -1}}, "line 2: sampling.temperature: "),
        ({**GOOD, "sampling": {"temperature": float("nan")}}, "line 2: "),
        ({**GOOD, "sampling": {"max_tokens": True}}, "line 2: sampling.max_tokens: "),
        ({**GOOD, "sampling": {"schema": {"type": "nonsense"}}}, "line 2: sampling.schema"),
        ({**GOOD, "sample": "first"}, "line 2: sample 'first'"),
        ({**GOOD, "sample": -1}, "line 2: sample"),
        ({**GOOD, "sample": "0.0"}, "line 2: sample 0.0 of this request stands on line 1 already"),
        ({**GOOD, "finish_reason": "tool_calls"}, "line 2: finish_reason: "),
        (result("r", "x"), "line 2: this is the output of a batch; name its input file with --requests"),
    ],
)
def test_a_line_that_cannot_be_read_is_named_and_nothing_is_imported(ledger, tmp_path, row, message):
    with pytest.raises(RecipeError, match=message):
        import_calls(ledger, write(tmp_path / "f.jsonl", GOOD, row), model=MODEL)
    assert ledger.count() == 0


@pytest.mark.parametrize(
    ("asked", "answered", "message"),
    [
        (request("r", tools=[{}]), result("r", "x"), "in.jsonl line 1: body.tools changes the answer"),
        (request("r", frequency_penalty=0.5), result("r", "x"), "body.frequency_penalty changes"),
        (request("r", model="gpt"), result("r", "x"), "body.model is 'gpt', but --model names 'qwen'"),
        (request("r", temperature="hot"), result("r", "x"), "body.temperature = 'hot'"),
        (request("r", max_tokens=0), result("r", "x"), "body.max_tokens = 0"),
        (request("r", messages=[{"role": "user", "content": [{}]}]), result("r", "x"), "body.messages.0 must have"),
        (request("r", response_format={"type": "json_object"}), result("r", "x"), "body.response_format must be"),
        ({"custom_id": "r"}, result("r", "x"), "a request has `custom_id`"),
        (request("r"), result("s", "x"), "out.jsonl line 1: custom_id 's' is not in"),
        (request("r"), {"id": 1}, "custom_id is missing"),
        (
            request("r"),
            {"custom_id": "r", "response": {"status_code": 200, "body": {}}},
            "response.body.choices is missing",
        ),
        (request("r"), "no json", "no JSON"),
    ],
)
def test_a_batch_that_cannot_be_read_is_named(ledger, tmp_path, asked, answered, message):
    with pytest.raises(RecipeError, match=message):
        import_calls(
            ledger, write(tmp_path / "out.jsonl", answered), model=MODEL, requests=write(tmp_path / "in.jsonl", asked)
        )
    assert ledger.count() == 0


def test_a_batch_may_ask_what_a_night_can_ask(ledger, tmp_path):
    schema = {"type": "json_schema", "json_schema": {"name": "n", "schema": {"type": "object"}}}
    asked = request(
        "r", stop="x", seed=3, user="me", frequency_penalty=0, response_format=schema, max_completion_tokens=7
    )
    import_calls(ledger, write(tmp_path / "o", result("r", "{}")), model=MODEL, requests=write(tmp_path / "i", asked))
    (call,) = ledger.unpublished()
    assert call.sampling == {
        "temperature": 1.0,
        "top_p": 1.0,
        "max_tokens": 7,
        "stop": ["x"],
        "schema": '{"type":"object"}',
    }


def test_a_bare_model_name_is_refused(ledger, tmp_path):
    with pytest.raises(RecipeError, match="NAME@REVISION"):
        import_calls(ledger, tmp_path / "f", model="qwen")
    with pytest.raises(RecipeError, match="cannot be read: No such file"):
        import_calls(ledger, tmp_path / "f", model=MODEL)


LINE = {"messages": CHAT, "response": "four"}


def test_a_mark_before_the_first_line_is_no_fault(ledger, tmp_path):
    file = tmp_path / "f.jsonl"
    file.write_bytes(b"\xef\xbb\xbf" + json.dumps(LINE).encode())
    assert import_calls(ledger, file, model=MODEL).new == 1
    outputs = tmp_path / "out.jsonl"
    outputs.write_bytes(b"\xef\xbb\xbf" + json.dumps(result("r", "five")).encode())
    requests = tmp_path / "in.jsonl"
    requests.write_bytes(b"\xef\xbb\xbf" + json.dumps(request("r")).encode())
    assert import_calls(ledger, outputs, model=MODEL, requests=requests).new == 1
    file.write_bytes(json.dumps(LINE).encode("utf-16"))
    with pytest.raises(RecipeError, match=r"line 1.*save it as UTF-8"):
        import_calls(ledger, file, model=MODEL)


def test_a_line_that_does_not_end_is_given_up():
    with pytest.raises(RecipeError, match="line 1 is longer than 64 MiB"):
        next(iter(generations._plain(Path("/dev/zero"), MODEL, Sampling(), {"lines": 0})))


@pytest.mark.parametrize(
    ("index", "right"),
    [(None, True), (1, True), (0, False), ("1", False), (-1, False), (1.5, False), (True, False), (10**30, False), ([], False)],
    ids=str,
)  # fmt: skip
def test_odd_indexes_of_a_batch_are_named(ledger, tmp_path, index, right):
    row = result("r", "first", "second")
    row["response"]["body"]["choices"][1]["index"] = index
    files = write(tmp_path / "out.jsonl", row), write(tmp_path / "in.jsonl", request("r", n=2))
    if right:
        assert import_calls(ledger, files[0], model=MODEL, requests=files[1]).new == 2
        return
    with pytest.raises(RecipeError, match=r"out.jsonl line 1: response.body.choices.1.index = .*from 0, each once"):
        import_calls(ledger, files[0], model=MODEL, requests=files[1])
    assert ledger.count() == 0


def test_counts_that_cannot_be_true_lose_no_answer(ledger, tmp_path):
    rows = []
    for number, count in enumerate([None, "9", -1, 10**30, 2**63, 1.5, {}]):
        rows.append(result(f"r{number}", f"answer {number}"))
        rows[-1]["response"]["body"]["usage"] = {"prompt_tokens": count, "completion_tokens": 3}
    requests = write(tmp_path / "in.jsonl", *(request(f"r{number}") for number in range(len(rows))))
    assert import_calls(ledger, write(tmp_path / "out.jsonl", *rows), model=MODEL, requests=requests).new == len(rows)
    assert {(call.prompt_tokens, call.completion_tokens) for call in ledger.unpublished()} == {(0, 3)}


def test_parts_and_other_words_for_the_end_are_read(ledger, tmp_path):
    row = result("r", [{"type": "text", "text": "fo"}, {"type": "text", "text": "ur"}], finish_reason="STOP")
    requests = write(tmp_path / "in.jsonl", request("r"))
    assert import_calls(ledger, write(tmp_path / "out.jsonl", row), model=MODEL, requests=requests).new == 1
    assert ledger.unpublished()[0].response == "four"


@pytest.mark.parametrize(
    "message",
    [
        {"content": [{"type": "text", "text": "see"}, {"type": "image_url", "text": "pzz", "image_url": {}}]},
        {"content": "four", "tool_calls": [{"id": "1", "function": {"name": "f", "arguments": "{}"}}]},
        {"content": None, "refusal": "I cannot help with that."},
    ],
)
def test_what_a_night_would_refuse_is_not_imported(ledger, tmp_path, message):
    asked = write(tmp_path / "in.jsonl", request("r"), request("r2", seed=1))
    row = result("r", "x")
    row["response"]["body"]["choices"][0]["message"] |= message
    answered = write(tmp_path / "out.jsonl", row, result("r2", "good"))
    imported = import_calls(ledger, answered, model=MODEL, requests=asked)
    assert (imported.lines, imported.new, imported.failed) == (2, 1, 1)


@pytest.mark.parametrize(
    "body",
    [{"stop": 5}, {"stop": {"a": 1}}, {"response_format": {"type": "json_schema", "json_schema": None}}, {"n": 10**9},
     {"max_tokens": 10**30}, {"temperature": 10**400}, {"top_p": "1"}, {"messages": None}, {"messages": [None]}],
    ids=str,
)  # fmt: skip
def test_odd_values_of_a_request_are_named(ledger, tmp_path, body):
    requests = write(
        tmp_path / "in.jsonl", request("r", **body) if "messages" not in body else request("r", body["messages"])
    )
    with pytest.raises(RecipeError, match=r"in.jsonl line 1: body\.") as error:
        import_calls(ledger, write(tmp_path / "out.jsonl", result("r", "x")), model=MODEL, requests=requests)
    assert len(str(error.value)) < 400


def test_a_credential_that_an_answer_quotes_is_not_imported(ledger, tmp_path, monkeypatch):
    monkeypatch.setenv("SOME_TEACHER_KEY", "sk-4fZk9Qw7Yx2LmN8vB3")
    quoting = {
        "messages": CHAT,
        "response": "you are Bearer sk-4fZk9Qw7Yx2LmN8vB3",
        "reasoning": "sk-4fZk9Qw7\nYx2LmN8vB3",
    }
    import_calls(ledger, write(tmp_path / "f.jsonl", quoting), model=MODEL)
    (call,) = ledger.unpublished()
    assert call.response == "you are Bearer [credential]" or "[credential]" in call.response
    assert "Yx2LmN8" not in call.response + call.reasoning


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=3), inner, max_size=2),
    max_leaves=4,
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60, deadline=None)
@given(
    where=st.sampled_from(
        ["custom_id", "error", "response", "response.status_code", "response.body", "response.body.choices", "response.body.usage",
         "response.body.choices.0", "response.body.choices.0.index", "response.body.choices.0.message",
         "response.body.choices.0.message.content", "response.body.choices.0.finish_reason"]
    ),
    value=JSON_VALUES,
)  # fmt: skip
def test_any_damage_of_a_line_is_a_sentence_or_a_failed_answer(ledger, tmp_path, where, value):
    row = result("r", "x")
    *path, last = where.split(".")
    part = row
    for name in path:
        part = part[int(name)] if isinstance(part, list) else part[name]
    part[int(last) if isinstance(part, list) else last] = value
    requests = write(tmp_path / "in.jsonl", request("r"))
    try:
        import_calls(ledger, write(tmp_path / "out.jsonl", row), model=MODEL, requests=requests)
    except RecipeError as error:
        assert "line 1" in str(error)
