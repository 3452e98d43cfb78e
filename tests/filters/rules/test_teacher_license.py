"""The licence of who wrote a row stands in it, as the recipe said, and can be demanded."""

import pytest

from filters import get_filter
from filters.night.policy import decide, read_policies
from storage.ledger.ledger import Ledger
from storage.workspace import Workspace
from synth.calls.ask import Asker
from synth.calls.prompting import Prompts
from synth.engines.profile import Profile
from synth.engines.spec import ModelSpec
from synth.methods import get_method
from synth.night.runner import run_attempts
from synth.problems import open_source
from tests.filters.helpers import context, outcomes, row, table
from tests.synth.conftest import Scripted
from tests.synth.night.test_runner import attempts

NAMES = {"methods": ["cot"], "filters": ["teacher_license"]}


@pytest.mark.parametrize(
    ("licenses", "accept", "outcome"),
    [
        (["Apache-2.0", "MIT"], ("Apache-2.0", "MIT"), ("pass", None)),
        (["Apache-2.0", "no-competing-models"], ("Apache-2.0",), ("fail", "license_refused")),
        (["unknown"], ("Apache-2.0",), ("fail", "license_refused")),
        (["unknown"], None, ("pass", None)),
        ([], ("Apache-2.0",), ("pass", None)),
        (None, ("Apache-2.0",), ("unknown", "no_license_kept")),
    ],
)
def test_a_recipe_demands_licences(licenses, accept, outcome):
    options = {} if accept is None else {"accept": accept}
    rows = table({**row("a"), "licenses": licenses})
    assert outcomes(get_filter("teacher_license", options)(rows, context()))["a"] == outcome


@pytest.mark.parametrize(
    ("licenses", "accepted"),
    [
        (["MIT"], ("accepted", None)),
        (["unknown"], ("rejected", "teacher_license:license_refused")),
        (["MIT", "no-competing-models"], ("rejected", "teacher_license:license_refused")),
        (None, ("rejected", "teacher_license:no_license_kept")),
    ],
)
def test_a_policy_refuses_what_was_not_demanded(licenses, accepted):
    rows = table({**row("a"), "licenses": licenses})
    verdicts = get_filter("teacher_license", {"accept": ("MIT", "Apache-2.0")})(rows, context())
    (decision,) = decide(rows, verdicts).to_pylist()
    assert (decision["outcome"], decision["reason"]) == accepted
    (observed,) = decide(rows, verdicts, read_policies({"cot": {"observe": ["teacher_license"]}}, **NAMES)).to_pylist()
    assert observed["outcome"] == "accepted", "where it only observes, it rejects nothing"


async def test_a_row_has_the_licence_of_each_of_its_models(tmp_path):
    spec = ModelSpec(engine="vllm", endpoint="http://host/v1", name="t", revision="1", license="no-competing-models")
    profiles = {"teacher": spec.profile(None), "student": Profile(license="MIT")}
    engines = {
        "teacher": Scripted(lambda request: "#### 3", "big"),
        "student": Scripted(lambda request: "#### 3", "small"),
    }
    problems = list(open_source("arithmetic", {"tiers": [1]}).draw(2, seed=1, tier=1))
    with Ledger(Workspace.create(tmp_path / "w").ledger) as ledger:
        asker = Asker(ledger, engines, Prompts(), night="2026-01-01/test", profiles=profiles)
        finished = await run_attempts(attempts(get_method("cot"), problems), asker)
        (spoken,) = {(tuple(one["models"]), tuple(one["licenses"])) for one in finished.samples.to_pylist()}
        assert spoken == (("big",), ("no-competing-models",))
        unsaid = Asker(ledger, engines, Prompts(), night="2026-01-01/test")
        finished = await run_attempts(attempts(get_method("cot"), problems), unsaid)
        assert {tuple(one["licenses"]) for one in finished.samples.to_pylist()} == {("unknown",)}
