"""`nightschool review` as people call it: a sample is dealt, reviews take effect as the recipe's policy says."""

import json

import pytest
from typer.testing import CliRunner

from flows.cli import app
from storage.lake.lake import Lake
from storage.lake.reviews import Review, record_reviews
from tests.storage.small import build

RECIPE = """
name: r
dataset: set
problems: {sources: [{name: made, kind: arithmetic, limit: 1}]}
models: {teacher: {engine: solver}}
methods: [{method: cot}]
policy: {cot: {reviews: respect}, tutorship: {reviews: require}}
"""


@pytest.fixture
def review(tmp_path):
    workspace = build(tmp_path / "w")
    (tmp_path / "r.yaml").write_text(RECIPE)
    with Lake(workspace) as lake:
        said = {"cot-00": "reject", "cot-01": "accept", "tutorship-00": "accept"}
        record_reviews(lake, [Review(name, name, "ada", verdict) for name, verdict in said.items()])

    def call(*arguments):
        done = CliRunner().invoke(app, [*arguments, "--workspace", str(workspace.root)])
        assert done.exit_code == 0, done.output
        return done.stdout

    call.recipe = str(tmp_path / "r.yaml")
    return call


@pytest.mark.slow
def test_reviews_take_effect_and_the_next_release_follows_them(review):
    assert "0 rows come in, 8 leave, 7 wait" in review("review", "apply", review.recipe)
    assert json.loads(review("review", "apply", review.recipe, "--json")) == {"entered": 0, "left": 0, "waiting": 7}
    review("release", "create", "set")
    rows = json.loads(
        review("sql", "select method, count(*)::int as n from accepted group by all order by all", "--json")
    )
    assert rows == [{"method": "cot", "n": 11}, {"method": "tutorship", "n": 1}]
    kept_out = review("sql", "select distinct reason from rejected where reason like 'reviews%' order by all", "--csv")
    assert kept_out.split() == ["reason", "reviews:missing", "reviews:rejected"]
    off = ["--set", "policy.cot.reviews=ignore", "--set", "policy.tutorship.reviews=ignore"]
    assert "8 rows come in, 0 leave, 0 wait" in review("review", "apply", review.recipe, *off)
