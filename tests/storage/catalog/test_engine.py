"""The lake's engine: a lake that DuckDB 1.5.5 wrote reads and grows under whatever DuckDB is installed."""

import tarfile
from pathlib import Path

import pytest

from storage.lake.lake import Lake, table_of
from storage.releases.checks import verify_release
from storage.releases.making import create_release
from storage.releases.reading import get_release
from storage.workspace import Workspace
from tests.storage.small import NIGHTS

ARCHIVE = Path(__file__).parent / "duckdb-1.5.5.tar.gz"
"""What `tests.storage.small.build` makes with format 3, packed on 2026-11-30 without its locks."""


@pytest.mark.slow
def test_a_lake_of_duckdb_1_5_5_reads_and_grows(tmp_path):
    with tarfile.open(ARCHIVE) as archive:
        archive.extractall(tmp_path / "old", filter="data")
    with Lake(Workspace.open(tmp_path / "old")) as lake:
        assert lake.rows("select night, method, made, accepted, rejected from funnel order by all") == [
            {"night": night, "method": method, "made": made, "accepted": accepted, "rejected": made - accepted}
            for night in NIGHTS
            for method, made, accepted in (("cot", 8, 6), ("tutorship", 4, 4))
        ]
        assert lake.query("from lake.samples at (version => 3)").num_rows <= 24, "older snapshots can be asked"
        before = get_release(lake, "set@2")
        assert verify_release(lake, before) == []
        sample = lake.query("select * exclude (commit_id) from samples where sample_id = 'cot-00'").to_pylist()[0]
        sample |= {"sample_id": "new", "attempt_id": "new", "response": "It is one."}
        verdict = {"sample_id": "new", "filter": "policy", "version": "1", "outcome": "accepted", "night": NIGHTS[0]}
        tables = {"samples": table_of("samples", [sample]), "verdicts": table_of("verdicts", [verdict])}
        assert lake.commit("new", "samples", tables, night=NIGHTS[0]).new
        after = create_release(lake, "set", night=NIGHTS[1])
        assert (before.rows, after.rows) == (20, 21)
    with Lake(Workspace.open(tmp_path / "old"), read_only=True) as lake:
        assert get_release(lake, after.id).table().num_rows == 21
