"""Where the vLLM engine asks, with which credential, and that nobody else sees it."""

import pytest

from storage.errors import ModelServerError, RecipeError
from synth.engines.base import RequestRefused
from synth.engines.vllm import Vllm
from tests.synth.engines.scripted import Reply, ask, once, scripted

pytestmark = pytest.mark.usefixtures("short_pauses")


SECRET = "sk-not-for-anyone-1234567890"


async def test_the_credential_is_read_at_use_and_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    async with scripted() as endpoint:
        engine = Vllm(endpoint.url + "/v1/", "tiny", "digest", api_key_env="A_KEY")
        monkeypatch.delenv("A_KEY", raising=False)
        with pytest.raises(ModelServerError, match="A_KEY"):
            await engine.answer(ask())
        monkeypatch.setenv("A_KEY", SECRET)
        await engine.answer(ask())
        await engine.close()
        assert [headers["Authorization"] for headers in endpoint.headers] == [f"Bearer {SECRET}"]


@pytest.mark.parametrize("status", [200, 302, 400, 401, 403, 404, 418, 429, 500])
async def test_no_error_holds_the_credential(status: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("A_KEY", SECRET)
    echo = {"error": {"message": f"you sent Bearer {SECRET}"}}
    async with scripted(Reply(status, echo), canary=Reply(status, echo)) as endpoint:
        engine = Vllm(endpoint.url, "tiny", "digest", api_key_env="A_KEY", outage_s=0.1)
        with pytest.raises((ModelServerError, RequestRefused)) as refused:
            await engine.answer(ask())
        await engine.close()
    assert SECRET[:8] not in repr(refused.value) + str(refused.value)
    assert refused.value.__cause__ is None
    assert refused.value.__suppress_context__ or refused.value.__context__ is None


async def test_a_credential_with_a_line_break_is_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("A_KEY", f"{SECRET}\r\nX-Other: 1")
    with pytest.raises(ModelServerError, match="A_KEY") as refused:
        await once(api_key_env="A_KEY")
    assert SECRET not in str(refused.value)


@pytest.mark.parametrize(
    "endpoint", ["", "localhost:8000", "ftp://host", "http://", "http://host:99999999", "http://[::1"]
)
def test_an_endpoint_that_is_none_is_refused(endpoint: str) -> None:
    with pytest.raises(RecipeError, match="endpoint"):
        Vllm(endpoint, "tiny", "digest")


@pytest.mark.parametrize("endpoint", [f"http://me:{SECRET}@host", f"https://host/v1?key={SECRET}"])
def test_an_endpoint_never_carries_a_credential(endpoint: str) -> None:
    with pytest.raises(RecipeError, match="api_key_env") as refused:
        Vllm(endpoint, "tiny", "digest")
    assert SECRET not in str(refused.value)


@pytest.mark.parametrize("endpoint", ["http://h:1", "http://h:1/", "http://h:1/v1", "http://h:1/v1/"])
def test_an_endpoint_may_end_in_v1(endpoint: str) -> None:
    assert Vllm(endpoint, "tiny", "digest").fleet.members[0].root == "http://h:1"
