"""Every method through a real vLLM server: what a tiny random model writes is rubbish, and all of it is accounted for."""

import pytest

from filters import filter_kinds, get_filter
from filters.base import Context, run_filters
from filters.night.policy import decide, read_policies
from storage.ledger.ledger import Ledger
from storage.workspace import Workspace
from synth.engines.vllm import Vllm
from synth.methods import methods
from tests.synth.methods.test_every_method import BUILT_IN, every_switch, finish, problems_for

pytestmark = [pytest.mark.vllm, pytest.mark.timeout(420)]


@pytest.mark.parametrize("method", BUILT_IN, ids=lambda item: item.name)
async def test_every_attempt_and_every_sample_is_accounted_for(method, vllm_server, tmp_path):
    params = every_switch(method)
    limits = {name: 24 for name in ("max_tokens", "attempt_tokens") if name in method.params.model_fields}
    params = method.params(**{**params.model_dump(exclude_unset=True), **limits})
    problems = problems_for(method)
    engine = Vllm(vllm_server.endpoint, vllm_server.name, "tiny@1")
    with Ledger(Workspace.create(tmp_path / "place").ledger) as ledger:
        finished, asker = await finish(method, problems, ledger, engine, params)
        again, silent = await finish(method, problems, ledger, engine, params)
    await engine.close()
    rows = finished.attempts.to_pylist()
    assert len(rows) == len(problems) and {row["status"] for row in rows} <= {"done", "failed"}
    assert all(row["reason"] and row["reason"] != "method_error" for row in rows if row["status"] == "failed")
    assert asker.made == 0 if not method.roles else asker.made > 0
    assert silent.made == 0 and again.samples.to_pylist() == finished.samples.to_pylist()
    judges = [
        get_filter(kind.name)
        for kind in filter_kinds().values()
        if kind.scope == "row" and kind.name != "decontamination"
    ]
    verdicts = run_filters(judges, finished.samples, Context(problems={problem.id: problem for problem in problems}))
    policies = read_policies(
        {}, methods=methods(), filters=filter_kinds(), observes={method.name: method.observes(params)}
    )
    decided = decide(finished.samples, verdicts, policies).to_pylist()
    assert len(decided) == finished.samples.num_rows
    assert all(row["outcome"] == "accepted" or row["reason"] for row in decided)
    if method.roles and not method.observes(params):  # nothing that a random model wrote is taught
        written = {row["sample_id"] for row in finished.samples.to_pylist() if row["origin"] == "model"}
        assert {row["outcome"] for row in decided if row["sample_id"] in written} <= {"rejected"}
