"""A key that a server refuses stops a night before it begins; a server that is away, or has no list, does not."""

import copy

import pytest

from benchmarks.soaking.plain import plain_nights
from flows.night.credentials import check_credentials
from flows.recipe.recipe import make_recipe
from storage.errors import ModelServerError
from storage.lake.lake import Lake
from tests.flows.conftest import SMALL
from tests.flows.endpoint import Endpoint, serving

KEY = "sk-right-and-long-4711"


class Guarded(Endpoint):
    """Lists its models to whoever has the key."""

    refusal = 401

    def do_GET(self):  # noqa: N802
        allowed = self.headers.get("Authorization") == f"Bearer {KEY}"
        self._send(200 if allowed else self.refusal, b'{"data": []}' if allowed else b"{}")


class Forbidding(Guarded):
    """Lets a key chat that may not list models."""

    refusal = 403


def recipe_of(folder, endpoint, **more):
    content = copy.deepcopy(SMALL)
    teacher = {"engine": "vllm", "endpoint": endpoint, "name": "m", "revision": "1", **more}
    return make_recipe({**content, "models": {"teacher": teacher}}, folder=folder)


@pytest.mark.parametrize(
    ("variable", "value", "sentence"),
    [
        (
            "TEACHER_KEY",
            "sk-wrong-and-long-4712",
            r"models.teacher: http.* refuses the credential in TEACHER_KEY .HTTP 401.",
        ),
        ("TEACHER_KEY", "", r"TEACHER_KEY \(its credential\) is empty or not set: export TEACHER_KEY"),
        (None, "", r"wants a credential .HTTP 401.; name its variable: models.teacher.api_key_env"),
    ],
)
def test_a_wrong_key_is_named_before_anything_is_asked(tmp_path, monkeypatch, variable, value, sentence):
    monkeypatch.setenv("TEACHER_KEY", value)
    with serving(Guarded) as address, pytest.raises(ModelServerError, match=sentence) as refused:
        check_credentials(recipe_of(tmp_path, address, **({"api_key_env": variable} if variable else {})))
    assert not value or value not in str(refused.value)


def test_what_says_nothing_about_the_key_is_left_to_the_night(tmp_path, monkeypatch):
    monkeypatch.setenv("TEACHER_KEY", KEY)
    with serving(Guarded) as right, serving(Forbidding) as forbidding, serving(Endpoint) as without_a_list:
        for address in (right, without_a_list, "http://127.0.0.1:9"):
            check_credentials(recipe_of(tmp_path, address, api_key_env="TEACHER_KEY"))
        monkeypatch.setenv("TEACHER_KEY", "sk-other-and-long-4713")
        check_credentials(recipe_of(tmp_path, forbidding, api_key_env="TEACHER_KEY"))


async def test_a_night_with_a_wrong_key_draws_nothing(workspace, tmp_path, monkeypatch):
    monkeypatch.setenv("TEACHER_KEY", "sk-wrong-and-long-4714")
    with serving(Guarded) as address, pytest.raises(ModelServerError, match="refuses the credential"):
        await plain_nights(recipe_of(tmp_path, address, api_key_env="TEACHER_KEY"), ["2026-01-02"], workspace.root)
    with Lake(workspace, read_only=True) as lake:
        assert lake.rows("select count(*) as n from attempts") == [{"n": 0}]
