"""How answers that have to differ are drawn: as recipe, paper or model say, and only then as we do."""

import pytest

from synth.calls.ask import Asker
from synth.calls.models import Models
from synth.calls.prompting import Prompts
from synth.engines.profile import Profile
from synth.engines.sampling_spec import SamplingSpec
from synth.methods import get_method, methods
from tests.synth.conftest import Scripted


@pytest.mark.parametrize("name", sorted(methods()))
def test_no_method_says_by_itself_how_a_model_is_sampled(name):
    fields = methods()[name].params.model_fields
    own = {key: fields[key].default for key in SamplingSpec.model_fields if key != "max_tokens" and key in fields}
    assert set(own.values()) <= {None}, own


@pytest.mark.parametrize(
    ("method", "params", "role", "card", "temperature", "top_p"),
    [
        ("adactrl", {}, {}, {}, 0.7, 1.0),
        ("adactrl", {}, {}, {"temperature": 0.6, "top_p": 0.95}, 0.6, 0.95),
        ("adactrl", {}, {"temperature": 0.3}, {"temperature": 0.6}, 0.3, 1.0),
        ("self_rewarding", {}, {}, {"temperature": 0.6, "top_p": 0.95}, 0.7, 0.9),
        ("self_rewarding", {}, {"top_p": 0.5}, {}, 0.7, 0.5),
        ("self_rewarding", {"temperature": 0}, {"temperature": 0.3}, {}, 0.0, 0.9),
    ],
)
async def test_the_recipe_the_paper_and_the_model_come_before_ours(
    ledger, problems, method, params, role, card, temperature, top_p
):
    student = Scripted(lambda request: "#### 1")
    profiles = {"student": Profile(role=SamplingSpec(**role), card=SamplingSpec(**card))}
    asker = Asker(ledger, {"student": student}, Prompts(), night="2026-01-01/test", profiles=profiles)
    await Models(asker, problems[0], 0).student("solve", **get_method(method).params(**params).sampling)
    sampling = student.requests[0].sampling
    assert (sampling.temperature, sampling.top_p) == (temperature, top_p)
