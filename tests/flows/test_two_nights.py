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
from flows.night.synthesis import synthesise
from flows.recipe.recipe import make_recipe
from flows.report.progress import Progress
from storage.catalog.leases import list_leases
from storage.lake.lake import Lake

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
    content = {"name": name, "problems": {"fresh": False, "sources": [source]}, "methods": [{"method": "gold"}]}
    return make_recipe(content, folder=folder)


def test_two_nights_that_decide_at_once_accept_no_row_twice(either, tmp_path):
    at_the_end = threading.Barrier(2)
    met, failures = [], []

    class Waiting(Curator):
        """Has read what the other nights accepted, and commits when the other night has read it too, or does not come."""

        def decide_night(self, fence=lambda: None):
            def late():
                try:
                    at_the_end.wait(OTHER_S)
                    met.append(True)
                except threading.BrokenBarrierError:
                    pass
                fence()

            super().decide_night(late)

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
