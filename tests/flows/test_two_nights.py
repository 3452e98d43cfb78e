"""Two different nights at once, on either catalogue: what one accepts, the other sees, since they decide one after the other."""

import asyncio
import json
import threading
from contextlib import ExitStack

import pytest

from benchmarks.soaking.plain import without_prefect
from filters.night.curate import Curator
from flows import nightly
from flows.night.night import open_night
from flows.night.reverify_history import carry_out
from flows.night.synthesis import synthesise
from flows.recipe.recipe import make_recipe
from flows.report.progress import Progress
from storage.catalog.leases import acquire, list_leases
from storage.errors import LeaseError
from storage.lake.lake import Lake
from storage.lake.reviews import Review, record_reviews
from tests.flows.night import older
from tests.flows.night.test_reverify_history import EVERY

pytestmark = pytest.mark.slow

OTHER_S = 10.0
"""How long a decision waits, before it commits, for the other one to come as far: it must not."""


def recipe_of(name, folder):
    """A night that passes on a file's solutions, the same whatever the recipe is called."""
    file = folder / "problems.jsonl"
    lines = [
        {
            "q": f"Ann has {n} pears and buys {n + 3}. How many has she?",
            "a": str(2 * n + 3),
            "how": f"{n} + {n + 3} = {2 * n + 3}",
        }
        for n in range(11, 41)
    ]
    file.write_text("".join(json.dumps(line) + "\n" for line in lines))
    mapping = {"question": "q", "answer": "a", "solution": "how"}
    source = {"name": "mine", "kind": "file", "options": {"path": str(file), "mapping": mapping}}
    content = {
        "name": name, "problems": {"fresh": False, "sources": [source]}, "methods": [{"method": "gold"}],
        "policy": {"gold": {"reviews": "respect"}},
    }  # fmt: skip
    return make_recipe(content, folder=folder)


def test_two_nights_that_decide_at_once_accept_no_row_twice(either, tmp_path):
    at_the_end = threading.Barrier(2)
    met, failures = [], []

    class Waiting(Curator):
        """Has read what the other nights accepted, and commits when the other night has read it too, or does not come."""

        def _decisions(self, night):
            decisions = super()._decisions(night)
            try:
                at_the_end.wait(OTHER_S)
                met.append(True)
            except threading.BrokenBarrierError:
                pass
            return decisions

    def decide(name):
        try:
            with open_night(recipe_of(name, tmp_path), "2026-01-01", either, Progress(quiet=True)) as night:
                nightly.curate(
                    night, Waiting(night.lake, night.id, night.rules, manifest=night.benchmarks, student=None)
                )
        except Exception as error:
            failures.append(error)

    with ExitStack() as stack:
        stack.enter_context(without_prefect())
        for name in ("one", "two"):
            with open_night(recipe_of(name, tmp_path), "2026-01-01", either, Progress(quiet=True)) as night:
                nightly.plan(night)
                asyncio.run(synthesise(night, nightly.make_curator(night), None))
        threads = [threading.Thread(target=decide, args=(name,)) for name in ("one", "two")]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert failures == [] and met == [], "the second had read before the first committed"
    with Lake(either, read_only=True) as lake:
        rows = lake.rows("select night, count(*) n from accepted group by all")
        assert len(rows) == 1 and rows[0]["n"] > 0, rows
        reasons = lake.rows("select reason, count(*) n from rejected group by all")
        assert {row["reason"].partition(":")[0] for row in reasons} == {"exact_duplicates"}
        assert lake.rows("select count(*) n from samples")[0]["n"] == rows[0]["n"] + sum(row["n"] for row in reasons)
        assert list_leases(lake.catalog) == []


def paused_before(lake, kind, step):
    """Let a process pause right before its commit of a kind, for so long that another takes its lease and ends with it."""
    commit = lake.commit

    def late(key, of_kind, tables, **more):
        if of_kind == kind:
            with lake.catalog.transaction() as execute:
                execute("update nightschool_leases set expires = 0 where name = ?", [step])
            acquire(lake.catalog, step, purpose="another").release()
        return commit(key, of_kind, tables, **more)

    lake.commit = late


def refused(lake, kind, step, work):
    """Whether work is refused because its lease changed hands, with nothing of the kind committed."""
    paused_before(lake, kind, step)
    before = lake.rows("select count(*) n from commits where kind = ?", [kind])
    with pytest.raises(LeaseError, match=f"lease {step} is lost"):
        work()
    del lake.commit
    return lake.rows("select count(*) n from commits where kind = ?", [kind]) == before


def test_a_night_whose_lease_passed_to_another_draws_and_decides_nothing(either, tmp_path):
    progress = Progress(quiet=True)
    with without_prefect(), open_night(recipe_of("one", tmp_path), "2026-01-01", either, progress) as night:
        lake = night.lake
        assert refused(lake, "plan", "draw", lambda: nightly.plan(night))
        nightly.plan(night)
        curator = nightly.make_curator(night)
        asyncio.run(synthesise(night, curator, None))
        assert refused(lake, "curate", "decision", lambda: nightly.curate(night, curator))
        nightly.curate(night, curator)
        (row,) = lake.rows("select sample_id from accepted limit 1")
        record_reviews(lake, [Review("r", row["sample_id"], "ada", "reject")])
        assert refused(lake, "reviews", "decision", lambda: nightly.curate(night, curator))
        assert lake.rows("select 1 from accepted where sample_id = ?", [row["sample_id"]])
        nightly.curate(night, curator)
        assert not lake.rows("select 1 from accepted where sample_id = ?", [row["sample_id"]])


def test_history_is_not_judged_again_under_a_lease_that_passed_to_another(either):
    older.write(either)
    with Lake(either) as lake:
        before = lake.rows("select * from decisions order by sample_id")
        assert refused(lake, "reverify", "decision", lambda: carry_out(lake, EVERY, lambda line: None, "test"))
        assert lake.rows("select * from decisions order by sample_id") == before
