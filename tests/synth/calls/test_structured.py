import json

import pytest
from pydantic import BaseModel, Field, field_validator

from synth.calls.models import Models
from synth.calls.structured import read_structured, schema_text
from synth.engines.base import Answer, RequestRefused
from synth.methods.e2g import Evidence
from synth.methods.evol_instruct import Equality
from synth.scorers.pairwise import Verdict as PairVerdict
from synth.scorers.rubric import Grade
from tests.synth.conftest import Scripted


class Verdict(BaseModel):
    right: bool
    step: int | None = Field(None, ge=1)

    @field_validator("step")
    @classmethod
    def _not_thirteen(cls, value):
        if value == 13:
            raise ValueError("no thirteenth step")
        return value


NUMBERS = {"type": "array", "items": {"type": "integer"}, "minItems": 1}


async def test_a_reply_is_read_by_its_schema(make_asker, problems):
    engine = Scripted(lambda request: '{"right": true, "step": 2}')
    reply = await Models(make_asker(engine), problems[0], 0).student("solve", schema=Verdict)
    assert reply.value == Verdict(right=True, step=2)
    assert json.loads(engine.requests[0].sampling.schema)["properties"].keys() == {"right", "step"}
    plain = await Models(make_asker(Scripted(lambda request: "[1, 2]")), problems[0], 0).student(
        "solve", schema=NUMBERS
    )
    assert plain.value == [1, 2]


async def test_the_schema_enters_the_key(make_asker, problems):
    models = Models(make_asker(Scripted(lambda request: "[1]")), problems[0], 0)
    free, bound = await models.student("solve"), await models.student("solve", schema=NUMBERS)
    other = await models.student("solve", schema={**NUMBERS, "minItems": 0})
    same = await models.student("solve", schema=dict(NUMBERS))
    assert len({free.call_id, bound.call_id, other.call_id}) == 3 and same.call_id == bound.call_id


def test_what_is_declared_first_is_asked_for_first():
    """A server writes properties in the order of the schema: a judge's reasons before its verdict, a quote before the answer."""
    for model in (Verdict, PairVerdict, Grade, Evidence, Equality):
        properties = json.loads(schema_text(model))["properties"]
        assert list(properties) == list(model.model_fields)
    for judge in (PairVerdict, Grade, Equality):
        assert next(iter(judge.model_fields)) == "reason"
    assert list(Evidence.model_fields) == ["evidence", "answer"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "no JSON"),
        ("right", "no JSON"),
        ("NaN", "no JSON"),
        ('{"right": true} and more', "no JSON"),
        ('{"right": "yes"}', r"\$.right"),
        ('{"right": 1}', r"\$.right"),
        ('{"right": true, "step": 0}', r"\$.step"),
        ('{"step": 3}', "right"),
        ('{"right": true, "step": 13}', "thirteenth"),
        ("[" * 100_000, "no JSON"),
    ],
)
async def test_a_reply_that_breaks_its_schema_is_refused_and_kept(make_asker, problems, ledger, text, message):
    engine = Scripted(lambda request: text)
    for _ in range(2):
        with pytest.raises(RequestRefused, match=message) as caught:
            await Models(make_asker(engine), problems[0], 0).student("solve", schema=Verdict)
        assert caught.value.reason == "schema_violation" and len(str(caught.value)) <= 400
    assert len(engine.requests) == 1 and ledger.count() == 1, "it was paid for once, and stays"


async def test_a_reply_that_was_cut_off_is_no_value(make_asker, problems):
    async def cut(request):
        return Answer("[1", "length")

    engine = Scripted(lambda request: "")
    engine.answer = cut  # type: ignore[method-assign]
    with pytest.raises(RequestRefused, match="cut off at max_tokens"):
        await Models(make_asker(engine), problems[0], 0).student("solve", schema=NUMBERS)


def test_a_schema_that_is_none_is_the_methods_fault():
    with pytest.raises(ValueError, match="schema"):
        schema_text({"type": "nonsense"})


def test_a_schema_fetches_nothing():
    with pytest.raises(Exception, match=r"example\.invalid"):
        read_structured("1", {"$ref": "http://example.invalid/schema.json"}, complete=True)
